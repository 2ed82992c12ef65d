"""A learner is a function from a support set to a predictor; meta-training tunes that function on many tasks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.trajectory import Snapshot, trajectory
from quickstudy.functional.tree import leaves, map_leaves, to
from quickstudy.inputs.border import class_names, finite_outputs, named_rows, one_support_set, right_targets
from quickstudy.inputs.explained import explained
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.row_shape import RowShape
from quickstudy.inputs.statistics import ImageStatistics
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.metrics.rejection import Threshold
from quickstudy.metrics.temperature import Temperature, Tempered
from quickstudy.nn.value import HasValue, Value, own, value_of
from quickstudy.storage.blueprint import Recorded
from quickstudy.task import Examples, Inputs, Task, inputs

__all__ = ["INNER_GRADIENTS", "ITERATES", "Facts", "Learner", "Predictor", "Samples", "evaluating"]

State = TypeVar("State")

INNER_GRADIENTS = "its inner loop takes gradients, which a program of tensor operations does not hold"
ITERATES = "it iterates until its numbers are good enough, and a program does the same steps for all"
"""Reasons why an adaptation cannot be exported."""


class Samples(Protocol):
    """What gives meta-training tasks: a source, or one whose tasks are changed before a learner sees them."""

    def sample(self, batch: int, generator: torch.Generator | None = None) -> Task:
        """``batch`` tasks, stacked along a leading axis."""


@dataclass(frozen=True)
class Facts:
    """What is true of a learner; contracts, reports, docs and the batching rule follow these.

    Args:
        ordered: the order of the support set matters (memories).
        transductive: a query's prediction depends on the other queries.
        label_order: which class is called which matters beyond a renaming of the outputs (a head per column).
        stochastic: adapting or predicting draws random numbers.
        batchable: works under `torch.func.vmap`; False where a learner leaves tensors (scikit-learn inside).
        gradient: of the objective: exact, a surrogate (tested against its stated formula), or none.
        norm: which statistics batch norms use: running (kept in meta-training), support, batch, or none.
        unexportable: why predictors cannot be exported with a free number of queries; empty where they can.
        unexportable_adaptation: why adapting cannot be exported as a program of the support set; empty where it can.
    """

    ordered: bool = False
    transductive: bool = False
    label_order: bool = False
    stochastic: bool = False
    batchable: bool = True
    gradient: Literal["exact", "surrogate", "none"] = "exact"
    norm: Literal["running", "support", "batch", "none"] = "running"
    unexportable: str = ""
    unexportable_adaptation: str = ""


class Learner(Recorded, HasValue, ABC, Generic[State]):
    """The one contract of all families: encode, adapt, predict.

    A subclass writes `adapt` and `predict` for ONE task without a batch axis, on inputs that `encode` has already
    turned into features. The state that `adapt` makes is a tree of tensors outside of the module.

    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> learner = ProtoNet(nn.Flatten())
    >>> predictor = learner(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1])))
    >>> predictor(torch.tensor([[0.9]])).argmax(-1)
    tensor([1])
    """

    facts: Facts = Facts()
    likelihood: Likelihood = Categorical()
    reads: InputKind | None = None
    expects: ImageStatistics | None = None
    """How a raw thing becomes an input, and what images of meta-training looked like, if it was trained on images."""
    calibration: Temperature | None = None
    """At which probabilities are stated, see `quickstudy.evaluation.temperature`; inner steps and the objective know none."""

    def encode(self, x: Inputs) -> Inputs:
        """Features of inputs, example by example, the same for all tasks; called once for a whole batch of tasks."""
        return x

    @abstractmethod
    def adapt(self, support: Examples) -> State:
        """The state learned from ONE encoded support set; pure, no batch axis."""

    @abstractmethod
    def predict(self, state: State, x: Inputs) -> Tensor:
        """Outputs (Q, N or P) for encoded inputs of ONE task."""

    def objective(self, task: Task) -> Tensor:
        """The meta-training loss of ONE encoded task, a scalar; by default the query's negative log-likelihood."""
        outputs = self.predict(self.adapt(task.support), task.query.x)
        return self.likelihood.nll(outputs, task.query.y, task.query.mask)

    def prepare(self, source: Samples, generator: torch.Generator) -> None:
        """Called by `train` before the first outer step: statistics of meta-training tasks enter buffers here.

        Nothing by default. It may be called again with the same tasks, so it sets what it finds and adds to nothing.

        Args:
            source: of meta-training tasks, raw as the source gives them: encode what needs features.
            generator: of whatever is drawn.
        """

    def trajectory(self, support: Examples) -> Iterator[Snapshot[State]]:
        """States of ONE encoded support set before the first inner step and after some of them, see `functional.trajectory`.

        The first is the network before adaptation and the last what `adapt` returns; a learner without inner steps has only
        that. A learner with a loop of its own writes it by `functional.checkpointing.repeated`, or this method.
        """
        return trajectory(lambda: self.adapt(support))

    def step_sizes(self) -> dict[str, Tensor]:
        """The learned step sizes of the inner loop by name, to be monitored; empty if none are learned."""
        return {}

    def advance(self) -> None:
        """Called by `train` after each outer step. A learner with a schedule counts in a buffer, so that a run resumes."""

    def forward(self, support: Examples, classes: Sequence[str] | None = None) -> "Predictor":
        """A predictor for one raw support set. No graph is kept: for gradients use `encode`, `adapt` and `predict`.

        It keeps a copy of this learner as it is now, which all predictors share until the learner changes; `nn.Frozen` parts
        are not copied. Several threads may call one learner, and predictors of it, at once, while it is not trained.

        Args:
            support: ONE support set; rows of mask 0 are padding.
            classes: a name for each class, all different.

        Raises:
            DataError: numbers are missing in the support set, or names are no text, empty or equal.
            ShapeError: as many class names as ways are needed; the network cannot take inputs of this shape.
            LearnerError: targets of another kind than this learner learns, for example values instead of classes.
            LearnerError: this is no support set, or the learner cannot be copied.
        """
        one_support_set(support)
        right_targets(self, support)
        named = None if classes is None else class_names(classes, support.y.shape[-1])
        value = value_of(self)
        with torch.inference_mode(False), torch.no_grad(), value.lent() as learner:  # inner loops need gradients
            usable = map_leaves(lambda leaf: leaf.clone() if leaf.is_inference() else leaf, support)
            with explained(self, lambda: usable.x):
                encoded = usable.replace(learner.encode(usable.x))
                state = learner.adapt(encoded)
        return Predictor(value.module, state, named, self.reads, RowShape.of(support.x), map_leaves(torch.clone, encoded))

    def train(self, mode: bool = True) -> Self:
        """As of any module; a learner that belongs to a predictor is not trained."""
        kept: Value[Self] | None = vars(self).get("_value")
        if mode and kept is not None and kept.module is self:
            raise LearnerError("this learner belongs to predictors, which must not change. Train a copy: copy.deepcopy(learner).")
        return super().train(mode)

    @property
    def advances(self) -> bool:
        """Whether this learner changes from outer step to outer step, so that no step can be compiled once for all."""
        return type(self).advance is not Learner.advance

    @property
    def stated(self) -> Likelihood:
        """The likelihood by which outputs become probabilities: at the temperature, if there is one.

        Raises:
            LearnerError: there is one, but outputs are no logits of classes.
        """
        if self.calibration is None:
            return self.likelihood
        if type(self.likelihood) is not Categorical:
            raise LearnerError(f"{self.title} has no logits of classes, which alone have a temperature. Set calibration to None.")
        return Tempered(self.calibration.value)

    @property
    def title(self) -> str:
        """What reports call it: its class, or that of the learner inside where a wrapper changes its inputs and targets alone."""
        return type(self).__name__

    @property
    def encodes(self) -> bool:
        """Whether this learner has an encoder of its own, so that features can be shared between tasks."""
        return type(self).encode is not Learner.encode

    def extra_repr(self) -> str:
        kind = "transductive" if self.facts.transductive else "inductive"
        return f"norm={self.facts.norm}, {kind}, gradient={self.facts.gradient}"


