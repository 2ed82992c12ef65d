"""What an answer rests on, how unsure it is, and the deviation that a learner of values states."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from quickstudy import Examples, learners, save
from quickstudy.errors import LearnerError
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.texts import Texts
from quickstudy.use.answers import Answer, answers
from quickstudy.use.evidence import evidence
from quickstudy.use.queries import queries_of_rows, queries_of_texts

Call = Callable[..., tuple[int, str, str]]


def test_a_weight_is_what_the_answer_loses_without_the_example() -> None:
    x = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    support = Examples.of(x, torch.arange(9) % 3)
    learner = learners.R2D2(nn.Flatten(), penalty=1.0)
    predictor = learner(support, ["a", "b", "c"])
    asked = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    found = evidence(predictor, asked, most=9)
    whole = predictor.probabilities(asked)
    for query, told in enumerate(found):
        named = int(whole[query].argmax())
        for each in told:
            rows = torch.arange(9) != each.row
            without = learner(support[rows]).probabilities(asked)[query, named]
            assert each.weight == pytest.approx(float(whole[query, named] - without), abs=1e-5)
            assert each.label == "abc"[each.row % 3]
        weights = [each.weight for each in told]
        assert weights == sorted(weights, reverse=True) and len(weights) == 9


def test_the_last_example_of_a_class_carries_all_of_it() -> None:
    predictor = learners.NearestCentroid()(Examples.of(torch.tensor([[0.0], [1.0], [9.0]]), [0, 0, 1]))
    (told,) = evidence(predictor, torch.tensor([[9.0]]), most=1)
    assert told[0].row == 2 and told[0].weight == pytest.approx(float(predictor.probabilities(torch.tensor([[9.0]]))[0, 1]))


def test_values_change_in_either_direction() -> None:
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    predictor = learners.ALPaCA(nn.Identity(), 1)(Examples.of(x, torch.tensor([[0.0], [1.0], [2.0], [30.5]])))
    (told,) = evidence(predictor, torch.tensor([[3.0]]), most=4)
    assert told[0].row == 3 and told[0].label is None and told[0].weight > 5
    assert [abs(each.weight) for each in told] == sorted([abs(each.weight) for each in told], reverse=True)


def test_without_examples_there_is_no_evidence() -> None:
    predictor = learners.NearestCentroid()(Examples.of(torch.eye(2), [0, 1]))
    with pytest.raises(LearnerError, match="does not keep its support set"):
        evidence(replace(predictor, support=None), torch.eye(2))
    with pytest.raises(LearnerError, match="1 support example, but"):
        evidence(learners.NearestCentroid()(Examples.of(torch.eye(1), [0])), torch.eye(1))


def test_doubt_is_one_less_the_margin() -> None:
    assert Answer("x", "classes", {"a": 0.6, "b": 0.3, "c": 0.1}).doubt == pytest.approx(0.7)
    assert Answer("x", "labels", {"a": 0.9, "b": 0.45}).doubt == pytest.approx(0.9)
    assert Answer("x", "values", {"v": 3.0}, deviations={"v": 2.0}).doubt == 2.0
    with pytest.raises(LearnerError, match="does not state how unsure"):
        _ = Answer("x", "values", {"v": 3.0}).doubt


def test_stated_deviations_come_with_the_answers() -> None:
    reads = Columns.fitted({"day": [0.0, 10.0]})
    learner = learners.ALPaCA(nn.Identity(), reads.width, noise=0.5)
    learner.reads = reads
    rows = reads.batch([{"day": 0.0}, {"day": 5.0}, {"day": 10.0}])
    predictor = learner(Examples.of(rows, torch.tensor([[1.0], [2.0], [3.5]])))
    (answer,) = answers(predictor, queries_of_rows(['{"day": 5}'], reads))
    mean, deviation = predictor(reads.batch([{"day": 5.0}]))[0].tolist()
    assert answer.scores == {"value": pytest.approx(mean)} and answer.deviations == {"value": pytest.approx(deviation)}
    low, high = answer.intervals["value"]
    assert (low, high) == (pytest.approx(mean - 1.96 * deviation, abs=1e-3), pytest.approx(mean + 1.96 * deviation, abs=1e-3))


def test_the_command_line_explains_and_asks(tmp_path: Path, call: Call) -> None:
    learner = learners.NearestCentroid()
    learner.reads = Texts(width=256)
    texts = ["card lost", "card stolen", "rain today", "rain tomorrow"]
    save(learner(Examples.of(learner.reads.batch(texts), [0, 0, 1, 1]), ["card", "weather"]), tmp_path / "p")
    asked = ["card stolen today", "rain", "hello"]
    flags = [word for text in asked for word in ("--text", text)]
    status, out, err = call("predict", tmp_path / "p", *flags, "--explain", 2, "--ask", 1)
    assert status == 0 and "card stolen today rests on example 2 (card) +" in out, err
    least = max(answers(learner_of(tmp_path / "p"), queries_of_texts(asked, learner.reads)), key=lambda each: each.doubt)
    assert f"label next: {least.place}" in out
    status, out, _ = call("predict", tmp_path / "p", *flags, "--explain", 2, "--json")
    found = json.loads(out)
    assert found[0]["evidence"][0]["row"] == 1 and found[0]["evidence"][0]["label"] == "card"
    assert found[0]["doubt"] == pytest.approx(1 - abs(found[0]["probabilities"]["card"] - found[0]["probabilities"]["weather"]))


def learner_of(path: Path):  # type: ignore[no-untyped-def]
    from quickstudy import load

    return load(path)
