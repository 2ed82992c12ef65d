"""A learner of inflected words behind the server: texts with features as examples, their forms as targets."""

import pytest

from quickstudy.errors import DataError
from quickstudy.functional.spelling import texts_of
from quickstudy.inputs import WordForms
from quickstudy.learners import EditRuleRanker
from quickstudy.serve.limits import Limits
from quickstudy.serve.raw import examples_of, inputs_of
from quickstudy.use.answers import answers_of

GIVEN = [{"text": "walk V;PST", "target": "walked"}, {"text": "walk V;3;SG", "target": "walks"}]


def test_examples_and_queries_of_requests() -> None:
    learner = EditRuleRanker()
    learner.reads = WordForms(length=12)
    support, classes = examples_of(GIVEN, learner, Limits())
    assert classes is None and texts_of(support.y) == ["walked", "walks"]
    predictor = learner(support)
    outputs = predictor(inputs_of([{"text": "talk V;PST"}], learner.reads, Limits()))
    found = answers_of(predictor, outputs)[0].to_json()
    assert found["text"] == "talked" and found["probability"] == max(found["probabilities"].values())


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ({"text": "walk V;PST"}, "example 1: the target is empty"),
        ({"text": "walk V;PST", "target": 3}, "example 1: the target is 3"),
        ({"text": "walk", "target": "x"}, "single word"),
        ({"lemma": "walk", "target": "x"}, "has no 'text'"),
    ],
    ids=["no target", "a number", "no features", "no text"],
)
def test_what_is_wrong_with_an_example(example: dict[str, object], said: str) -> None:
    learner = EditRuleRanker()
    learner.reads = WordForms(length=12)
    with pytest.raises(DataError, match=said):
        examples_of([example], learner, Limits())
