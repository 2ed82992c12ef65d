"""What a recipe's learner is to learn: tasks drawn from its data, and networks that fit their rows."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import Argument, LearnerError
from quickstudy.inputs.kind import InputKind
from quickstudy.learner import Learner
from quickstudy.learners.wrappers.on_features import OnFeatures
from quickstudy.learners.wrappers.scaled_targets import ScaledTargets
from quickstudy.likelihood import Likelihood
from quickstudy.nn.backbones.catalogue import build
from quickstudy.nn.chained import Chained
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.frozen import Frozen
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.data import Data, Found
from quickstudy.recipes.parts.fitted import fitted_encoder
from quickstudy.recipes.parts.practice import augmented, more_classes
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.tasks import Tasks, few_shot, sinusoids
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.source import TaskSource, generator_of
from quickstudy.tasks.supervised import Supervised

__all__ = ["Problem", "features_of", "open_problem"]


@dataclass(frozen=True)
class Problem:
    """Tasks, and what networks need to know of them.

    Args:
        tasks: the sources.
        sizes: of few-shot tasks, every number decided.
        data: as asked for.
        backbone: by name, with "auto" decided.
        network: the frozen backbone, whose features the tasks hold.
        index: of the meta-training classes, where tasks are drawn from classes.
        reads: how a raw thing becomes an input.
        became: arguments that the data decided on.
        digest: of the data.
        raw: tasks of the inputs before the frozen backbone.
        targets: mean and deviation of a table's values in meta-training.
        trained: a backbone of one's own that trains along.
        read: the data as it was read.
    """

    tasks: Tasks
    sizes: Sizes
    data: Data
    backbone: str = "mlp"
    network: Frozen | None = None
    index: ClassIndex | None = None
    reads: InputKind | None = None
    became: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    raw: TaskSource[Any] | None = None
    targets: tuple[float, float] | None = None
    trained: nn.Module | None = None
    read: Found | None = None

    @property
    def name(self) -> str:
        """Of the data, for messages."""
        return self.index.name if self.index is not None else self.tasks.train.name

    @property
    def likelihood(self) -> Likelihood:
        """What targets mean."""
        found = self.tasks.train.likelihood
        assert found is not None
        return found

    @cached_property
    def row(self) -> Tensor:
        """A row as the learner's own networks see it, (1, …)."""
        x: Tensor = self.tasks.test.sample(1, generator_of(0))[0].query.x[:1]
        return x

    @property
    def fitted(self) -> bool:
        """Whether the tasks hold features that do not change, of a frozen backbone or of hashed texts."""
        return self.network is not None or self.backbone == "hashed"

    @property
    def image(self) -> tuple[int, int]:
        """Channels and side of the images.

        Raises:
            LearnerError: rows are no square images, or another backbone was asked for.
        """
        row = self.row
        if self.backbone != "conv4" or row.ndim != 4 or row.shape[-1] != row.shape[-2]:
            raise LearnerError(
                f"this takes square images and the backbone conv4; rows of {self.name} have the shape "
                f"{tuple(row.shape[1:])}, and the backbone is {self.backbone}. Choose another ",
                Argument("backbone"),
                " (mlp for numbers), or another recipe.",
            )
        return row.shape[1], row.shape[-1]

    @cached_property
    def outputs(self) -> int:
        """The most columns of a task."""
        sources = (self.tasks.train, self.tasks.test)
        if self.index is not None:
            return max(self.sizes.train_ways, self.sizes.ways)
        return max(int(source.sample(1, generator_of(0))[0].query.y.shape[1]) for source in sources)

    def encoder(self, *, width: int | None = None, strided: bool | None = None, flat: bool = False) -> Any:
        """A network from rows to features; see `features_of`.

        Args:
            width, strided: other than the data's arguments say.
            flat: keeps the features of every position, where the backbone is conv4.
        """
        row, width = self.row, width or self.data.width
        if self.fitted:
            return fitted_encoder(self.index, row.shape[1], shots=self.sizes.shots, counts=self.backbone == "hashed")
        if self.trained is not None:
            return copy.deepcopy(self.trained)
        if self.backbone == "conv4":
            channels, side = self.image
            strided = self.data.strided if strided is None else strided
            return Conv4(channels, width, size=side, strided=strided, flat=flat)
        if self.backbone == "mlp":
            return MLP(row[0].numel(), (width, width))
        return self._built(row)

    def whole_network(self, outputs: int | None = None, *, flat: bool = False, extra: int = 0) -> nn.Module:
        """A network from rows to outputs, as many as tasks have columns.

        Args:
            outputs: other than these.
            flat: see `encoder`.
            extra: numbers that are put beside each row, of a network for numbers.
        """
        outputs, row, width = outputs or self.outputs, self.row, self.data.width
        if self.backbone == "conv4":
            channels, side = self.image
            return Conv4(channels, width, outputs=outputs, size=side, strided=self.data.strided, flat=flat)
        if self.backbone == "mlp":
            return MLP(row[0].numel() + extra, (width, width), outputs=outputs)
        encoder = self.encoder()
        return Chained([encoder], features_of(encoder), outputs)

    def of(self, learner: Learner[Any]) -> Learner[Any]:
        """The learner: on features of the frozen backbone if there is one, on scaled targets if these are a table's values."""
        if self.targets is not None:
            learner = ScaledTargets(learner, mean=self.targets[0], deviation=self.targets[1])
        return learner if self.network is None else OnFeatures(self.network, learner)

    def classes(self, name: str) -> ClassIndex:
        """The classes of meta-training.

        Raises:
            LearnerError: tasks are not drawn from classes.
        """
        if self.index is None:
            raise LearnerError(
                f"{name} is trained on classes, and the tasks of {self.name} have none in common. Choose another recipe, or "
                "other ",
                Argument("data"),
                ".",
            )
        return self.index

    def supervised(self, name: str, examples: int) -> "Problem":
        """The same with ordinary mini-batches of all meta-training classes, for pre-training; without validation."""
        known = more_classes(self.classes(name), self.sizes.augment)
        source = augmented(Supervised(known, examples), self.sizes.augment)
        return replace(self, tasks=replace(self.tasks, train=source, val=None), index=known)

    def _built(self, row: Tensor) -> Any:
        settings: dict[str, Any] = {}
        if self.backbone == "resnet12":
            settings = {"channels": row.shape[1]}
        elif self.backbone == "set":
            settings = {"inputs": row.shape[-1]}
        elif self.backbone == "text":
            settings = {"positions": row.shape[1]}
        elif self.data.backbone_weights == "tuned":
            settings = {"weights": "tuned"} | ({"size": row.shape[-1]} if row.ndim == 4 else {})
        return build(self.backbone, **settings)


