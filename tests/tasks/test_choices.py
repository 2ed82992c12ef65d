"""Tasks of choosing: which utterance is a speaker's own, dialogues apart, and the same for the same seed."""

import pytest
import torch

from quickstudy import evaluate
from quickstudy.datasets import Exchanges
from quickstudy.errors import DataError, TaskError
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.learners import PersonalRanker
from quickstudy.tasks import Choices
from quickstudy.tasks.source import generator_of

OWNER = torch.arange(6).repeat_interleave(12)
DIALOGUE = OWNER * 3 + torch.arange(72) % 3
NUMBERED = torch.arange(72.0)[:, None].repeat(1, 2)
DATA = Exchanges(NUMBERED, NUMBERED + 100, OWNER, DIALOGUE, tuple("abcdef"), "numbered")


def test_candidates_are_one_utterance_of_the_speaker_and_others_of_other_dialogues() -> None:
    source = Choices(DATA, shots=(2, 6), queries=4, candidates=5)
    plan = source.plan(30, generator_of(0))
    tasks = source.gather(plan)
    for task, owner in zip(range(30), plan.owners.tolist(), strict=True):
        dialogues = []
        for side in (tasks[task].support.trim(), tasks[task].query.trim()):
            rows = side.x["candidates"][..., 0].long() - 100
            true = (rows * side.y).sum(1).long()
            assert bool((OWNER[true] == owner).all()) and len(set(true.tolist())) == len(true)
            assert torch.equal(side.x["asked"][:, 0].long(), true), "what was said before is that of the true one"
            others = rows[side.y == 0].view(len(rows), 4)
            assert bool((OWNER[others] != owner).all()) and bool((DIALOGUE[others] != DIALOGUE[true][:, None]).all())
            assert all(len(set(row)) == 4 for row in others.tolist())
            dialogues.append(set(DIALOGUE[true].tolist()))
        assert not dialogues[0] & dialogues[1] and len(dialogues[1]) == 1
    sizes = plan.support_mask.sum(1)
    assert (int(sizes.min()), int(sizes.max())) == (2, 6)
    assert (
        source.digest(plan) == source.digest(source.plan(30, generator_of(0))) != source.digest(source.plan(30, generator_of(1)))
    )


def test_each_speaker_once_or_more() -> None:
    plan = Choices(DATA, shots=3).each(draws=2)
    assert sorted(plan.owners.tolist()) == sorted([*range(6)] * 2)
    assert DATA.of([4, 1], "two").names == ("e", "b") and DATA.of([4, 1], "two").owner.tolist() == [1] * 12 + [0] * 12


def test_what_is_refused() -> None:
    with pytest.raises(TaskError, match="no speaker of numbered has 9 utterances"):
        Choices(DATA, shots=9)
    with pytest.raises(TaskError, match="too few for 60 candidates"):
        Choices(DATA, shots=2, candidates=60)
    with pytest.raises(TaskError, match="candidates=1"):
        Choices(DATA, shots=2, candidates=1)
    with pytest.raises(DataError, match="Give one to each"):
        Exchanges(NUMBERED[:3], NUMBERED, OWNER, DIALOGUE, tuple("abcdef"))


def test_the_nearest_to_what_was_said_is_found_from_the_support_set_alone() -> None:
    """Utterances of a speaker lie on a ray of its own, and what was said before says nothing."""
    generator = torch.Generator().manual_seed(0)
    rays = torch.eye(6)[OWNER]
    said = rays + 0.1 * torch.randn(72, 6, generator=generator)
    data = Exchanges(torch.randn(72, 6, generator=generator), said, OWNER, DIALOGUE, tuple("abcdef"), "rays")
    learner = PersonalRanker(features=6, width=4)
    with torch.no_grad():
        learner.pooled_scale.zero_()
        learner.personal_scale.copy_(torch.tensor([10.0, 0.0]))
    source = Choices(data, shots=4, candidates=4)
    assert evaluate(learner, source, tasks=20).mean == 1
    assert evaluate(ShuffledSupport(learner), source, tasks=20, strategy="loop").mean < 0.9
