"""The measure of a self-test: deviations as shares of a range, without absent classes; what is missing is infinitely far."""

import math

import pytest
import torch

from quickstudy.errors import ArtefactError
from quickstudy.export.programs import named_tensors
from quickstudy.export.trials import Deviation, Trial, deviation, from_text, to_text


def test_logits_are_measured_by_their_range_and_absent_classes_do_not_widen_it() -> None:
    wanted = [Trial({}, {"logits": torch.tensor([1.0, 3.0])}), Trial({}, {"logits": torch.tensor([-1e4, 5.0])})]
    found = [{"logits": torch.tensor([1.0, 3.0])}, {"logits": torch.tensor([-1e4, 5.002])}]
    assert deviation(wanted, found).logits == pytest.approx(0.002 / 4, rel=1e-3)


def test_equal_numbers_are_measured_by_their_size() -> None:
    assert deviation([Trial({}, {"values": torch.tensor([4.0])})], [{"values": torch.tensor([5.0])}]).logits == 0.25
    assert deviation([Trial({}, {"values": torch.zeros(2)})], [{"values": torch.tensor([0.0, 0.5])}]).logits == 0.5


@pytest.mark.parametrize("wrong", [torch.tensor([1.0, math.nan]), torch.tensor([1.0]), torch.tensor([[1.0, 2.0]])])
def test_what_is_missing_is_infinitely_far(wrong: torch.Tensor) -> None:
    found = deviation([Trial({}, {"probabilities": torch.tensor([1.0, 2.0])})], [{"probabilities": wrong}])
    assert found.probabilities == math.inf and not found.within()


def test_an_output_that_is_missing_is_infinitely_far() -> None:
    wanted = [Trial({}, {"logits": torch.ones(2)}), Trial({}, {"logits": torch.ones(2), "of one alone": torch.ones(1)})]
    assert deviation(wanted, [{"logits": torch.ones(2)}] * 2).logits == math.inf
    assert deviation([Trial({}, {"logi0s": torch.ones(2)})], [{"logits": torch.ones(2)}]).logits == math.inf


def test_the_tolerance_holds_at_its_edge_alone() -> None:
    assert Deviation(1e-4, 1e-5).within()
    assert not Deviation(1.1e-4, 0.0).within() and not Deviation(0.0, 1.1e-5).within() and not Deviation(math.nan).within()


def test_trials_as_text_and_back() -> None:
    trials = [
        Trial({"x": torch.arange(6.0).view(2, 3), "state.a/b": torch.tensor(3)}, {"logits": torch.ones(2, 1)}),
        Trial({"x": torch.zeros(0, 3)}, {"logits": torch.zeros(0, 1)}),
    ]
    text = to_text(trials)
    assert text == to_text(trials)
    for mine, its in zip(from_text(text), trials, strict=True):
        for side in ("inputs", "outputs"):
            assert {name: tensor.tolist() for name, tensor in getattr(mine, side).items()} == {
                name: tensor.tolist() for name, tensor in getattr(its, side).items()
            }
    for broken in ("", "!", "AAAA", text[:-8]):
        with pytest.raises(ArtefactError, match="self-test is damaged"):
            from_text(broken)


def test_places_in_a_tree_become_names() -> None:
    tree = {"net": [torch.zeros(1), {"0.weight": torch.zeros(2)}], "a b": torch.zeros(3), "a.b": torch.zeros(4)}
    names = {name: len(tensor) for name, tensor in named_tensors(tree, "state").items()}
    assert names == {"state.net.0": 1, "state.net.1.0.weight": 2, "state.a.b": 3, "state.a.b_": 4}
    assert list(named_tensors(torch.zeros(1), "x")) == ["x"]
