"""A learner or an adapted predictor as a program that runs without quickstudy: ONNX, or a program of PyTorch."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from quickstudy.errors import Argument, ArgumentError, ArtefactError, LearnerError, MissingExtra, UserError
from quickstudy.export.graphs import Graph, adaptation_graph, folded_graph, quiet, shared_graph
from quickstudy.export.material import material
from quickstudy.export.notes import NOTES, SELF_TEST, Loss, Tolerance, notes_of
from quickstudy.export.onnx_file import answers_of, onnx_model, session_of, smaller, with_notes
from quickstudy.export.tasks_of_sizes import Sizes, sizes_of
from quickstudy.export.trials import Deviation, Trial, deviation, to_text
from quickstudy.learner import Learner, Predictor
from quickstudy.nn.value import value_of
from quickstudy.storage.files import write_whole
from quickstudy.task import Examples

__all__ = ["Exported", "export_onnx", "export_pt2"]

_MOST = 1000
"""Ways or shots of a task on which a program is traced."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        path: of the file.
        kind: "predictor" of one task; "learner", which takes the state of any task; "adaptation", which gives one.
        inputs: names, in order.
        free: sizes that may differ from call to call: queries, ways, examples.
        fixed: sizes that may not, by name.
        deviation: of the self-test, from PyTorch.
        size: in bytes.
        loss: of weights of 8 bits, where these were asked for.
        adaptation: the file of the adaptation, where it was asked for.
    """

    path: Path
    kind: str
    inputs: tuple[str, ...]
    free: tuple[str, ...]
    fixed: dict[str, int]
    deviation: Deviation
    size: int
    loss: Loss | None = None
    adaptation: "Exported | None" = None


@dataclass(frozen=True)
class _Made:
    """A tested program: its file's content, and what `Exported` says of it."""

    graph: Graph
    content: bytes
    deviation: Deviation
    loss: Loss | None = None

    def written(self, path: Path, adaptation: Exported | None = None) -> Exported:
        write_whole(path, self.content)
        graph = self.graph
        known = (path, graph.kind, graph.inputs, tuple(graph.free), dict(graph.fixed), self.deviation, len(self.content))
        return Exported(*known, self.loss, adaptation)


def export_onnx(
    thing: Learner[Any] | Predictor,
    path: str | Path,
    *,
    like: Examples | None = None,
    ways: int | None = None,
    shots: int = 5,
    adaptation: str | Path | None = None,
    int8: bool = False,
) -> Exported:
    """Writes an ONNX model, tested against PyTorch by onnxruntime, or nothing.

    Of a learner it is ``encode`` and ``predict(state, x)``: one file for all tasks, with the tensors of the state among the
    inputs (`state_inputs` has them). Of an adapted predictor it is ``predict`` for its task. Frozen backbones are inside. The
    number of queries is free; ways and examples are where the program allows it, otherwise they are noted in the file.

    Args:
        thing: a learner, or an adapted predictor.
        path: of the file.
        like: a support set of raw inputs, for learners that do not say what these look like.
        ways: of the tasks on which a learner's program is traced; None: five, or as many as the learner takes.
        shots: examples of each class in these tasks.
        adaptation: write ``adapt``, a support set to a state, to this file too.
        int8: keep matrices of weights in 8 bits; what that costs is measured, and noted in the file.

    Returns:
        What was written. The file carries a self-test, which `check` runs again: 1e-4 of the logits' range and 1e-5 in
        probabilities are allowed.

    Raises:
        LearnerError: the learner cannot be exported, with the reason.
        ArgumentError: ways or shots that no task has.
        ArtefactError: the program answers otherwise than PyTorch, so that it was not written.
        MissingExtra: onnx, onnxscript or onnxruntime is not installed.

    >>> import tempfile
    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> learner = ProtoNet(torch.nn.Linear(2, 3))
    >>> support = Examples.of(torch.randn(6, 2), torch.arange(6) % 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = export_onnx(learner, f"{folder}/shared.onnx", like=support)
    >>> found.inputs, found.free
    (('state.means', 'state.counts', 'x'), ('queries', 'ways'))
    """

    def tested(source: Learner[Any] | Predictor, graph: Graph, small: bool) -> _Made:
        model = onnx_model(graph)
        found = deviation(graph.trials, answers_of(session_of(model.SerializeToString()), graph.trials))
        _within(found)
        loss, tolerance = None, Tolerance()
        if small:
            model = smaller(model)
            found, loss = _lost(model.SerializeToString(), graph)
            tolerance = Tolerance(tolerance.logits + 2 * found.logits, tolerance.probabilities + 2 * found.probabilities)
        notes = {NOTES: notes_of(source, graph, tolerance, loss), SELF_TEST: to_text(graph.trials)}
        return _Made(graph, with_notes(model, notes), found, loss)

    return _exported(thing, Path(path), Path(adaptation) if adaptation else None, (like, ways, shots), tested, int8)


