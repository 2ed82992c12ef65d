"""Evaluation in worlds: a learner's own tries, functions beside it, and a training that resumes bit for bit."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from quickstudy import compare, evaluate, learners, train
from quickstudy.errors import TaskError
from quickstudy.evaluation import interact
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.execution.acting import Acting
from quickstudy.likelihood import Bernoulli
from quickstudy.nn import MLP
from quickstudy.task import Examples
from quickstudy.tasks import Grasping
from quickstudy.tasks.source import generator_of


def learner() -> learners.AttentiveProcess:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = [MLP(10, (8,), outputs=8), MLP(10, (8,), outputs=8), MLP(5, (8,), outputs=8), MLP(22, (16,), outputs=5)]
        return learners.AttentiveProcess(*networks, heads=2, likelihood=Bernoulli())


def greedy(support: Examples) -> Callable[[Tensor], Tensor]:
    return lambda x: -(x[:, 3:] - torch.tensor([0.0, 0.5])).square().sum(1)


def test_reports_are_of_the_last_action() -> None:
    source = Grasping(2)
    plan = source.plan(30, generator_of(4))
    mine, other = (evaluate(model, source, plan=plan, seed=4) for model in (learner(), greedy))
    assert mine.metric == "success" and mine.higher_is_better and len(mine.scores) == 30
    fixed, _ = source.interact(
        plan, lambda support, x, last=False: -(x[..., 3:] - torch.tensor([0.0, 0.5])).square().sum(-1)[..., None]
    )
    torch.testing.assert_close(torch.tensor(other.scores), fixed)
    assert compare(mine, other).difference == pytest.approx(mine.mean - other.mean)
    assert evaluate(learner(), source, plan=plan, seed=4, limit=7).scores == mine.scores[:7]


def test_one_by_one_and_together_are_alike() -> None:
    source = Grasping(2)
    plan = source.plan(5, generator_of(4))
    together, alone = (evaluate(learner(), source, plan=plan, strategy=way).scores for way in ("vmap", "loop"))  # type: ignore[arg-type]
    assert together == pytest.approx(alone, abs=1e-5)


def test_what_tries_may_differ_from_what_counts() -> None:
    class Two:
        def __call__(self, support: Examples) -> Callable[[Tensor], Tensor]:
            assert len(support) == 2 and support.x[:, 4].tolist() == [1.0, 1.0]
            return greedy(support)

        def trying(self, support: Examples) -> Callable[[Tensor], Tensor]:
            return lambda x: x[:, 4]  # as firm as can be

    assert evaluate(Two(), Grasping(2), tasks=3).scores == evaluate(greedy, Grasping(2), tasks=3).scores


def test_a_learner_acts_before_any_try() -> None:
    report = evaluate(learner(), Grasping(0), tasks=3)
    assert report.scores == evaluate(learner(), Grasping(0), tasks=3, strategy="loop").scores


def test_a_report_for_each_round() -> None:
    found = interact(greedy, [Grasping(0), Grasping(1), Grasping(3)], tasks=4)
    assert len(found) == 3 and len({report.scores for report in found}) == 1, "it learns nothing, in the same worlds"
    assert found[0].source != found[1].source
    with pytest.raises(TaskError, match="no rounds"):
        interact(greedy, [])


def test_a_control_is_shown_other_ends() -> None:
    report = evaluate(ShuffledSupport(learner()), Grasping(3), tasks=3, strategy="loop")
    assert len(report.scores) == 3


def weights(stop: int | None = None) -> list[Any]:
    """Losses and final weights of six steps, whose second half holds tries of the learner's own; stopped and taken up again."""
    made, source = learner(), Grasping(3, 4, after=2)
    optimizer = torch.optim.Adam(made.parameters(), 1e-2)
    settings: dict[str, Any] = {"batch": 8, "optimizer": optimizer, "seed": 3}
    losses = [record.loss for record in train(made, source, steps=6 if stop is None else stop, **settings)]
    if stop is not None:
        kept, state = made.state_dict(), optimizer.state_dict()
        made = learner()
        made.load_state_dict(kept)
        optimizer = torch.optim.Adam(made.parameters(), 1e-2)
        optimizer.load_state_dict(state)
        losses += [record.loss for record in train(made, source, steps=6, start=stop, **settings | {"optimizer": optimizer})]
    return [*losses, *made.state_dict().values()]


def test_a_training_on_own_tries_resumes_bit_for_bit() -> None:
    for whole, resumed in zip(weights(), weights(stop=4), strict=True):
        assert whole == resumed if isinstance(whole, float) else whole.equal(resumed)


def test_the_batch_depends_on_the_weights() -> None:
    source = Grasping(3, own=1.0)
    plan = source.plan(10, generator_of(0))
    before = source.gather(plan, Acting(learner()))
    other = learner()
    with torch.no_grad():
        other.after.head.bias.add_(1.0)  # type: ignore[union-attr]
        other.after.head.weight.neg_()  # type: ignore[union-attr]
    assert source.gather(plan, Acting(learner())).support.x.equal(before.support.x)
    assert not source.gather(plan, Acting(other)).support.x.equal(before.support.x)


def test_acting_leaves_the_learner_as_it_was() -> None:
    made = learner().train()
    Acting(made)(Examples(torch.zeros(2, 1, 5), torch.zeros(2, 1, 5), torch.zeros(2, 1)), torch.zeros(2, 3, 5))
    assert made.training and all(weight.grad is None for weight in made.parameters())
