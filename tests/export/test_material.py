"""Made-up rows are like those that a learner reads, and nobody's."""

import pytest
import torch

from quickstudy import learners
from quickstudy.export.material import ROWS, Material, material
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.task import Examples


def test_rows_like_given_ones_are_none_of_them() -> None:
    x = {
        "numbers": 5 + 2 * torch.randn(200, 3),
        "tokens": torch.randint(7, 30, (200, 4)),
        "mask": (torch.rand(200, 4) < 0.5).float(),
    }
    learner = learners.R2D2(MLP(3, (4,)), penalty=1.0, likelihood=Gaussian())
    found = material(learner, Examples(x, 3 + torch.randn(200, 1), torch.ones(200)))
    made = found.queries(ROWS)
    assert not bool((made["numbers"][:, None] == x["numbers"][None]).all(-1).any())
    assert float((made["numbers"].mean() - 5).abs()) < 0.5 and 1.5 < float(made["numbers"].std()) < 2.5
    assert set(made["mask"].unique().tolist()) == {0.0, 1.0}
    assert int(made["tokens"].min()) >= 7 and int(made["tokens"].max()) < 30
    assert found.y is not None and float((found.y.mean() - 3).abs()) < 0.5


@pytest.mark.parametrize(("kind", "ways", "sums"), [("classes", 3, {1.0}), ("labels", 3, None)])
def test_a_support_set_has_each_class(kind: str, ways: int, sums: set[float] | None) -> None:
    made = Material(torch.zeros(ROWS, 2), None, kind).support(ways, 9)
    assert made.y.shape == (9, 3) and bool((made.y.sum(0) > 0).all()) and bool((made.y.sum(0) < 9).all())
    assert sums is None or set(made.y.sum(1).tolist()) == sums