class evaluating:  # noqa: N801  a context manager, named as a verb
    """``with evaluating(module):`` runs in eval mode and restores each part's own mode afterwards."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __enter__(self) -> None:
        self.modes = [(part, part.training) for part in self.module.modules()]
        self.module.eval()

    def __exit__(self, *reason: object) -> None:
        for part, mode in self.modes:
            part.training = mode


@dataclass(frozen=True, eq=False)
class Predictor:
    """What a learner learned from a support set: a value that never changes and that any number of threads may use.

    It computes in eval mode, without a graph. What its learner learns later changes nothing here.

    Args:
        learner: a copy is kept, shared by all predictors made before the learner changes.
        state: what the learner remembers of the support set.
        classes: names of the outputs, in order.
        reads: how a raw thing (an image file, a text, a row of a table) becomes an input.
        rows: shape and type of one row of the support set's inputs, with which queries are compared.
        support: the encoded support set, from which `quickstudy.use.updated` makes a predictor of more examples or classes.
        threshold: below its probability the answer is "none of these".
    """

    learner: Learner[Any]
    state: Any
    classes: tuple[str, ...] | None = None
    reads: InputKind | None = None
    rows: RowShape | None = None
    support: Examples | None = None
    threshold: Threshold | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "learner", value_of(self.learner).module)
        object.__setattr__(self, "classes", None if self.classes is None else class_names(self.classes))

    def __reduce__(self) -> tuple[Any, ...]:
        return _owning, (self.learner, self.state, self.classes, self.reads, self.rows, self.support, self.threshold)

    def __call__(self, x: Any) -> Tensor:
        """Outputs (Q, N or P) for raw inputs.

        Args:
            x: rows like those of the support set, leading axis Q, or a single one. With ``reads`` also what that reads: an
        X
        Raises:
            DataError: numbers are missing, or it is no input and no image.
            ShapeError: inputs of another shape or type of number than the support set's.
            LearnerError: outputs are NaN or infinite.
        """
        x = self._inputs(x)
        with torch.no_grad(), value_of(self.learner).lent() as learner, explained(self.learner, lambda: x):
            outputs = learner.predict(self.state, learner.encode(x))
        return finite_outputs(outputs, type(self.learner).__name__)

    def encoded(self, x: Any) -> Inputs:
        """Features of raw inputs, as ``learner.predict`` takes them; ``x`` and errors as of a call."""
        x = self._inputs(x)
        with torch.no_grad(), value_of(self.learner).lent() as learner, explained(self.learner, lambda: x):
            return learner.encode(x)

    def _inputs(self, x: Any) -> Inputs:
        """``x`` as rows like the support set's, where the state is."""
        if self.reads is not None and (self.rows is None or self.reads.gives(self.rows)):
            x = self.reads.batch(x)
        x = inputs(x) if self.rows is None else self.rows.read(x)
        return to(x, next((leaf.device for leaf in leaves(self.state) if isinstance(leaf, Tensor)), leaves(x)[0].device))

    def probabilities(self, x: Any) -> Tensor:
        """Probabilities of the classes (Q, N), rows sum to one, or of each label; for regression the expected values."""
        return self.learner.stated.mean(self(x))

    def names(self, x: Any) -> list[Any]:
        """The most probable class of each input, by name or number, or "none of these"; of labels a tuple of the probable ones.

        Raises:
            LearnerError: the outputs are values, which have no classes.
        """
        return named_rows(self.learner.stated, lambda: self(x), self.classes, self.threshold)


def _owning(learner: Learner[Any], *rest: Any) -> Predictor:
    """A predictor whose learner no other object holds, or that shares it already."""
    if "_value" not in vars(learner):
        own(learner.eval())
    return Predictor(learner, *rest)
