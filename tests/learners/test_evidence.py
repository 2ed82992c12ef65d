"""Evidence is what its equation says, a prior of a row is fitted without the row's fold, and overlap counts what is marked."""

import pytest
import torch
from torch import nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import LearnerError
from quickstudy.functional.overlap import soft_iou
from quickstudy.learners import EvidenceNet
from quickstudy.nn import ColumnRange, CrossFitted, SideBySide, StandardScores
from quickstudy.task import Examples, Task


class Weighed(nn.Module):
    """A known weighing: all evidence, one weight each."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([-1.0, 2.0, 0.5, 0.25, 3.0, 1.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight[:, None]


def learner(overlap: float = 0.5) -> EvidenceNet:
    torch.manual_seed(0)
    blocks = SideBySide({"b": ColumnRange(2, 4), "a": ColumnRange(0, 2)})
    return EvidenceNet(blocks, ColumnRange(4, 5), Weighed(), CrossFitted(5), overlap=overlap).eval()


def test_logits_are_weighed_cosines_what_is_known_and_the_prior() -> None:
    made = learner()
    x, y = torch.randn(7, 5), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    asked = torch.randn(3, 5)
    found = made(Examples.of(x, y))(asked)

    def cosines(first: int, column: int) -> torch.Tensor:
        u, q = (nn.functional.normalize(rows[:, first : first + 2], dim=1) for rows in (x, asked))
        return 4 * nn.functional.cosine_similarity(q, u[y == column].mean(0)[None])

    for column in (1, 2):
        evidence = [cosines(0, 0), cosines(0, column), cosines(2, 0), cosines(2, column), asked[:, 4], made.prior(asked)[:, 0]]
        wanted = (torch.stack(evidence, 1) * made.weigh.weight).sum(1)
        torch.testing.assert_close(found[:, column], wanted)
    assert torch.equal(found[:, 0], torch.zeros(3))


def test_the_objective_is_likelihood_and_overlap() -> None:
    support = Examples.of(torch.randn(6, 5), [0, 1, 0, 1, 0, 1])
    query = Examples.of(torch.randn(4, 5), [0, 1, 1, 0])
    values = {}
    for overlap in (0.0, 0.3, 1.0):
        made = learner(overlap)
        task = Task(*[side.replace(made.encode(side.x)) for side in (support, query)])
        values[overlap] = float(made.objective(task).detach())
        marked = made.predict(made.adapt(task.support), task.query.x).softmax(1)[:, 1].detach()
    iou = float((marked * query.y[:, 1]).sum() / (marked + query.y[:, 1] - marked * query.y[:, 1]).sum())
    assert values[1.0] == pytest.approx(1 - iou, abs=1e-5)
    assert values[0.3] == pytest.approx(0.7 * values[0.0] + 0.3 * values[1.0], abs=1e-5)


def test_overlap_of_certain_rows_is_intersection_over_union() -> None:
    p, y = torch.tensor([[1.0, 1.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    assert soft_iou(p, y, torch.ones(1, 4)).tolist() == [pytest.approx(1 / 3)]
    assert soft_iou(p, y, torch.tensor([[1.0, 0.0, 0.0, 1.0]])).tolist() == [1.0]
    assert soft_iou(torch.zeros(3), torch.zeros(3), torch.ones(3)) == 1.0


def test_a_row_of_a_fold_meets_the_network_that_has_not_seen_it() -> None:
    torch.manual_seed(0)
    layer = CrossFitted(2, 8, folds=2, dropout=0.0)

    def draw() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x = torch.randn(4, 30, 2)
        fold = (torch.arange(4) % 2)[:, None].expand(4, 30)
        y = (torch.where(fold == 0, x[..., 0], x[..., 1]) > 0).float()  # folds follow other numbers
        return torch.cat([x, fold[..., None].float()], -1), y, torch.ones(4, 30)

    layer.fit(draw, 150, lr=1e-2)
    layer.eval()
    x, y, _ = draw()
    rows, right = x.flatten(0, 1), y.flatten() > 0.5
    agrees = ((layer(rows)[:, 0] > 0) == right).float().mean()
    other = rows.clone()
    other[:, 2] = 1 - other[:, 2]
    assert agrees < 0.65 and ((layer(other)[:, 0] > 0) == right).float().mean() > 0.9
    none = torch.cat([rows[:, :2], -torch.ones(len(rows), 1)], 1)
    torch.testing.assert_close(layer(none)[:, 0], layer.each(rows[:, :2]).mean(1))
    assert not any(each.requires_grad for each in layer.parameters())


def test_standard_scores_have_mean_zero_and_deviation_one() -> None:

    rows = torch.randn(50, 3) * torch.tensor([1.0, 5.0, 0.1]) + 7
    found = StandardScores.fitted(ClassIndex(rows, torch.arange(50) % 2, ("a", "b")))(rows)
    torch.testing.assert_close(found.mean(0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.std(0, correction=0), torch.ones(3), atol=1e-4, rtol=0)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(LearnerError, match="overlap=2"):
        learner(2.0)
    with pytest.raises(LearnerError, match="folds=1 must be 2 or more"):
        CrossFitted(3, folds=1)
