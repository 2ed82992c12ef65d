"""The sinusoid's known numbers: by quadrature, by Monte Carlo through the evaluation, and as the border no learner crosses."""

import math
from collections.abc import Callable

import pytest
import torch
from scipy.integrate import quad
from torch import Tensor

from quickstudy import Examples, Report, compare, evaluate, learners
from quickstudy.functional import SGD
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.tasks import Sinusoid

ZERO, CONSTANT, BEST = 4.2517, 3.0057, -1.6234
GRID = Sinusoid(10, 100, grid=False)
TASKS = 4000


def always(fn: Callable[[Tensor], Tensor]) -> Callable[[Examples], Callable[[Tensor], Tensor]]:
    """A baseline that does not look at its support set."""
    return lambda support: fn


def evaluated(fn: Callable[[Tensor], Tensor]) -> Report:
    return evaluate(always(fn), GRID, tasks=TASKS, seed=1)


@pytest.fixture(scope="module")
def zero() -> Report:
    return evaluated(torch.zeros_like)


@pytest.fixture(scope="module")
def constant() -> Report:
    return evaluated(lambda x: BEST * x.cos())


def test_by_quadrature() -> None:
    """E[A²]/2; the best function of x alone is E[A] E_b[sin(x − b)] = −(2/π) E[A] cos x."""
    square, mean = (quad(lambda a, p=p: a**p / 4.9, 0.1, 5)[0] for p in (2, 1))
    wave = quad(lambda b: math.sin(1.0 - b) / math.pi, 0, math.pi)[0] / math.cos(1.0)
    cosine = quad(lambda x: math.cos(x) ** 2 / 10, -5, 5)[0]
    assert square / 2 == pytest.approx(ZERO, abs=5e-5)
    assert mean * wave == pytest.approx(BEST, abs=5e-5)
    assert square / 2 - (mean * wave) ** 2 * cosine == pytest.approx(CONSTANT, abs=5e-5)


@pytest.mark.parametrize(("name", "anchor"), [("zero", ZERO), ("constant", CONSTANT)])
def test_by_monte_carlo(name: str, anchor: float, request: pytest.FixtureRequest) -> None:
    """Within four standard errors, and these are small: 4,000 tasks of 100 points."""
    report: Report = request.getfixturevalue(name)
    half = (report.interval[1] - report.interval[0]) / 2
    assert abs(report.mean - anchor) < 2 * half < 0.3
    assert report.metric == "mse" and not report.higher_is_better


@pytest.mark.parametrize("change", [lambda x: 0.2 * x.cos(), lambda x: -0.2 * x.cos(), lambda x: 0.2 * x.sin(), torch.ones_like])
def test_no_other_constant_function_is_better(change: Callable[[Tensor], Tensor], constant: Report) -> None:
    other = evaluated(lambda x: BEST * x.cos() + change(x))
    assert compare(other, constant).interval[0] > 0


@pytest.mark.parametrize("shots", [2, 10])
def test_the_oracle_is_exact(shots: int) -> None:
    report = evaluate(Sinusoid.oracle, Sinusoid(shots, 100, grid=True), tasks=100)
    assert report.mean < (1e-6 if shots > 2 else 1e-2) and sorted(report.scores)[90] < 1e-6


@pytest.mark.parametrize(
    "learner",
    [
        learners.MAML(MLP(1, outputs=1), inner_lr=0.01, test_steps=10, likelihood=Gaussian()),
        learners.Reptile(MLP(1, outputs=1), rule=SGD(0.01), test_steps=32, likelihood=Gaussian()),
        learners.FromScratch(MLP(1, outputs=1), steps=20, likelihood=Gaussian()),
    ],
    ids=lambda learner: type(learner).__name__,
)
def test_no_learner_beats_the_oracle(learner: learners.MAML) -> None:
    source = Sinusoid(10, 100, grid=True)
    mine, oracle = evaluate(learner, source, tasks=50), evaluate(Sinusoid.oracle, source, tasks=50)
    assert mine.digest == oracle.digest
    assert compare(oracle, mine).interval[1] < 0 and mine.mean > 0.5


def test_ranges_and_the_wave_itself() -> None:
    source = Sinusoid(5, 7)
    plan = source.plan(2000, torch.Generator().manual_seed(0))
    task = source.gather(plan)
    for values, low, high in ((plan.amplitude, 0.1, 5), (plan.phase, 0, math.pi), (task.query.x, -5, 5), (task.support.x, -5, 5)):
        assert low <= values.min() < low + 0.1 and high - 0.1 < values.max() <= high
    wave = plan.amplitude[:, None] * (task.support.x[..., 0] - plan.phase[:, None]).sin()
    torch.testing.assert_close(task.support.y[..., 0], wave)
    grid = Sinusoid(5, 11, grid=True).sample(2).query.x[..., 0]
    torch.testing.assert_close(grid, torch.linspace(-5, 5, 11).expand(2, -1))
