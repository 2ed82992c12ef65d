"""Maps of frozen features in closed form: the identity at the start, textbook whitening at the end of the path."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from quickstudy import learners, load, save, train
from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import DataError, LearnerError
from quickstudy.nn import LinearMap, UnitLength, Whitening, feature_map
from quickstudy.tasks import FewShot

D = 6


def index(rows: int = 300, classes: int = 12) -> ClassIndex:
    """Classes of uneven size around centres; noise is loud in some directions, and the mean is far from zero."""
    torch.manual_seed(0)
    labels = torch.cat([torch.arange(classes), torch.randint(0, classes, (rows - classes,))])
    mixing = torch.randn(D, D) @ torch.diag(torch.tensor([3.0, 1.0, 0.5, 0.3, 0.2, 0.1]))
    return from_arrays(5 + 2 * torch.randn(classes, D)[labels] + torch.randn(rows, D) @ mixing.T, labels)


def units(rows: ClassIndex, centre: bool = True) -> np.ndarray:
    x = rows.gather(torch.arange(len(rows))).double().numpy()
    x = x - x.mean(0) * centre
    found: np.ndarray = x / np.linalg.norm(x, axis=1, keepdims=True)
    return found


def within(rows: ClassIndex) -> np.ndarray:
    """The pooled covariance as textbooks have it, all rows at once."""
    u, y = units(rows), rows.labels.numpy()
    away = np.concatenate([u[y == c] - u[y == c].mean(0) for c in range(len(rows.classes))])
    found: np.ndarray = away.T @ away / (len(u) - len(rows.classes))
    return found


def shown(layer: nn.Module, rows: ClassIndex) -> Tensor:
    with torch.no_grad():
        found: Tensor = layer(rows.gather(torch.arange(len(rows))))
    return found


@pytest.mark.parametrize("centre", [True, False])
def test_no_strength_is_the_row_at_unit_length(centre: bool) -> None:
    rows = index()
    found = shown(Whitening.fitted(rows, D, centre=centre, strength=0.0), rows)
    torch.testing.assert_close(found, torch.from_numpy(units(rows, centre)).float(), rtol=1e-4, atol=1e-5)


def test_full_strength_is_textbook_whitening_up_to_length() -> None:
    rows = index()
    values, vectors = np.linalg.eigh(within(rows))
    whitened = units(rows) @ (vectors * values**-0.5) @ vectors.T
    wanted = torch.from_numpy(whitened / np.linalg.norm(whitened, axis=1, keepdims=True)).float()
    torch.testing.assert_close(
        shown(Whitening.fitted(rows, D, centre=True, strength=0.5, floor=1e-6), rows), wanted, rtol=0, atol=1e-3
    )


def test_only_the_first_directions_are_shortened_by_the_stated_share() -> None:
    rows = index()
    layer = Whitening.fitted(rows, 2, centre=True, strength=0.3, floor=0.7)
    values, vectors = np.linalg.eigh(within(rows))
    values, vectors = values[::-1][:2], vectors[:, ::-1][:, :2]
    shares = (0.7 / (values / values.mean() + 0.7)) ** 0.3
    wanted = units(rows) + units(rows) @ vectors * (shares - 1) @ vectors.T
    wanted = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)
    torch.testing.assert_close(shown(layer, rows), torch.from_numpy(wanted).float(), rtol=1e-4, atol=1e-5)


def test_pieces_give_what_all_rows_give_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = index()
    whole = Whitening.fitted(rows, 3, centre=True)
    pieces = feature_map.pieces_of
    monkeypatch.setattr(feature_map, "pieces_of", lambda rows: pieces(rows, 7))
    for name, found in Whitening.fitted(rows, 3, centre=True).named_buffers():
        wanted = whole.get_buffer(name)
        if name == "directions":  # a direction has no sign
            found, wanted = found @ found.T, wanted @ wanted.T
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_strength_and_floor_train_and_are_saved_with_the_directions(tmp_path: Any) -> None:
    rows = index()
    learner = learners.ProtoNet(Whitening.fitted(rows, 3), scale=10.0)
    before = [float(p.detach()) for p in learner.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(learner.parameters(), 0.1)
    assert len(list(train(learner, FewShot(rows, 3, 1, 2), steps=2, batch=2, optimizer=optimizer))) == 2
    assert len(before) == 2 and before != [float(p.detach()) for p in learner.parameters() if p.requires_grad]
    save(learner, tmp_path / "it.safetensors")
    again = load(tmp_path / "it.safetensors")
    assert torch.equal(again.encoder(rows.x), learner.encoder(rows.x))
    assert not any(p.requires_grad for p in Whitening(4, 2, learn=False).parameters())


def test_directions_may_be_kept_in_half_precision() -> None:
    rows = index()
    layer = Whitening.fitted(rows, 3)
    wanted = shown(layer, rows)
    layer.directions = layer.directions.half()
    found = shown(layer, rows)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-3)


def test_rows_that_give_no_spread_are_refused() -> None:
    with pytest.raises(DataError, match="a row is float32 of shape .1, 4, 4., no vector of features"):
        Whitening.fitted(from_arrays(torch.rand(8, 1, 4, 4), torch.arange(8) % 2))
    with pytest.raises(DataError, match="examples of each class are equal"):
        Whitening.fitted(from_arrays(torch.eye(4)[torch.arange(8) % 4], torch.arange(8) % 4), 2)
    with pytest.raises(LearnerError, match="rank=9 lies from 1 to the 6 features"):
        Whitening.fitted(index(), 9)


@pytest.mark.parametrize("rank", [None, 2])
def test_a_linear_map_starts_as_the_identity_and_learns(rank: int | None) -> None:
    torch.manual_seed(0)
    layer, x = LinearMap(D, rank, dropout=0.0), torch.randn(50, D)
    assert torch.equal(layer(x), x)
    wanted = x * torch.tensor([2.0, 1, 1, 1, 1, 0.5])  # differs from the identity by a matrix of rank 2
    optimizer = torch.optim.Adam(layer.parameters(), 0.05)
    for _ in range(400):
        optimizer.zero_grad()
        loss = ((layer(x) - wanted) ** 2).mean()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 1e-3
    count = sum(p.numel() for p in layer.parameters())
    assert count == (2 * D * rank if rank else D * D)
    assert torch.equal(LinearMap(D, rank, dropout=0.9).train()(x), x)
    with pytest.raises(LearnerError, match=r"dropout=1.0 in \[0, 1\)"):
        LinearMap(D, rank, dropout=1.0)


def test_a_map_of_low_rank_is_saved_in_kilobytes(tmp_path: Any) -> None:
    learner = learners.ProtoNet(UnitLength(LinearMap(384, 32)))
    save(learner, tmp_path / "it.safetensors")
    assert (tmp_path / "it.safetensors").stat().st_size < 2 * 384 * 32 * 4 + 3000
    assert load(tmp_path / "it.safetensors").encoder(torch.randn(2, 384)).isfinite().all()


def test_a_map_is_cut_to_the_nearest_of_low_rank() -> None:
    """Eckart and Young: what is lost is the length of the singular values that are left out."""
    torch.manual_seed(0)
    layer = LinearMap(D).eval()
    nn.init.normal_(layer.outer.weight)
    whole = layer.outer.weight.detach()
    for rank in (1, 3):
        cut = layer.of_rank(rank).eval()
        change = (cut(torch.eye(D)) - torch.eye(D)).T.detach()
        lost = torch.linalg.svdvals(whole)[rank:].square().sum().sqrt()
        torch.testing.assert_close(torch.linalg.norm(whole - change), lost, rtol=1e-4, atol=1e-5)
        assert int(torch.linalg.matrix_rank(change, atol=1e-4)) == rank
    torch.testing.assert_close(layer.of_rank(3).of_rank(3)(torch.eye(D)), layer.of_rank(3)(torch.eye(D)), rtol=1e-4, atol=1e-5)


def test_a_fit_to_some_classes_is_a_fit_to_an_index_of_them() -> None:
    rows = index()
    some, alone = (
        Whitening.fitted(data, D, centre=True, of=of) for data, of in ((rows, [1, 3, 4]), (rows.select([1, 3, 4]), None))
    )
    torch.testing.assert_close(some.spreads, alone.spreads, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(shown(some, rows), shown(alone, rows), rtol=1e-3, atol=1e-4)
