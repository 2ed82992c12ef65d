"""Every network exports by torch.export with a free number of rows, and computes the same for another number."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from quickstudy import Examples
from quickstudy import nn as networks
from quickstudy.functional.tree import leaves, map_leaves
from quickstudy.nn import (
    LRUA,
    MLP,
    NTM,
    Augmented,
    AugmentedMLP,
    BesideInputs,
    BoxVectors,
    Calendar,
    CausalNet,
    Chained,
    ColumnRange,
    Contrast,
    Conv4,
    Conv4Maps,
    CosineKernel,
    CrossFitted,
    EfficientNetGrid,
    EfficientNetLite0,
    EfficientNetMaps,
    ExactBatchNorm2d,
    FeatureScales,
    FeatureWeights,
    FeedForward,
    FiLM,
    FiLMContext,
    Forest,
    Frozen,
    GaussianCode,
    GaussianWeights,
    InputContext,
    ItemSet,
    LaplaceKernel,
    Leaf,
    LinearKernel,
    LinearMap,
    LSTMCell,
    MetaDropout,
    Mirrored,
    Mixing,
    MixtureKernel,
    NormedByExample,
    PairEncoder,
    Point,
    PrincipalMap,
    QueryContext,
    RankGaussian,
    RBFKernel,
    Relation,
    ResNet12,
    RunningMean,
    ScaledFiLM,
    SelfAttention,
    SetEncoder,
    Settled,
    Shared,
    SideBySide,
    Squares,
    Standardised,
    StandardScores,
    SupportContext,
    TanimotoKernel,
    TokenTransformer,
    UnitLength,
    WeightedBlocks,
    Whitening,
    WithInputs,
    WordStates,
    WrittenFiLM,
    WrittenHead,
    WrittenInTurn,
    WrittenLowRank,
    WrittenNetwork,
    norm,
)

Rows = Callable[[int], tuple[Any, ...]]
"""Arguments of a network with so many rows; the support set of a memory that reads row by row keeps its number."""


def flat(features: int) -> Rows:
    return lambda rows: (torch.randn(rows, features),)


def against(others: Tensor) -> Rows:
    """Rows, and others that stay as they are."""
    return lambda rows: (torch.randn(rows, 4), others)


def of_two(rows: int) -> tuple[Any, ...]:
    """Two kinds of features of so many rows, and of five others."""
    return {"a": torch.randn(rows, 4), "b": torch.randn(rows, 4)}, {"a": torch.randn(5, 4), "b": torch.randn(5, 4)}


def images(channels: int, size: int) -> Rows:
    return lambda rows: (torch.randn(rows, channels, size, size),)


def tokens(length: int) -> Rows:
    """The first text is the longest; the second has padding."""
    return lambda rows: (
        torch.randint(1, 50, (rows, length)) * (torch.arange(length) < length - 2 * (torch.arange(rows) == 1)[:, None]),
    )


def sentences(rows: int) -> tuple[dict[str, Tensor]]:
    """Of six pieces and three words; the last has two pieces."""
    starts, ends = (torch.tensor(places).expand(rows, 3) for places in ([1, 2, 3], [2, 3, 5]))
    return ({"pieces": torch.randint(1, 50, (rows, 6)), "starts": starts, "ends": ends},)


def support(rows: int) -> Examples:
    return Examples(torch.randn(rows, 4), torch.eye(3)[torch.arange(rows) % 3], torch.ones(rows))


def written(part: Any) -> tuple[nn.Module, Rows]:
    numbers = map_leaves(Tensor.detach, part.write(support(6)))
    return part, lambda rows: (numbers, torch.randn(rows, 4))


def reader() -> SetEncoder:
    return SetEncoder(nn.Linear(4, 8))


def normed() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh())


def head() -> WrittenHead:
    return WrittenHead(nn.Linear(4, 4), nn.Linear(4, 1))


def low_rank() -> WrittenLowRank:
    return WrittenLowRank(nn.Linear(4, 4), reader(), code=8)


def cell(of: Any) -> tuple[nn.Module, Rows]:
    return of, lambda rows: (
        torch.randn(rows, of.inputs),
        map_leaves(lambda leaf: leaf.detach().expand(rows, *leaf.shape).clone(), of.start()),
    )


BOX = torch.tensor([0.1, 0.2, 0.6, 0.9])

CASES: dict[str, Callable[[], tuple[nn.Module, Rows]]] = {
    "Augmented": lambda: (Augmented([nn.Linear(4, 4), nn.Linear(4, 2)]), flat(4)),
    "AugmentedMLP": lambda: (AugmentedMLP(4, (8,), outputs=2), flat(4)),
    "BoxVectors": lambda: (BoxVectors((0, 4), (0, 2), (2, 4)), lambda rows: (torch.randn(4, 6, 6), BOX.expand(rows, 4).clone())),
    "CausalNet": lambda: (CausalNet(4, 2, length=12), flat(4)),
    "Conv4": lambda: (Conv4(outputs=5), images(1, 28)),
    "Conv4, colour": lambda: (Conv4(3, 8, size=32), images(3, 32)),
    "Conv4, strided": lambda: (Conv4(3, 8, strided=True), images(3, 28)),
    "ColumnRange": lambda: (ColumnRange(1, 3), flat(4)),
    "Conv4Maps": lambda: (Conv4Maps(1, 4), images(1, 28)),
    "Contrast": lambda: (Contrast(nn.Linear(2, 3)), flat(4)),
    "Squares": lambda: (Squares(), flat(4)),
    "BesideInputs": lambda: (BesideInputs(nn.Linear(4, 3), 4), flat(4)),
    "CosineKernel": lambda: (CosineKernel(), against(torch.randn(5, 4))),
    "EfficientNetLite0": lambda: (EfficientNetLite0(), images(3, 32)),
    "CrossFitted": lambda: (CrossFitted(4), flat(4)),
    "EfficientNetGrid": lambda: (EfficientNetGrid(), images(3, 64)),
    "EfficientNetMaps": lambda: (EfficientNetMaps(), images(3, 32)),
    "ExactBatchNorm2d": lambda: (ExactBatchNorm2d(3), images(3, 6)),
    "FeedForward": lambda: cell(FeedForward(4, 5)),
    "FiLM": lambda: (FiLM(5, {"a": 4}), lambda rows: (torch.randn(5),)),
    "FiLMContext": lambda: (FiLMContext(normed(), 5), lambda rows: (torch.randn(rows, 4), torch.randn(5))),
    "Forest": lambda: (Forest.fitted(torch.randn(40, 4), torch.arange(40) % 2, trees=3), flat(4)),
    "Frozen": lambda: (Frozen(Conv4(1, 4)), images(1, 28)),
    "GaussianCode": lambda: (GaussianCode(4, 2), flat(4)),
    "GaussianWeights": lambda: (GaussianWeights(nn.Linear(4, 2)), flat(4)),
    "InputContext": lambda: (InputContext(nn.Linear(9, 2), 5), lambda rows: (torch.randn(rows, 4), torch.randn(5))),
    "ItemSet": lambda: (ItemSet(4, (8,)), lambda rows: (torch.randn(rows, 5, 4),)),
    "ItemSet, mask": lambda: (ItemSet(4, (8,)), lambda rows: ({"items": torch.randn(rows, 5, 4), "mask": torch.ones(rows, 5)},)),
    "LRUA": lambda: cell(LRUA(LSTMCell(4 + 2 * 6, 8), outputs=5, slots=5, width=6, heads=2)),
    "LSTMCell": lambda: cell(LSTMCell(4, 5)),
    "Chained": lambda: (Chained([FeatureWeights(4)], 4, 2), flat(4)),
    "FeatureScales": lambda: (FeatureScales(4), flat(4)),
    "FeatureWeights": lambda: (FeatureWeights(4), flat(4)),
    "LinearMap": lambda: (LinearMap(4, rank=2), flat(4)),
    "MLP": lambda: (MLP(4, (8,), outputs=2, norm=True), flat(4)),
    "MetaDropout": lambda: (MetaDropout(nn.Linear(4, 2)), flat(4)),
    "Mirrored": lambda: (Mirrored(Conv4(3, 4, size=32)), images(3, 32)),
    "Mixing": lambda: (Mixing([nn.Linear(4, 4), nn.Linear(4, 2)]), flat(4)),
    "LaplaceKernel": lambda: (LaplaceKernel(4), against(torch.randn(5, 4))),
    "LinearKernel": lambda: (LinearKernel(4), against(torch.randn(5, 4))),
    "MixtureKernel": lambda: (MixtureKernel({"a": RBFKernel(4), "b": CosineKernel()}), of_two),
    "NTM": lambda: cell(NTM(LSTMCell(4 + 20), outputs=5)),
    "NormedByExample": lambda: (NormedByExample(Conv4(1, 4)), images(1, 28)),
    "PairEncoder": lambda: (PairEncoder(nn.Linear(7, 8)), lambda rows: (support(rows),)),
    "Point": lambda: (Point(4), flat(4)),
    "QueryContext": lambda: (QueryContext(4, steps=2), lambda rows: (torch.randn(rows, 4), torch.ones(5, 4), torch.ones(5))),
    "PrincipalMap": lambda: (PrincipalMap(4, 2), flat(4)),
    "RankGaussian": lambda: (RankGaussian(4), flat(4)),
    "RBFKernel": lambda: (RBFKernel(4), against(torch.randn(5, 4))),
    "Relation": lambda: (Relation(4), lambda rows: (torch.ones(3, 4, 5, 5), torch.randn(rows, 4, 5, 5))),
    "ResNet12": lambda: (ResNet12(widths=(4, 4, 8, 8), drop=0.1), images(3, 32)),
    "RunningMean": lambda: (RunningMean(4), flat(4)),
    "ScaledFiLM": lambda: (ScaledFiLM(5, {"a": 4}), lambda rows: (torch.randn(5),)),
    "SelfAttention": lambda: (SelfAttention(4, heads=2), lambda rows: (torch.randn(rows, 4), torch.ones(rows, rows))),
    "Leaf": lambda: (Leaf("a"), lambda rows: ({"a": torch.randn(rows, 4), "b": torch.arange(rows)},)),
    "SideBySide": lambda: (SideBySide({"a": nn.Linear(4, 2), "b": ColumnRange(0, 2)}), flat(4)),
    "SetEncoder": lambda: (reader(), lambda rows: (support(rows),)),
    "SetEncoder, batch norm": lambda: (SetEncoder(normed()), lambda rows: (support(rows),)),
    "Settled": lambda: (Settled(Conv4(1, 4)), images(1, 28)),
    "Shared": lambda: (Shared(nn.Linear(4, 2)), flat(4)),
    "Calendar": lambda: (Calendar(12, year=(2000.0, 10.0), season=(0.0, 2.0)), flat(2)),
    "WithInputs": lambda: (WithInputs(nn.Linear(4, 3), 7), flat(4)),
    "StandardScores": lambda: (StandardScores(4), flat(4)),
    "Standardised": lambda: (Standardised(nn.Flatten()), flat(4)),
    "SupportContext": lambda: (SupportContext(4), lambda rows: (torch.randn(5, 4), torch.ones(5))),
    "TanimotoKernel": lambda: (TanimotoKernel(), against(torch.arange(20.0).view(5, 4))),
    "TokenTransformer": lambda: (TokenTransformer(50, 8, depth=2), tokens(9)),
    "TokenTransformer, bag": lambda: (TokenTransformer(50, 8, depth=0, positions=0), tokens(9)),
    "UnitLength": lambda: (UnitLength(nn.Flatten()), flat(4)),
    "WeightedBlocks": lambda: (WeightedBlocks({"a": nn.Linear(4, 2), "b": ColumnRange(0, 2)}), flat(4)),
    "Whitening": lambda: (Whitening(4, 2), flat(4)),
    "WordStates": lambda: (WordStates(50, 8, depth=2, layers=(1, 2)), sentences),
    "WrittenFiLM": lambda: written(WrittenFiLM(normed(), reader(), code=8)),
    "WrittenHead": lambda: written(head()),
    "WrittenInTurn": lambda: written(WrittenInTurn(low_rank(), head())),
    "WrittenLowRank": lambda: written(low_rank()),
    "WrittenNetwork": lambda: written(WrittenNetwork(nn.Linear(4, 4), reader(), code=8)),
    "norm.BatchNorm": lambda: (norm.convert(nn.BatchNorm2d(3)), images(3, 6)),
    "norm.InstanceNorm": lambda: (norm.convert(nn.InstanceNorm2d(3, affine=True)), images(3, 6)),
    "norm.LayerNorm": lambda: (norm.convert(nn.LayerNorm(4)), flat(4)),
}
NAMED = {"NamedWeights", "Pretrained"}
"""What holds one of the networks above, with weights that a package brings; tests/nn/test_pretrained.py exports it."""
RULES = {"AdamLSTM", "CoordinateLSTM", "GatedDescent", "LearnedRule", "RuleOptimizer"}
"""What steps inside of `adapt`, over weights and their gradients instead of rows."""


class Flat(nn.Module):
    """A network as a function of the tensors in its arguments."""

    def __init__(self, network: nn.Module, form: pytree.TreeSpec) -> None:
        super().__init__()
        self.network, self.form = network, form

    def forward(self, tensors: list[Tensor]) -> Any:
        return self.network(*pytree.tree_unflatten(tensors, self.form))


def test_every_network_has_a_case() -> None:
    classes = {name for name in networks.__all__ if inspect.isclass(getattr(networks, name))}
    assert classes == {name.split(",")[0] for name in CASES if "." not in name} | NAMED | RULES


@pytest.mark.parametrize("name", CASES)
def test_it_exports_with_a_free_number_of_rows(name: str) -> None:
    network, arguments = CASES[name]()
    network.eval()
    torch.manual_seed(0)
    given, others = arguments(7), [arguments(rows) for rows in (3, 12)]
    free = torch.export.Dim("rows", min=2)
    tensors, form = pytree.tree_flatten(given)
    shapes = [{axis: free for axis, size in enumerate(leaf.shape) if size == 7} for leaf in tensors]
    with torch.no_grad():
        program = torch.export.export(Flat(network, form), (tensors,), dynamic_shapes=(shapes,), strict=False).module()
        for other in others:
            for found, wanted in zip(leaves(program(pytree.tree_leaves(other))), leaves(network(*other)), strict=True):
                torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