def export_pt2(
    thing: Learner[Any] | Predictor,
    path: str | Path,
    *,
    like: Examples | None = None,
    ways: int | None = None,
    shots: int = 5,
    adaptation: str | Path | None = None,
) -> Exported:
    """Writes a program of PyTorch (`torch.export`), tested before, for your own use: ``torch.export.load(path).module()``.

    PyTorch unpickles when it loads one, so that a file of somebody else may run any code. quickstudy loads none.

    Args:
        thing, path, like, ways, shots, adaptation: as of `export_onnx`.

    Raises:
        LearnerError: the learner cannot be exported, with the reason.
        ArtefactError: the program answers otherwise than PyTorch, so that it was not written.
    """

    def tested(source: Learner[Any] | Predictor, graph: Graph, small: bool) -> _Made:
        del small
        found = deviation(graph.trials, [graph.run(trial) for trial in graph.trials])
        _within(found)
        content = io.BytesIO()
        extra = {f"{NOTES}.json": notes_of(source, graph), SELF_TEST: to_text(graph.trials)}
        with quiet():
            torch.export.save(graph.program, content, extra_files=extra)
        return _Made(graph, content.getvalue(), found)

    return _exported(thing, Path(path), Path(adaptation) if adaptation else None, (like, ways, shots), tested, False)


_Test = Callable[[Learner[Any] | Predictor, Graph, bool], _Made]


def _exported(
    thing: Learner[Any] | Predictor,
    path: Path,
    adaptation: Path | None,
    tasks: tuple[Examples | None, int | None, int],
    tested: _Test,
    int8: bool,
) -> Exported:
    """Everything is made and tested before anything is written."""
    _refuse(thing, adaptation)
    like, ways, shots = tasks
    for name, least, value in (("ways", 2, ways), ("shots", 1, shots)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST):
            raise ArgumentError(Argument(name, value), f" must be a whole number from {least} to {_MOST:,}.")
    owner = thing.learner if isinstance(thing, Predictor) else thing
    with value_of(owner).lent() as learner:
        rows = material(thing, like)
        if isinstance(thing, Predictor):
            return _best([lambda: tested(thing, folded_graph(thing, learner, rows), int8)]).written(path)
        sizes = sizes_of(learner, rows, ways, shots)

        def shared(free: frozenset[str]) -> _Made:
            return tested(thing, shared_graph(learner, rows, sizes, free), int8)

        def adapting(free: frozenset[str]) -> _Made:
            return tested(thing, adaptation_graph(learner, rows, sizes, free), False)

        made = _best([partial(shared, free) for free in sizes.freedoms()])
        if adaptation is None:
            return made.written(path)
        apart = _best([partial(adapting, free) for free in _wanted(sizes)])
        return made.written(path, apart.written(adaptation))


def _wanted(sizes: Sizes) -> list[frozenset[str]]:
    """What of a support set may be free, from all to nothing."""
    every = [frozenset({"ways", "examples"})] if sizes.ways else []
    return [*every, frozenset({"examples"}), frozenset()]


def _best(makers: list[Callable[[], _Made]]) -> _Made:
    """The first that can be made and passes its test: sizes that a program cannot leave free are fixed in the next.

    Raises:
        UserError: none.
    """
    reason: Exception | None = None
    for make in makers:
        try:
            return make()
        except MissingExtra:
            raise
        except Exception as error:  # of torch.export, which knows no common error
            reason = error
    if isinstance(reason, UserError):
        raise reason
    first = (str(reason).strip() or type(reason).__name__).splitlines()[0][:200]
    raise LearnerError(f"torch.export cannot write this program ({first}). Declare why: Facts(unexportable=...).") from reason


def _refuse(thing: Any, adaptation: Path | None) -> None:
    if not isinstance(thing, Learner | Predictor):
        raise LearnerError(f"a learner or an adapted predictor is exported, not a {type(thing).__name__}.")
    learner = thing.learner if isinstance(thing, Predictor) else thing
    facts = learner.facts
    if facts.transductive:
        raise LearnerError(
            f"{learner.title} is transductive: what it says of a query depends on the other queries of the call, so it has no "
            "program for single queries. Choose an inductive learner."
        )
    if facts.unexportable:
        raise LearnerError(f"{learner.title} cannot be exported: {facts.unexportable}. Choose another learner.")
    if adaptation is None:
        return
    if isinstance(thing, Predictor):
        raise LearnerError(
            "an adapted predictor holds its task already. Export the learner for its adaptation, or leave out ", _WITH, "."
        )
    if facts.unexportable_adaptation:
        raise LearnerError(
            f"the adaptation of {learner.title} cannot be exported: {facts.unexportable_adaptation}. Leave out ", _WITH, "."
        )


_WITH = Argument("adaptation")


def _within(found: Deviation) -> None:
    if not found.within():
        raise ArtefactError(
            f"the exported program does not answer as PyTorch does ({found}; allowed are {Tolerance().logits:.0e} and "
            f"{Tolerance().probabilities:.0e}), so it was not written. Export to another format, or choose another learner."
        )


def _lost(content: bytes, graph: Graph) -> tuple[Deviation, Loss]:
    """How far a model of smaller precision is from PyTorch: on the trials that are kept, and on more queries."""
    session = session_of(content)
    kept = deviation(graph.trials, answers_of(session, graph.trials))
    wide: Trial = graph.wide or graph.trials[0]
    (found,) = answers_of(session, [wide])
    agreement = None
    if "logits" in found:
        agreement = float((found["logits"].argmax(-1) == wide.outputs["logits"].argmax(-1)).double().mean())
    return kept, Loss(deviation([wide], [found]), agreement, len(next(iter(wide.outputs.values()))))
