"""Every classification learner under one equal budget: its recipe with the preset "budget"."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from quickstudy import recipes
from quickstudy.functional.unroll import SGD
from quickstudy.learner import Learner
from quickstudy.learners.baselines.from_scratch import FromScratch
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.learners.baselines.nearest_neighbours import NearestNeighbours
from quickstudy.recipes.parts.data import Data, Found
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import Problem, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.tasks.few_shot import FewShot

__all__ = ["CONTENDERS", "Budget", "Contender"]

_PRETRAINING = 0.9
"""LEO's share of the budget for its encoder."""


@dataclass(frozen=True)
class Budget:
    """The budget of every learner.

    Args:
        data: as ``data`` of a recipe; a folder or a file is read once for all.
        changes: other arguments of recipes than `recipes.parts.presets.BUDGET` has.

    >>> Budget("glyphs").tasks, Budget("glyphs").examples
    (2400, 72000)
    """

    data: Any
    changes: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """Of every recipe."""
        return BUDGET | dict(self.changes)

    @cached_property
    def found(self) -> Found:
        """The data, read."""
        return Data(self.data).read()

    @cached_property
    def problem(self) -> Problem:
        """Tasks of the budget's sizes, for learners that need no meta-training."""
        names = ("ways", "shots", "queries", "train_ways", "train_shots", "train_queries")
        sizes = Sizes(**{name: self.arguments[name] for name in names})
        return open_problem(Data(self.found, width=self.arguments["width"]), sizes, self.arguments["steps"])

    @property
    def test(self) -> FewShot:
        """The tasks of meta-test."""
        source = self.problem.tasks.test
        assert isinstance(source, FewShot)
        return source

    @property
    def tasks(self) -> int:
        """Tasks of meta-training in all."""
        return int(self.arguments["steps"] * self.arguments["batch"])

    @property
    def at_once(self) -> int:
        """Labelled examples in an outer step."""
        sizes = self.arguments
        return int(sizes["batch"] * sizes["train_ways"] * (sizes["train_shots"] + sizes["train_queries"]))

    @property
    def examples(self) -> int:
        """Labelled examples that all tasks show, repetitions counted."""
        return int(self.arguments["steps"] * self.at_once)

    def recipe(self, make: Callable[..., Recipe], **own: Any) -> Recipe:
        """A recipe under this budget, with arguments of its own."""
        return make(**({"data": self.found, "preset": "budget"} | dict(self.changes) | own))


Contender = Callable[[Budget], Recipe | Learner[Any]]
"""How a learner spends the budget: a recipe, or the learner itself where it needs no meta-training."""


def _by(make: Callable[..., Recipe], **own: Any) -> Contender:
    return lambda budget: budget.recipe(make, **own)


def _on_examples(make: Callable[..., Recipe]) -> Contender:
    """Supervised pre-training on as many examples, in mini-batches of one outer step's."""
    return lambda budget: budget.recipe(make, examples=budget.at_once)


def _leo(budget: Budget) -> Recipe:
    """Nine tenths of the budget pre-train the encoder."""
    steps = budget.arguments["steps"]
    before, after = (max(2, round(share * steps)) for share in (_PRETRAINING, 1 - _PRETRAINING))
    latent = budget.arguments["width"]
    return budget.recipe(recipes.leo, pretraining=before, examples=budget.at_once, steps=after, latent=latent)


def _from_scratch(budget: Budget) -> Learner[Any]:
    """A fresh network for each task, pooled, which without meta-training is better than the strided one."""
    return budget.problem.of(FromScratch(budget.problem.whole_network(), rule=SGD(0.1), steps=20))


def _as_it_is(make: Callable[[], Learner[Any]]) -> Contender:
    return lambda budget: budget.problem.of(make())


CONTENDERS: dict[str, Contender] = {
    "MAML": _by(recipes.maml),
    "MAML, first order": _by(recipes.maml, first_order=True),
    "ANIL": _by(recipes.anil),
    "BOIL": _by(recipes.boil),
    "CAVIA": _by(recipes.cavia),
    "MetaSGD": _by(recipes.meta_sgd),
    "MetaCurvature": _by(recipes.meta_curvature),
    "MAMLPlusPlus": _by(recipes.maml_plus_plus),
    "IMAML": _by(recipes.imaml),
    "MetaLSTM": _by(recipes.meta_lstm),
    "ProtoMAML": _by(recipes.proto_maml),
    "Reptile": _by(recipes.reptile),
    "ProtoNet": _by(recipes.proto),
    "MahalanobisProtoNet": _by(recipes.mahalanobis_proto),
    "MatchingNet": _by(recipes.matching),
    "SiameseNet": _by(recipes.siamese),
    "RelationNet": _by(recipes.relation),
    "FEAT": _by(recipes.feat),
    "SimpleShot": _on_examples(recipes.simple_shot),
    "NeuralTuringMachine": _by(recipes.neural_turing_machine),
    "MANN": _by(recipes.mann),
    "SNAIL": _by(recipes.snail),
    "HyperNetwork": _by(recipes.hypernetwork),
    "MetaNetworks": _by(recipes.meta_networks),
    "CNAPs": _by(recipes.cnaps),
    "SimpleCNAPs": _by(recipes.simple_cnaps),
    "LEO": _leo,
    "R2D2": _by(recipes.r2d2),
    "LRD2": _by(recipes.lrd2),
    "KernelRidge": _by(recipes.kernel_ridge),
    "DeepKernelTransfer": _by(recipes.deep_kernel_transfer),
    "GatedHeads": _by(recipes.gated_heads),
    "LogisticByShots": _by(recipes.logistic_by_shots),
    "FineTune": _on_examples(recipes.fine_tune),
    "FromScratch": _from_scratch,
    "LogisticRegression": _as_it_is(LogisticRegression),
    "NearestCentroid": _as_it_is(NearestCentroid),
    "NearestNeighbours": _as_it_is(NearestNeighbours),
}
"""The name begins with the learner's class; after a comma, the variant."""
