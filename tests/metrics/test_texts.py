"""Edit distance against the usual recursion, chrF against sacrebleu 2.6.0."""

import functools
import random

import pytest
import torch

from quickstudy import evaluate, metrics
from quickstudy.errors import LearnerError
from quickstudy.functional.spelled import Spelled, candidate_of
from quickstudy.functional.spelling import codes_of
from quickstudy.likelihood import Gaussian
from quickstudy.metrics.predicted import Predicted

LENGTH = 20


def said(texts: list[str], true: list[str]) -> tuple[Predicted, torch.Tensor]:
    y = codes_of(true, LENGTH).float()
    return Predicted.of(candidate_of(texts, y), Spelled()), y


@functools.cache
def distance(a: str, b: str) -> int:
    if not a or not b:
        return len(a) + len(b)
    return min(distance(a[1:], b) + 1, distance(a, b[1:]) + 1, distance(a[1:], b[1:]) + (a[0] != b[0]))


def test_edit_distance() -> None:
    rng = random.Random(0)
    one, other = (["".join(rng.choice("ab") for _ in range(rng.randint(0, 6))) for _ in range(80)] for _ in range(2))
    for a, b in zip(one, other, strict=True):
        assert metrics.edit_distance(*said([a], [b])) == distance(a, b), (a, b)
    mean = sum(distance(a, b) for a, b in zip(one, other, strict=True)) / 80
    assert metrics.edit_distance(*said(one, other)) == pytest.approx(mean)


@pytest.mark.parametrize(
    ("answers", "targets", "wanted"),
    [
        (["gemacht"], ["gemachte"], 83.07482317905449),
        (["the cat sat"], ["the cats sat on"], 56.56726170829898),
        (["goed", "sang", "ab"], ["went", "sung", "abcdefgh"], 14.3799338776061),
        (["a"], ["b"], 0.0),
        (["abc", "x"], ["abd", "xyz w"], 23.265651438240273),
    ],
    ids=["one word", "spaces are left out", "short ones", "nothing", "two"],
)
def test_chrf_is_sacrebleu_s(answers: list[str], targets: list[str], wanted: float) -> None:
    assert metrics.chrf(*said(answers, targets)) == pytest.approx(wanted / 100, abs=1e-9)


def test_other_outputs_are_refused_and_functions_answer_with_texts() -> None:
    from quickstudy.datasets.task_table import Table
    from quickstudy.tasks.spelled_forms import SpelledForms

    with pytest.raises(LearnerError, match="of texts"):
        metrics.chrf(Predicted.of(torch.zeros(2, 1), Gaussian()), torch.zeros(2, 1))
    forms = codes_of(["aa", "bb", "ab", "ba"] * 3, 4).float()
    table = Table(torch.arange(12.0)[:, None], forms, torch.arange(12) % 2, ("one", "two"))
    source = SpelledForms(table, shots=2)
    report = evaluate(lambda support: lambda x: ["aa"] * len(x), source, tasks=40, metrics=(metrics.edit_distance,))
    assert report.metric == "exact match" and 0 < report.mean < 1
    found = evaluate(lambda support: lambda x: forms[x[:, 0].long()], source, tasks=5, metrics=(metrics.edit_distance,))
    assert found.mean == 1 and found.by("edit_distance").mean == 0
