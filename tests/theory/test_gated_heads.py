"""GatedHeads: at the identity logistic regression, at the ends of the gate one of its heads, and as sure as the frozen one."""

import math

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from quickstudy import learners
from quickstudy.errors import LearnerError
from quickstudy.metrics import abstention_auroc
from quickstudy.metrics.predicted import Predicted
from quickstudy.task import Examples, Task


def task(ways: int = 4, shots: int = 5) -> Task:
    generator = torch.Generator().manual_seed(ways * shots)
    centres = torch.randn(ways, 6, generator=generator, dtype=torch.float64)

    def side(each: int) -> Examples:
        labels = torch.arange(ways).repeat_interleave(each)
        noise = torch.randn(len(labels), 6, generator=generator, dtype=torch.float64)
        return Examples.of(centres[labels] + noise, labels)

    return Task(side(shots), side(20))


def outputs(learner: learners.GatedHeads, given: Task) -> torch.Tensor:
    learner = learner.double().eval()
    state = learner.adapt(given.support.replace(learner.encode(given.support.x)))
    return learner.predict(state, learner.encode(given.query.x)).detach()


def with_one(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], 1)


def test_with_the_identity_for_a_map_it_is_scikit_learns_logistic_regression() -> None:
    given = task()
    found = outputs(learners.GatedHeads(nn.Flatten(), nn.Identity(), penalty=0.5, scale=1.0, by_shots=0.0), given)
    fitted = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-10, max_iter=10_000)
    fitted.fit(with_one(given.support.x).numpy(), given.support.labels.numpy())
    wanted = torch.as_tensor(fitted.predict_proba(with_one(given.query.x).numpy()))
    assert torch.allclose(found.softmax(-1), wanted, atol=1e-5)


@pytest.mark.parametrize(("gate", "which"), [(1e-9, "frozen"), (1 - 1e-9, "mapped")])
def test_at_the_ends_of_the_gate_its_answers_are_those_of_one_head(gate: float, which: str) -> None:
    given, turn = task(), nn.Linear(6, 6).double()
    found = outputs(learners.GatedHeads(nn.Flatten(), turn, penalty=0.5, gate=gate, by_shots=0.0), given)
    alone = learners.LRD2(nn.Flatten() if which == "frozen" else turn, penalty=0.5).double()
    state = alone.adapt(given.support.replace(alone.encode(given.support.x)))
    assert (found.argmax(1) == alone.predict(state, alone.encode(given.query.x)).argmax(1)).all()


def test_it_is_as_sure_as_the_frozen_head_whatever_the_map() -> None:
    given, turn = task(), nn.Linear(6, 6)
    frozen = outputs(learners.GatedHeads(nn.Flatten(), nn.Identity(), penalty=0.5, scale=1.0, by_shots=0.0), given)
    found = outputs(learners.GatedHeads(nn.Flatten(), turn, penalty=0.5, scale=2.0, gate=0.9, by_shots=0.0), given)
    odds, wanted = (torch.log((1 - p) / p) - math.log(3) for p in (f.softmax(-1).amax(-1) for f in (found, frozen)))
    assert torch.allclose(odds, 2 * wanted, atol=1e-6)
    y = given.query.y * (torch.arange(len(given.query)) % 3 > 0)[:, None]  # some queries of no class
    pair = [abstention_auroc(Predicted.of(f, learners.GatedHeads.likelihood), y) for f in (found, frozen)]
    assert pair[0] == pytest.approx(pair[1], abs=1e-12)


def test_penalty_scale_and_gate_follow_shots_and_ways() -> None:
    given = task(ways=3, shots=4)
    learner = learners.GatedHeads(nn.Flatten(), nn.Identity(), penalty=0.2, scale=3.0, gate=0.5).double()
    with torch.no_grad():
        learner.by_shots.copy_(torch.tensor([0.5, -1.0, 0.25, 2.0]))
        learner.by_ways.copy_(torch.tensor([-1.0, 0.5, 1.0, -0.5]))
        state = learner.adapt(given.support.replace(learner.encode(given.support.x)))
    assert float(state.scale) == pytest.approx(3 * 4**0.25 * 3)
    assert float(state.gate) == pytest.approx(1 / (1 + math.exp(0.5 * math.log(3) - 2 * math.log(4))))
    for head, penalty in ((state.frozen, 0.2 * 4**0.5 / 3), (state.mapped, 0.2 / 4 * 3**0.5)):
        alone = learners.LRD2(nn.Flatten(), penalty=penalty).double().adapt(given.support)
        assert torch.allclose(head.weight, alone.weight, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "said"), [({"penalty": 0.0}, "penalty=0.0"), ({"gate": 1.0}, "gate=1.0"), ({"steps": 0}, "steps=0")]
)
def test_wrong_numbers_are_refused(arguments: dict[str, float], said: str) -> None:
    with pytest.raises(LearnerError, match=said):
        learners.GatedHeads(nn.Flatten(), nn.Identity(), **arguments)  # type: ignore[arg-type]
