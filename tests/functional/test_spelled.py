"""Outputs that are candidates: their loss, score, answer and names."""

import math

import pytest
import torch

from quickstudy.errors import ShapeError
from quickstudy.functional.spelled import Spelled, candidate_of, candidates
from quickstudy.functional.spelling import codes_of, texts_of

SAID = candidates(
    torch.tensor([[0.0, 1.0, -1.0], [2.0, 1.0, 0.0]]), codes_of(["goed", "went", "go", "a", "b", "c"], 5).view(2, 3, 5)
)
TRUE = codes_of(["went", "z"], 5).float()


def test_the_loss_is_the_log_probability_with_a_share_for_other_texts() -> None:
    p = math.exp(1) / (1 + math.exp(1) + math.exp(-1))
    found = Spelled(missed=0.01).each(SAID, TRUE)
    assert found.tolist() == pytest.approx([-math.log(0.99 * p + 0.01), -math.log(0.01)], rel=1e-5)
    assert Spelled(missed=0.01).nll(SAID, TRUE, torch.tensor([1.0, 0.0])).item() == pytest.approx(found[0].item())


def test_equal_candidates_add_up() -> None:
    twice = candidates(torch.zeros(1, 3), codes_of(["ab", "x", "ab"], 4)[None])
    assert Spelled(missed=0.0).each(twice, codes_of(["ab"], 4).float()).item() == pytest.approx(-math.log(2 / 3), rel=1e-5)


def test_the_answer_the_score_and_the_names() -> None:
    assert texts_of(Spelled().mean(SAID)) == ["went", "a"]
    assert Spelled().rate(SAID, TRUE).tolist() == [1.0, 0.0]
    assert Spelled().score(SAID, TRUE, torch.tensor([1.0, 1.0])).item() == 0.5
    named = Spelled().named(SAID, 2)
    assert [list(each) for each in named] == [["went", "goed"], ["a", "b"]]
    assert named[0]["went"] == pytest.approx(math.exp(1) / (1 + math.exp(1) + math.exp(-1)), rel=1e-5)
    assert Spelled().distribution(SAID).probs.shape == (2, 3)  # type: ignore[attr-defined]
    assert bool(Spelled().rate(SAID * math.nan, TRUE).isnan().all())


def test_what_functions_answer() -> None:
    for found in (["went", "go"], codes_of(["went", "go"], 5), codes_of(["went", "go"], 5).float()):
        assert texts_of(Spelled().mean(candidate_of(found, TRUE))) == ["went", "go"]
    for wrong in (["went"], torch.zeros(2, 4), "went", [1, 2]):
        with pytest.raises(ShapeError, match="list of as many texts"):
            candidate_of(wrong, TRUE)
    with pytest.raises(ShapeError, match="the logit"):
        Spelled().each(SAID[..., :4], TRUE)