def features_of(encoder: nn.Module) -> int:
    """How many features an encoder gives.

    >>> features_of(Conv4()), features_of(nn.Sequential(nn.Flatten(), MLP(4, (8,))))
    (64, 8)
    """
    found = getattr(encoder, "features", None)
    return int(found) if isinstance(found, int) else features_of(encoder[-1])  # type: ignore[index]


def open_problem(data: Data, sizes: Sizes, steps: int, *, most_ways: int | None = None) -> Problem:
    """Reads the data and makes tasks of it.

    Args:
        data: what to read.
        sizes: of the tasks.
        steps: outer steps; a curriculum reaches its full size after half of them.
        most_ways: classes that suit a meta-training task of the learner; None: as many as in meta-test, for a network has an
            output for each.

    Raises:
        UserError: what is wrong with the data, the backbone or the sizes.
    """
    if data.data == "sinusoid":
        return Problem(sinusoids(sizes.shots), sizes, data, became={"backbone": "mlp"})
    with torch.random.fork_rng():  # weights drawn after it are the same, whether the data were read before or not
        found = data.read()
    content, raw = found.content, found.raw
    backbone = _suits(found.backbone, raw)
    if isinstance(content, Splits):
        decided = sizes.on(content, most_ways)
        index = content.train
        tasks = few_shot(
            content,
            (decided.train_ways, decided.train_shots, decided.train_queries),
            (decided.val_ways, decided.shots, decided.val_queries),
            (decided.ways, decided.shots, decided.queries),
            sampler=decided.sampler,
            augment=decided.augment,
            steps=steps,
        )
    else:
        decided, index = replace(sizes, queries=sizes.queries or 15), None
        tasks = _by_task(content, sizes) if isinstance(content, TableSplits) else Tasks(*content)
    became = {f.name: getattr(decided, f.name) for f in fields(decided)} | {"backbone": backbone}
    before, scale = _before(found), _scale(content[0])
    return Problem(
        tasks,
        decided,
        data,
        backbone,
        found.network,
        index,
        raw[0].reads,
        became,
        found.digest,
        before,
        scale,
        found.trained,
        found,
    )


def _by_task(tables: TableSplits, sizes: Sizes) -> Tasks:
    queries = sizes.queries or None
    train = ByTask(tables.train, sizes.train_shots or sizes.shots, sizes.train_queries or queries, too_small="skip")
    val, test = (ByTask(table, sizes.shots, queries, too_small="skip") for table in (tables.val, tables.test))
    return Tasks(train, val, test)


def _suits(backbone: str, raw: Any) -> str:
    """The backbone; for "auto" of data that a function makes, one that fits its rows."""
    if backbone != "auto":
        return backbone
    x = raw[0].sample(1, generator_of(0))[0].query.x if isinstance(raw[0], TaskSource) else raw[0].gather(torch.tensor([0]))
    return "conv4" if x.ndim == 4 and x.shape[-1] == x.shape[-2] else "mlp"


def _before(found: Found) -> TaskSource[Any] | None:
    """Tasks of the inputs before a frozen backbone."""
    index = found.raw[0]
    return Supervised(index, 1) if found.network is not None and isinstance(index, ClassIndex) else None


def _scale(part: Any) -> tuple[float, float] | None:
    """Mean and deviation of a table's values."""
    if not isinstance(part, Table) or part.classes or not part.y.is_floating_point():
        return None
    return float(part.y.mean()), float(part.y.std().clamp(min=1e-12))
