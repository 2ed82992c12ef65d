"""Windows of a trajectory and their scores against finite differences; the rule that starts as Adam against Adam."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from quickstudy import functional, learners
from quickstudy.errors import LearnerError
from quickstudy.execution.batching import Strategy, meta_gradient
from quickstudy.functional import MeanLogLoss, Windows, log_sign, mean_loss
from quickstudy.functional.unroll import Weights
from quickstudy.likelihood import Gaussian
from quickstudy.nn import AdamLSTM, CoordinateLSTM, LearnedRule
from quickstudy.task import Task
from quickstudy.tasks import Quadratics
from quickstudy.tasks.source import generator_of
from theory.differences import deviation

D, LEAST = 4, math.log(math.pi) / 2


@pytest.fixture(autouse=True)
def double(seeded: None) -> None:
    """After every test the default of before is restored by `seeded`."""
    torch.set_default_dtype(torch.float64)


def bent(hidden: int = 4) -> AdamLSTM:
    """A rule away from its start as Adam."""
    rule = AdamLSTM(hidden)
    nn.init.normal_(rule.head.weight, std=0.3)
    return rule


def problem() -> Task:
    plan = Quadratics(D).plan(1, generator_of(0))
    return Quadratics(D).gather(type(plan)(plan.w.double(), plan.y.double()))


def steps_of(rule: LearnedRule, grads: list[Tensor]) -> Tensor:
    memory, steps = rule.init({"a": grads[0]}), []
    for g in grads:
        step, memory = rule({"a": g}, memory)
        steps.append(step["a"])
    return torch.stack(steps)


def test_the_log_score_weighs_each_gradient_by_its_own_loss() -> None:
    """``mean_t ∇L_t / (L_t − least + margin)``, and nothing else."""
    losses = torch.tensor([5.0, 0.7, 0.61], requires_grad=True)
    score = MeanLogLoss(least=0.6, margin=0.05)
    (slopes,) = torch.autograd.grad(score(losses), losses)
    torch.testing.assert_close(slopes, 1 / (3 * (losses.detach() - 0.55)))
    assert float(score(losses.detach())) == pytest.approx(sum(math.log(x - 0.55) for x in (5.0, 0.7, 0.61)) / 3)
    assert float(mean_loss(losses.detach())) == pytest.approx((5 + 0.7 + 0.61) / 3)


@pytest.mark.parametrize("strategy", ["loop", "vmap"])
@pytest.mark.parametrize("rule", [lambda: CoordinateLSTM(4), bent], ids=["plain", "from Adam"])
def test_windows_are_differentiated_each_from_where_it_begins(strategy: Strategy, rule: type[LearnedRule]) -> None:
    """What came before a window was walked by the rule as it was; differences move the rule inside of the window alone."""
    moved, score = rule(), MeanLogLoss(LEAST, 0.1)
    nn.init.normal_(moved.head.weight, std=0.3)  # type: ignore[arg-type, union-attr]
    learner = learners.LearnedOptimizer(
        nn.Linear(D, 1, bias=False),
        moved,
        steps=6,
        window=Windows(2, 3, score),
        start=functional.as_given,
        first_order=False,
        likelihood=Gaussian(),
    ).train()
    assert learner.facts.gradient == "surrogate"
    task, before = problem(), copy.deepcopy(learner.rule)
    value = meta_gradient(learner, task, strategy=strategy)
    support = task[0].support

    def loss(weights: Weights) -> Tensor:
        return nn.functional.mse_loss(support.x @ weights["weight"].mT, support.y)

    def objective() -> float:
        scores = []
        for window in range(3):
            weights: Weights = {"weight": learner.network.weight.detach()}  # type: ignore[dict-item, union-attr]
            memory, losses = before.init(weights), []
            for step in range(2 * window + 2):
                inside = step >= 2 * window
                slope = functional.gradient(loss, weights, first_order=True)
                with torch.no_grad():
                    change, memory = (learner.rule if inside else before)(slope, memory)
                    weights = {"weight": weights["weight"] - change["weight"]}
                    losses += [math.log(float(loss(weights)) + 0.1)] if inside else []
            scores.append(sum(losses) / 2)
        return sum(scores) / 3

    assert objective() == pytest.approx(float(value), rel=1e-12)
    weights = list(learner.rule.parameters())
    assert deviation(objective, weights, [w.grad for w in weights if w.grad is not None]) < 1e-5


def test_windows_that_fill_the_trajectory_have_no_run_up() -> None:
    """Then nothing is left to chance but the start."""
    learner = learners.LearnedOptimizer(
        nn.Linear(D, 1), bent(), steps=6, window=Windows(3, 2), start=functional.as_given, likelihood=Gaussian()
    ).train()
    with torch.no_grad():
        assert float(learner.objective(problem()[0])) == float(learner.objective(problem()[0]))


def test_windows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(LearnerError, match="3 × 4 steps of windows do not fit into 10"):
        learners.LearnedOptimizer(nn.Linear(2, 1), bent(), steps=10, window=Windows(4, 3))
    for length, count in ((0, 1), (1, 0)):
        with pytest.raises(LearnerError, match="at least one window of at least one step"):
            Windows(length, count)
    with pytest.raises(LearnerError, match="margin above 0"):
        MeanLogLoss(margin=0.0)


def test_an_untrained_rule_is_adam() -> None:
    support, start = problem()[0].support, torch.randn(D, 1)

    def loss(weights: Weights) -> Tensor:
        return nn.functional.mse_loss(support.x @ weights["a"], support.y)

    for scale in (0.02, 0.3):
        mine = functional.descend(loss, {"a": start}, rule=AdamLSTM(scale=scale), steps=40)
        theirs = functional.descend(loss, {"a": start}, rule=functional.Adam(scale, (0.9, 0.99)), steps=40)
        torch.testing.assert_close(mine["a"], theirs["a"], rtol=1e-5, atol=1e-7)


def test_a_trained_rule_bends_adams_step_by_what_it_reads() -> None:
    """Inputs by their sums over the past, and the step from the network's two outputs."""
    rule, seen, said = bent(), [], []
    rule.cells[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    rule.head.register_forward_hook(lambda _, __, output: said.append(output))
    grads = list(torch.randn(6, 5) * 10.0 ** torch.randn(6, 5))
    found = steps_of(rule, grads)
    for t in range(6):
        past = torch.stack(grads[: t + 1])

        def mean(values: Tensor, beta: float, t: int = t) -> Tensor:
            shares = torch.tensor([(1 - beta) * beta ** (t - s) for s in range(t + 1)])
            return (shares[:, None] * values).sum(0) / shares.sum()

        size = mean(past**2, 0.99).sqrt()
        moments = [mean(past, beta) / size for beta in (0.5, 0.9, 0.97)]
        expected = torch.stack([*moments, grads[t] / size, *log_sign(grads[t]).unbind(-1)], -1)
        torch.testing.assert_close(seen[t], expected, rtol=1e-6, atol=1e-8)
        torch.testing.assert_close(found[t], 0.1 * (said[t][:, 0].exp() * moments[1] + said[t][:, 1]), rtol=1e-6, atol=1e-8)


def test_a_gradient_of_zero_sends_nothing_odd_back() -> None:
    g = torch.zeros(3, requires_grad=True)
    (slope,) = torch.autograd.grad(steps_of(bent(), [g, g]).sum(), g)
    assert bool(slope.isfinite().all())


@pytest.mark.parametrize(
    "wrong",
    [{"hidden": 0}, {"layers": 0}, {"betas": (0.9, 1.0)}, {"second": 1.0}, {"main": 3}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_rule_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(LearnerError, match="must be a whole number of at least 1|decays lie in"):
        AdamLSTM(**wrong)  # type: ignore[arg-type]
