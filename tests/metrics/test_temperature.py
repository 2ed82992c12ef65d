"""The temperature: its optimum in closed form, and what it refuses."""

import math

import pytest
import torch

from quickstudy import metrics
from quickstudy.errors import DataError, LearnerError
from quickstudy.likelihood import ABSENT, Categorical, Gaussian
from quickstudy.metrics.predicted import Predicted
from quickstudy.metrics.temperature import Temperature, Tempered, temperature_of, untempered


def two_classes(gap: float, right: int, wrong: int) -> tuple[Predicted, torch.Tensor]:
    """As sure of each answer, so many of which are right."""
    logits = torch.tensor([[gap, 0.0]]).repeat(right + wrong, 1)
    y = torch.eye(2)[torch.tensor([0] * right + [1] * wrong)]
    return Predicted.of(logits, Categorical()), y


@pytest.mark.parametrize(("gap", "right", "wrong"), [(5.0, 80, 20), (0.1, 90, 10), (3.0, 60, 40)])
def test_the_optimum_is_the_one_in_closed_form(gap: float, right: int, wrong: int) -> None:
    """``gap / T = log(right / wrong)``: the confidence is the accuracy."""
    found = temperature_of(*two_classes(gap, right, wrong), "an example")
    assert found.value == pytest.approx(gap / math.log(right / wrong), rel=1e-3)
    assert found.queries == right + wrong and found.calibration_error is not None and found.log_loss is not None
    assert found.calibration_error[1] == pytest.approx(0, abs=1e-3)
    accuracy = right / (right + wrong)
    entropy = -accuracy * math.log(accuracy) - (1 - accuracy) * math.log(1 - accuracy)
    assert found.log_loss[1] == pytest.approx(entropy, abs=1e-6)
    assert found.log_loss[0] == pytest.approx(
        accuracy * math.log1p(math.exp(-gap)) + (1 - accuracy) * (gap + math.log1p(math.exp(-gap)))
    )


def test_worse_than_guessing_ends_at_the_largest() -> None:
    assert temperature_of(*two_classes(5.0, 10, 30), "an example").value == pytest.approx(100, rel=1e-3)


def test_absent_classes_and_unknown_queries_change_nothing() -> None:
    predicted, y = two_classes(5.0, 80, 20)
    alone = temperature_of(predicted, y, "an example")
    wider = Predicted.of(torch.cat([predicted.outputs, torch.full((100, 1), ABSENT)], 1), Categorical())
    assert temperature_of(wider, torch.cat([y, torch.zeros(100, 1)], 1), "an example").value == pytest.approx(alone.value)
    more = Predicted.of(torch.cat([predicted.outputs, torch.tensor([[9.0, 0.0]])]), Categorical())
    found = temperature_of(more, torch.cat([y, torch.zeros(1, 2)]), "an example")
    assert found.value == alone.value and found.queries == 100


def test_the_likelihood_divides_logits_and_scores_as_before() -> None:
    logits, y, mask = torch.randn(20, 4), torch.eye(4)[torch.arange(20) % 4], torch.ones(20)
    tempered, plain = Tempered(2.5), Categorical()
    assert torch.equal(tempered.mean(logits), plain.mean(logits / 2.5))
    assert torch.equal(tempered.each(logits, y), plain.each(logits / 2.5, y))
    assert torch.equal(tempered.score(logits, y, mask), plain.score(logits, y, mask))
    assert torch.allclose(tempered.distribution(logits).mean, plain.mean(logits / 2.5))
    assert torch.equal(Tempered(1.0).mean(logits), plain.mean(logits))


def test_a_metric_without_the_temperature_is_that_of_the_logits() -> None:
    predicted, y = two_classes(5.0, 80, 20)
    before = untempered(metrics.log_loss)
    tempered = Predicted.of(predicted.outputs, Tempered(4.0))
    assert before.__name__ == "log_loss_without_temperature" and before.higher_is_better is False
    assert before(tempered, y) == metrics.log_loss(predicted, y) != metrics.log_loss(tempered, y)
    assert untempered(metrics.ece).pooled


def test_what_has_no_temperature_is_refused() -> None:
    with pytest.raises(LearnerError, match="all 3 answers on an example are right, so that no temperature can be fitted"):
        temperature_of(*two_classes(1.0, 3, 0), "an example")
    with pytest.raises(LearnerError, match="divides logits of classes, but the outputs are values"):
        temperature_of(Predicted.of(torch.zeros(2, 1), Gaussian()), torch.zeros(2, 1), "an example")
    for value in (0.0, -1.0, math.nan, 1e3):
        with pytest.raises(DataError, match="temperature="):
            Temperature(value)
    with pytest.raises(DataError, match="a source in words"):
        Temperature.from_json({"value": 2.0, "source": 3, "queries": 1, "calibration_error": None, "log_loss": None})
    assert str(Temperature(2.0)) == "2 (a given number)"
