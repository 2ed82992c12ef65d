"""Backbones by name: what they compute, what they refuse, and that features of theirs can be cached."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.encoded import encoded
from quickstudy.errors import ArgumentError, ShapeError
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.nn import backbones
from quickstudy.nn.backbones.item_set import ItemSet
from quickstudy.nn.backbones.resnet12 import DropBlock, ResNet12
from quickstudy.nn.backbones.token_transformer import TokenTransformer
from quickstudy.saving.checkpoint import load, save

OWN: dict[str, tuple[dict[str, Any], Any]] = {
    "conv4": ({"channels": 3, "size": 32, "hidden": 4}, torch.randn(4, 3, 32, 32)),
    "resnet12": ({"widths": (4, 4, 8, 8)}, torch.randn(4, 3, 32, 32)),
    "mlp": ({"inputs": 6, "hidden": (8,)}, torch.randn(4, 2, 3)),
    "set": ({"inputs": 2, "hidden": (8,)}, torch.randn(4, 5, 2)),
    "text": ({"vocabulary": 50, "width": 8}, torch.randint(1, 50, (4, 7))),
}


def test_every_backbone_from_scratch_is_tried_here() -> None:
    assert set(OWN) == {name for name in backbones.names() if not backbones.describe(name).extra}


@pytest.mark.parametrize("name", OWN)
def test_it_says_how_many_features_it_gives_and_a_learner_with_it_is_rebuilt(name: str, tmp_path: Path) -> None:
    settings, x = OWN[name]
    network = backbones.build(name, **settings).eval()
    assert network(x).shape == (4, network.features)
    learner = ProtoNet(network).eval()
    save(learner, tmp_path / "learner.safetensors")
    torch.testing.assert_close(load(tmp_path / "learner.safetensors").encode(x), learner.encode(x), rtol=0, atol=0)


@pytest.mark.parametrize("name", OWN)
def test_features_are_cached(name: str, tmp_path: Path) -> None:
    settings, x = OWN[name]
    network = backbones.build(name, **settings).eval()
    index = from_arrays(x, [0, 0, 1, 1])
    cache = encoded(index, network, folder=tmp_path)
    torch.testing.assert_close(
        cache.gather(torch.arange(4)), network(index.gather(torch.arange(4))).detach(), rtol=1e-4, atol=1e-5
    )


def test_resnet12_has_the_weights_of_the_papers() -> None:
    """12.4 million: in each of four blocks three convolutions, a shortcut and four norms."""
    widths = [3, 64, 160, 320, 640]
    expected = sum(9 * a * b + 2 * 9 * b * b + a * b + 8 * b for a, b in pairwise(widths))
    with torch.device("meta"):
        assert sum(p.numel() for p in ResNet12().parameters()) == expected == 12_424_320


def test_drop_block_drops_squares_of_the_share_and_keeps_the_mean() -> None:
    layer = DropBlock(0.2, size=3)
    x = torch.ones(64, 8, 12, 12)
    found = layer(x)
    assert found.mean().item() == pytest.approx(1, abs=1e-5)
    assert (found == 0).float().mean().item() == pytest.approx(0.18, abs=0.03)  # squares overlap
    zero = (found == 0).float()
    inside = nn.functional.max_pool2d(nn.functional.pad(-nn.functional.max_pool2d(-zero, 3, 1), (2,) * 4), 3, 1)
    assert torch.equal(inside, zero)  # every dropped position lies in a whole square
    assert torch.equal(layer.eval()(x), x)


def test_a_text_encoder_leaves_padding_out() -> None:
    network = TokenTransformer(50, 8, depth=2, positions=16).eval()
    short = network(torch.tensor([[3, 4, 5]]))
    padded = network(torch.tensor([[3, 4, 5, 0, 0], [7, 8, 9, 10, 11]]))[:1]
    masked = network({"tokens": torch.tensor([[3, 4, 5, 44]]), "mask": torch.tensor([[1.0, 1.0, 1.0, 0.0]])})
    torch.testing.assert_close(padded, short)
    torch.testing.assert_close(masked, short)
    assert network(torch.zeros(1, 4, dtype=torch.int64)).tolist() == [[0.0] * 8]


def test_a_bag_of_n_grams_is_a_mean_of_normed_embeddings() -> None:
    network = TokenTransformer(50, 8, depth=0, positions=0).eval()
    mean = network.norm(network.tokens.weight[[3, 4, 4]]).mean(0, keepdim=True)
    torch.testing.assert_close(network(torch.tensor([[4, 3, 4]])), mean)
    torch.testing.assert_close(network(torch.tensor([[3, 4, 4, 0]])), mean)


def test_a_set_encoder_leaves_absent_items_out() -> None:
    network = ItemSet(2, (8,))
    items = torch.randn(3, 4, 2)
    mask = torch.tensor([[1.0, 1.0, 0.0, 0.0]]).expand(3, -1)
    torch.testing.assert_close(network({"items": items, "mask": mask}), network(items[:, :2]))


def test_too_long_texts_and_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"texts of 9 tokens, but there are 8 positions. Cut them at 8 tokens."):
        TokenTransformer(50, 8, positions=8)(torch.ones(1, 9, dtype=torch.int64))
    with pytest.raises(ShapeError, match="3 heads cannot share a width of 8"):
        TokenTransformer(50, 8, heads=3)
    with pytest.raises(ShapeError, match=r"four widths .* not widths=\(4, 8\)"):
        ResNet12(widths=(4, 8))


def test_names_and_settings_that_are_not_there() -> None:
    with pytest.raises(
        ArgumentError, match=r"no backbone 'resnet-12'. Did you mean resnet12\? There are: conv4, resnet12, .*timm:NAME"
    ):
        backbones.build("resnet-12")
    with pytest.raises(ArgumentError, match=r"no backbone 'file.py:mine'"):
        backbones.build("file.py:mine")
    with pytest.raises(ArgumentError, match=r"backbone conv4 has no argument sise. Did you mean size\?"):
        backbones.build("conv4", sise=28)
    with pytest.raises(ArgumentError, match=r"backbone minilm: weights='thawed' must be one of 'frozen', 'tuned'"):
        backbones.build("minilm", weights="thawed")


def test_the_command_lists_them(call: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = call("list", "backbones")
    assert status == 0 and all(name in out for name in backbones.names()) and "learner" not in out
