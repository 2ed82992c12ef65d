"""Programs of torch.export with named inputs and outputs, and the trials by which they are tested."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from quickstudy.checks.scene import seeded
from quickstudy.export.material import Material
from quickstudy.export.programs import Adapting, Folded, Predicting, answer_names, named_tensors
from quickstudy.export.tasks_of_sizes import Adapted, Sizes
from quickstudy.export.trials import Trial
from quickstudy.learner import Learner, Predictor
from quickstudy.task import Inputs

__all__ = ["WIDE", "Graph", "adaptation_graph", "folded_graph", "quiet", "shared_graph"]

_QUERIES = 3
WIDE = 32
"""Queries on which the loss of a smaller precision is measured."""

_Axes = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True)
class Graph:
    """A program, and what is known of it.

    Args:
        kind: "learner" (any task's state is an input), "predictor" (of one task), or "adaptation" (of a support set to a state).
        program: of torch.export.
        inputs, outputs: their names, in order.
        axes: by input and axis, what its size follows; other axes are fixed.
        trials: small ones, kept in the file.
        wide: one with more queries, for measuring.
        fixed: sizes that may not differ from call to call, by name.
    """

    kind: str
    program: ExportedProgram
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    axes: _Axes
    trials: tuple[Trial, ...]
    wide: Trial | None = None
    fixed: Mapping[str, int] = field(default_factory=dict)

    @property
    def free(self) -> list[str]:
        """What a user may choose: queries, ways, examples."""
        return sorted({what for axes in self.axes.values() for what in axes.values()})

    def run(self, trial: Trial) -> dict[str, Tensor]:
        """What the program itself gives."""
        groups = _grouped(trial.inputs, self.kind)
        with torch.no_grad():
            found = seeded(lambda: self.program.module()(*groups))
        return dict(zip(self.outputs, found, strict=True))


def shared_graph(learner: Learner[Any], material: Material, sizes: Sizes, free: frozenset[str]) -> Graph:
    """A prediction of any task, whose state is an input; sizes in ``free`` may differ from task to task."""
    base, other = sizes.traced(learner, material, free), sizes.other(learner, material, free)
    x = material.queries(2 * _QUERIES + 1)  # a number that nothing else has
    inputs = base.tensors | named_tensors(x, "x")
    axes = sizes.chosen(free) | _queries(x)
    program = _traced(Predicting(learner, base.state, x), inputs, axes, "learner")
    trials = [_answer(learner, task, material.queries(count)) for task, count in ((base, _QUERIES), (other, 1))]
    followed = sizes.freedoms()[0] - free
    fixed = {what: size for what, size in (("ways", base.ways), ("examples", len(base.support))) if what in followed}
    wide = _answer(learner, base, material.queries(WIDE))
    outputs = answer_names(learner.likelihood)
    return Graph("learner", program, tuple(inputs), outputs, axes, tuple(trials), wide, fixed)


def folded_graph(predictor: Predictor, learner: Learner[Any], material: Material) -> Graph:
    """A prediction of one task, whose state is inside."""
    x = material.queries(2 * _QUERIES + 1)
    inputs = named_tensors(x, "x")
    axes = _queries(x)
    program = _traced(Folded(learner, predictor.state, x), inputs, axes, "predictor")

    def trial(count: int) -> Trial:
        rows = material.queries(count)
        full = _answer_of(learner, predictor.state, rows)
        return Trial(named_tensors(rows, "x"), full)

    outputs = answer_names(learner.likelihood)
    return Graph("predictor", program, tuple(inputs), outputs, axes, (trial(_QUERIES), trial(1)), trial(WIDE))


def adaptation_graph(learner: Learner[Any], material: Material, sizes: Sizes, free: frozenset[str]) -> Graph:
    """The state of a raw support set; the numbers of examples and of ways may be free."""
    base, other = sizes.traced(learner, material, free), sizes.other(learner, material, free)
    inputs = _support_inputs(base)
    rows = {0: "examples"} if "examples" in free else {}
    axes: dict[str, dict[int, str]] = {name: dict(rows) for name in inputs}
    if "ways" in free:
        axes["y"][1] = "ways"
    program = _traced(Adapting(learner, base.support.x), inputs, axes, "adaptation")
    trials = tuple(Trial(_support_inputs(task), task.tensors) for task in (base, other))
    there = {"examples"} if material.kind == "values" else {"ways", "examples"}
    fixed = {what: size for what, size in (("ways", base.ways), ("examples", len(base.support))) if what in there - free}
    return Graph("adaptation", program, tuple(inputs), tuple(base.tensors), axes, trials, None, fixed)


def _support_inputs(task: Adapted) -> dict[str, Tensor]:
    return named_tensors(task.support.x, "x") | {"y": task.support.y, "mask": task.support.mask}


def _queries(x: Inputs) -> dict[str, dict[int, str]]:
    return {name: {0: "queries"} for name in named_tensors(x, "x")}


def _answer(learner: Learner[Any], task: Adapted, x: Inputs) -> Trial:
    return Trial(task.tensors | named_tensors(x, "x"), _answer_of(learner, task.state, x))


def _answer_of(learner: Learner[Any], state: Any, x: Inputs) -> dict[str, Tensor]:
    """What PyTorch itself gives, without any program."""
    names = answer_names(learner.likelihood)
    with torch.no_grad():
        outputs = seeded(lambda: learner.predict(state, learner.encode(x)))
        found = (outputs, learner.stated.mean(outputs))
    return dict(zip(names, found[: len(names)], strict=True))


def _grouped(inputs: Mapping[str, Any], kind: str) -> tuple[Any, ...]:
    """Values by input's name as the program takes them."""
    x = [value for name, value in inputs.items() if name == "x" or name.startswith("x.")]
    if kind == "adaptation":
        return (x, inputs["y"], inputs["mask"])
    state = [value for name, value in inputs.items() if name == "state" or name.startswith("state.")]
    return (x,) if kind == "predictor" else (state, x)


def _traced(program: nn.Module, inputs: Mapping[str, Tensor], axes: _Axes, kind: str) -> ExportedProgram:
    free = torch.export.Dim.AUTO
    shapes = _grouped({name: dict.fromkeys(axes.get(name, {}), free) for name in inputs}, kind)
    with quiet(), torch.no_grad():
        found = torch.export.export(program.eval(), _grouped(inputs, kind), dynamic_shapes=shapes, strict=False)
    for node in found.graph.nodes:
        node.meta.pop("stack_trace", None)  # in whose files an operation was written
    return found


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps to itself what the exporters print, warn and log of their own affairs."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
