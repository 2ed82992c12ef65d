"""Tasks of types: each has sentences enough, no sentence is on both sides, and words of other types are outside."""

import pytest
import torch

from quickstudy import evaluate, metrics
from quickstudy.datasets.tagged_file import Tagged
from quickstudy.datasets.tagged_words import TaggedWords
from quickstudy.errors import DataError, TaskError
from quickstudy.tasks import Tagging
from quickstudy.tasks.source import generator_of

KINDS = ("w", "x", "y", "z")


def words(sentences: int = 60) -> TaggedWords:
    """Sentences of three words: outside, a type, another type; states tell the type."""
    made = []
    for number in range(sentences):
        first, second = KINDS[number % 4], KINDS[(number // 4) % 4]
        made.append(Tagged(("a", f"{first}{number}", f"{second}{number}"), ((1, 2, first), (2, 3, second))))
    types = torch.tensor([kind for n in range(sentences) for kind in (0, 1 + n % 4, 1 + (n // 4) % 4)])
    return TaggedWords(torch.eye(5)[types], made, KINDS, "made")


def test_each_type_is_in_as_many_sentences_as_shots_and_no_sentence_is_on_both_sides() -> None:
    source = Tagging(words(), ways=3, shots=2, queries=3)
    plan = source.plan(30, generator_of(0))
    task = source.gather(plan)
    for each, classes in zip((task[i] for i in range(30)), plan.classes.tolist(), strict=True):
        support, query = each.support.trim(), each.query.trim()
        assert not set(support.x["unit"].tolist()) & set(query.x["unit"].tolist())
        for column, type_ in enumerate(classes[1:], 1):
            sides = [set(side.x["unit"][side.labels == column].tolist()) for side in (support, query)]
            assert len(sides[0]) >= 2 and len(sides[1]) >= 3
            for side in (support, query):
                assert (side.x["states"][side.labels == column].argmax(1) == type_ + 1).all()
        outside = support.x["states"][support.labels == 0].argmax(1)
        assert not set((outside - 1).tolist()) & set(classes[1:])  # outside are words of no type, and of types not asked
        assert len(set(support.x["unit"].tolist())) <= 6
        assert (support.y.sum(1) == 1).all()


def test_a_task_list_is_that_of_its_seed_and_its_digest_that_of_its_words() -> None:
    source = Tagging(words(), ways=2, shots=(1, 3))
    plans = [source.plan(4, generator_of(seed)) for seed in (0, 0, 1)]
    digests = [source.digest(plan) for plan in plans]
    assert digests[0] == digests[1] != digests[2]
    other = words()
    changed = TaggedWords(other.states, [Tagged(("b", *s.words[1:]), s.spans) for s in other.sentences], KINDS, "made")
    assert Tagging(changed, ways=2, shots=(1, 3)).digest(plans[0]) != digests[0]


def test_what_knows_the_types_finds_all_spans_and_metrics_get_the_sentences() -> None:
    source = Tagging(words(), ways=3, shots=2, queries=2)

    def nearest(support):  # type: ignore[no-untyped-def]
        return lambda x: support.y[(x["states"] @ support.x["states"].mT).argmax(1)]

    report = evaluate(nearest, source, tasks=20, metrics=(metrics.span_f1,))
    assert report.by("span_f1").mean == 1.0
    outside = evaluate(
        lambda s: lambda x: torch.eye(4)[:1].expand(len(x["unit"]), 4), source, tasks=20, metrics=(metrics.span_f1,)
    )
    assert outside.by("span_f1").mean == 0.0 < outside.mean


def test_parts_have_their_own_types_and_sentences() -> None:
    part = words().select(("x", "z"), range(0, 60, 2), "half")
    assert part.types == ("x", "z") and repr(part) == "TaggedWords(half: 180 words, 30 sentences, 2 types)"
    plan = Tagging(part, ways=2).plan(10)
    assert (part.unit[plan.support_rows[plan.support_mask]] % 2 == 0).all()
    assert words().select(KINDS, range(5), "few", least=2).types == ("w", "x")


def test_what_is_refused() -> None:
    with pytest.raises(TaskError, match=r"ways=5 needs 5 types, but made has 4"):
        Tagging(words(), ways=5)
    with pytest.raises(TaskError, match=r'type "w" of made is in \d+ sentences, but shots \+ queries need 42'):
        Tagging(words(), ways=2, shots=40)
    with pytest.raises(DataError, match="5 states came with 180 words"):
        TaggedWords(torch.eye(5), words().sentences, KINDS)
    with pytest.raises(DataError, match="Two or more are needed"):
        TaggedWords(words().states, words().sentences, ("w",))
