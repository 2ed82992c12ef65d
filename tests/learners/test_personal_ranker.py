"""The personal ranker is the pooled scorer and a stated addition to it; the pooled scorer learns from its own loss alone."""

import math
from typing import Any

import pytest
import torch
from torch.nn.functional import cosine_similarity, cross_entropy

from quickstudy import learners
from quickstudy.errors import LearnerError
from quickstudy.task import Examples, Task

D, M = 6, 5


def examples(count: int, seed: int) -> Examples:
    generator = torch.Generator().manual_seed(seed)
    x = {"asked": torch.randn(count, D, generator=generator), "candidates": torch.randn(count, M, D, generator=generator)}
    return Examples(x, torch.eye(M)[torch.randint(M, (count,), generator=generator)], torch.ones(count))


def made() -> Any:
    torch.manual_seed(0)
    learner = learners.PersonalRanker(features=D, width=4, sharp=3.0)
    with torch.no_grad():
        learner.personal_scale.copy_(torch.tensor([0.3, 0.2]))
        learner.middle.copy_(torch.randn(D))
    return learner.eval()


def test_scores_are_those_of_the_formula() -> None:
    learner, support, query = made(), examples(4, 0), examples(3, 1)
    found = learner(support)(query.x)
    said = [support.x["candidates"][row, support.labels[row]] - learner.middle for row in range(4)]
    for row in range(3):
        for column in range(M):
            a, c = query.x["asked"][row], query.x["candidates"][row, column]
            pooled = 3 * cosine_similarity(a, c, 0) + 5 * cosine_similarity(learner.asked(a), learner.answer(c), 0)
            near = torch.stack([cosine_similarity(c - learner.middle, u, 0) for u in said])
            own = 3.0 * near.mean() + 2.0 * ((3 * near).logsumexp(0) - math.log(4)) / 3
            assert found[row, column].item() == pytest.approx((pooled + 4 / (4 + math.e) * own).item(), abs=1e-5)


def test_without_utterances_it_is_the_pooled_scorer() -> None:
    learner, support, query = made(), examples(4, 0), examples(3, 1)
    nothing = Examples(support.x, torch.zeros_like(support.y), torch.zeros(4))
    pooled = learner.pooled(query.x)
    assert torch.allclose(learner(nothing)(query.x), pooled)
    assert not torch.allclose(learner(support)(query.x), pooled)
    plain = learners.PersonalRanker(features=D, width=4, personal=False)
    plain.load_state_dict(learner.state_dict())
    assert torch.allclose(plain(support)(query.x), pooled)


def test_the_pooled_scorer_learns_from_its_own_loss_alone() -> None:
    learner, task = made(), Task(examples(4, 0), examples(3, 1))
    learner.objective(task).backward()
    alone = made()
    cross_entropy(alone.pooled(task.query.x), task.query.labels).backward()
    for name in ("asked.weight", "answer.weight", "pooled_scale"):
        assert torch.allclose(learner.get_parameter(name).grad, alone.get_parameter(name).grad, atol=1e-6)
    assert bool(learner.personal_scale.grad.abs().min() > 0) and alone.personal_scale.grad is None


def test_sizes_are_checked() -> None:
    with pytest.raises(LearnerError, match="width=0"):
        learners.PersonalRanker(features=3, width=0)
    with pytest.raises(LearnerError, match="dropout=2"):
        learners.PersonalRanker(features=3, dropout=2.0)
