"""The learner of texts: logistic regressions on frozen and on mapped features, and how it is meta-trained."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from quickstudy.apps.parts.texts import TextEncoder
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.learners.closed_form.gated_heads import GatedHeads
from quickstudy.nn.chained import Chained
from quickstudy.nn.feature_map import LinearMap, Whitening
from quickstudy.nn.feature_weights import FeatureWeights
from quickstudy.nn.standardised import UnitLength
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.mixture import Mixture

__all__ = ["NEAR", "REQUESTS", "TOPICS", "Start", "gated_recipe"]


@dataclass(frozen=True)
class Start:
    """Where the learner starts, chosen on meta-validation tasks.

    Args:
        whitening: strength of the whitening in front of the map, see `nn.Whitening`; 0 leaves it out.
        penalty, scale, by_shots: see `GatedHeads`.
        centred: the mean of the meta-training classes that are most like those of meta-test is taken from all features.
        ways, shots: of a meta-training task, at most.
    """

    whitening: float
    penalty: float
    scale: float
    by_shots: float
    centred: bool = True
    ways: int = 20
    shots: int = 5


NEAR = Start(whitening=0.25, penalty=0.1, scale=2.0, by_shots=0.0, centred=False)
"""Where meta-test classes are like those of meta-training: the map has room to change what the frozen head says."""

REQUESTS = Start(whitening=0.25, penalty=1.0, scale=10.0, by_shots=-1.0)
"""Where they are of the same kind, and about other things: at the logistic regression tuned by shots."""

TOPICS = Start(whitening=0.0, penalty=1.0, scale=10.0, by_shots=0.0, ways=10, shots=10)
"""Where classes are wide and overlap: at a penalty that stays, for centroids are hard to beat there at any number of shots."""

_RANK, _DROPOUT = 100, 0.3
_LOW_RANK = 32
"""Of the map of hashed n-grams, of which there are thousands."""

_FASTER = 10.0
"""Step size of the twelve numbers of the heads, over that of the map."""


def gated_recipe(
    trained: Sequence[ClassIndex],
    parts: Splits,
    encoder: TextEncoder,
    *,
    steps: int,
    lr: float,
    start: Start,
    digest: str = "",
) -> Recipe:
    """`GatedHeads` on the features of an encoder, trained in few steps; the best of the validations is kept.

    Args:
        trained: classes of meta-training; each task has those of one of them. Whitening or inverse document frequencies are
            taken of the first.
        parts: of whose classes meta-validation and meta-test tasks are; the mean is that of its meta-training classes.
        encoder: of the texts.
        steps, lr: of the outer loop, two tasks a step.
        start: of the learner.
        digest: of the data, where they are a file of one's own.
    """
    practice = [FewShot(index, min(start.ways, len(index.classes)), (1, start.shots), 5) for index in trained]
    ways = [min(start.ways, len(part.classes)) for part in parts]
    val = [FewShot(parts.val, ways[1], shots, 5) for shots in (1, 5)]
    test = FewShot(parts.test, ways[2], 1, 10)
    learner = _learner(encoder, trained[0], start, parts.train)
    maps = [p for p in learner.feature_map.parameters() if p.requires_grad]
    numbers = [learner.start, learner.by_shots, learner.by_ways]
    optimizer = Adam([{"params": maps, "lr": lr}, {"params": numbers, "lr": _FASTER * lr}])
    return Recipe(
        encoder.of(learner),
        Mixture(practice),
        Mixture(val),
        test,
        optimizer,
        steps,
        batch=2,
        schedule=OneCycleLR(optimizer, [lr, _FASTER * lr], total_steps=steps),
        clip=10.0,
        validate_every=max(1, steps // 6),
        val_tasks=100,
        reads=encoder.reads,
        became={"backbone": encoder.name},
        digest=digest,
        from_start=True,
    )


def _learner(encoder: TextEncoder, index: ClassIndex, start: Start, own: ClassIndex) -> GatedHeads:
    """That which starts at the logistic regression on the features, or on TF-IDF."""
    made = partial(GatedHeads, penalty=start.penalty, scale=start.scale, by_shots=start.by_shots)
    if encoder.network is None:
        weights = FeatureWeights.fitted(index).requires_grad_(False)
        frozen = Chained([weights, UnitLength()], encoder.features)
        mapped = Chained([LinearMap(encoder.features, _LOW_RANK, dropout=_DROPOUT), UnitLength()], encoder.features)
        return made(frozen, mapped)
    first = Whitening.fitted(own, 1, centre=True, strength=0.0, learn=False) if start.centred else UnitLength()
    parts: list[nn.Module] = [LinearMap(encoder.features, dropout=_DROPOUT), UnitLength()]
    if start.whitening:
        rows = replace(index, x=first(index.gather(torch.arange(len(index)))).detach())
        parts.insert(0, Whitening.fitted(rows, _RANK, centre=True, strength=start.whitening, learn=False))
    return made(first, Chained(parts, encoder.features))
