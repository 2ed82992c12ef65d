"""Metrics of queries with several labels are scikit-learn's, of the labels that a task has alone."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as theirs
from torch import Tensor

from quickstudy import metrics
from quickstudy.errors import LearnerError
from quickstudy.likelihood import ABSENT, Categorical, Gaussian, Labels
from quickstudy.metrics.predicted import Predicted, pool

MEASURES = {name: getattr(metrics, name) for name in ("micro_f1", "macro_f1", "exact_match", "mean_average_precision")}


def drawn(seed: int, labels: int = 5, queries: int = 30) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    y = (torch.rand(queries, labels, generator=generator) < 0.4).float()
    return y - 0.5 + torch.randn(queries, labels, generator=generator), y


def by_scikit(logits: Tensor, y: Tensor) -> dict[str, float]:
    true, said, named = y.numpy(), logits.sigmoid().double().numpy(), (logits > 0).float().numpy()
    return {
        "micro_f1": theirs.f1_score(true, named, average="micro"),
        "macro_f1": theirs.f1_score(true, named, average="macro", zero_division=np.nan),
        "exact_match": theirs.accuracy_score(true, named),
        "mean_average_precision": theirs.average_precision_score(true, said, average="macro"),
    }


@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_those_of_scikit_learn(seed: int) -> None:
    logits, y = drawn(seed)
    wanted = by_scikit(logits, y)
    for name, measure in MEASURES.items():
        assert measure(Predicted.of(logits, Labels()), y) == pytest.approx(wanted[name], abs=1e-6), name
    by_function = Predicted.by_function(logits.sigmoid().numpy(), y, Labels())
    for name, measure in MEASURES.items():
        assert measure(by_function, y) == pytest.approx(wanted[name], abs=1e-6), name
    mask = torch.ones(len(y))
    assert float(Labels().score(logits, y, mask)) == pytest.approx(wanted["micro_f1"], abs=1e-6)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y)
    assert Labels().nll(logits, y, mask).isclose(loss) and Labels().each(logits, y).mean().isclose(loss)
    assert Labels().distribution(logits).log_prob(y).mean().isclose(-5 * loss), "all labels of a row together"


def test_padding_and_absent_labels_count_for_nothing() -> None:
    logits, y = drawn(1)
    wanted, mask = by_scikit(logits[:20, :3], y[:20, :3]), torch.ones(30)
    mask[20:] = 0
    present = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0])
    cut = Labels().restrict(torch.cat([logits, logits], 1), present)
    assert cut.shape == (30, 5) and bool((cut[:, 3:] == ABSENT).all())
    cut[25] = torch.nan
    assert float(Labels().score(cut, y, mask)) == pytest.approx(wanted["micro_f1"], abs=1e-6)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits[:20, :3], y[:20, :3])
    assert Labels().nll(cut.nan_to_num(), y, mask).isclose(loss)
    mask[25] = 1
    assert Labels().score(cut, y, mask).isnan() and Labels().rate(cut, y)[25].isnan()
    right = ((logits[0, :3] > 0) == (y[0, :3] > 0)).float().mean()
    assert Labels().rate(cut, y)[0].isclose(right)
    assert Labels().present(y * 0, mask).tolist() == [0] * 5
    given = torch.stack([cut.nan_to_num(), logits]), y.expand(2, 30, 5), torch.ones(2, 30)
    together = torch.func.vmap(lambda o, t, m: Labels().score(o, t, m))(*given)
    assert float(together[1]) == pytest.approx(by_scikit(logits, y)["micro_f1"], abs=1e-6)


def test_nothing_true_and_nothing_named() -> None:
    none, y = torch.full((4, 3), -2.0), torch.zeros(4, 3)
    said = Predicted.of(none, Labels())
    assert metrics.micro_f1(said, y) == metrics.exact_match(said, y) == float(Labels().score(none, y, torch.ones(4))) == 1
    assert math.isnan(metrics.macro_f1(said, y)) and math.isnan(metrics.mean_average_precision(said, y))


def test_pooled_tasks_keep_their_own_labels() -> None:
    (a, y), (b, z) = drawn(2), drawn(3, labels=2, queries=10)
    predicted, targets = pool([(Predicted.of(a, Labels()), y), (Predicted.of(b, Labels()), z)])
    assert targets.shape == (40, 5)
    named = torch.cat([(a > 0).float().flatten(), (b > 0).float().flatten()])
    true = torch.cat([y.flatten(), z.flatten()])
    assert metrics.micro_f1(predicted, targets) == pytest.approx(theirs.f1_score(true, named), abs=1e-6)
    exact = (by_scikit(a, y)["exact_match"] * 30 + by_scikit(b, z)["exact_match"] * 10) / 40
    assert metrics.exact_match(predicted, targets) == pytest.approx(exact)


@pytest.mark.parametrize("name", ["accuracy", "log_loss", "auroc", "ece", "mse"])
def test_metrics_of_other_targets_are_refused_with_those_of_labels(name: str) -> None:
    logits, y = drawn(0)
    measure: Any = getattr(metrics, name)
    words = "names classes" if name == "mse" else "metrics of labels: micro_f1"
    with pytest.raises(LearnerError, match=words):
        measure(Predicted.of(logits, Labels()), y)
    for other in (Categorical(), Gaussian()):
        with pytest.raises(LearnerError, match="of queries with several labels, but the model gives"):
            metrics.micro_f1(Predicted.of(logits, other), y)
