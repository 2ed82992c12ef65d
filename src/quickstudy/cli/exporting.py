"""``quickstudy export``: a learner or an adapted predictor as a program that runs without quickstudy, or for MLflow."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from quickstudy.cli.command import command, may_run_code
from quickstudy.cli.console import print_json, say
from quickstudy.errors import Argument, ArgumentError, LearnerError
from quickstudy.storage.outputs import ONNX_MODEL, TORCH_PROGRAM, check_output

if TYPE_CHECKING:
    from quickstudy.export.exporting import Exported
    from quickstudy.learner import Learner, Predictor
    from quickstudy.task import Examples

__all__ = ["export"]

_Flag = Parameter(negative=())
_DRAWS = 20


@command
@may_run_code
def export(
    run: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    format_: Annotated[Literal["onnx", "pt2", "mlflow"], Parameter(name="--format")] = "onnx",
    with_adaptation: Annotated[bool, _Flag] = False,
    int8: Annotated[bool, _Flag] = False,
    ways: int | None = None,
    shots: int = 5,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    force: Annotated[bool, _Flag] = False,
) -> None:
    """Export a learner or an adapted predictor as a program that runs without quickstudy (ONNX, PyTorch), or for MLflow.

    A learner's program takes the state of any task among its inputs; an adapted predictor's holds its task. Each is tested
    against PyTorch before it is written, and carries the test.

    Args:
        run: folder of a run, a saved learner, what quickstudy adapt wrote, or the word images or texts for a ready head.
        output: file for the program; only an older program is overwritten. For MLflow a folder that is not there yet.
        format_: onnx for any machine; pt2 (torch.export) for your own use: PyTorch unpickles when it loads one, so others' files
            may run any code, and quickstudy loads none; mlflow for a folder that mlflow.pyfunc.load_model takes: our file, and a
            script that loads it.
        with_adaptation: write the adaptation, a support set to a state, to a second file too: OUTPUT with .adapt in its name.
        int8: keep matrices of weights in 8 bits; what that costs is measured and printed.
        ways: classes of the task on which a learner's program is traced; they count only where the program needs a fixed number.
        shots: examples of each class in that task.
        json_: print what was written as JSON.
        force: overwrite any existing file, but never a file of a run.
    """
    from quickstudy.export.exporting import export_onnx, export_pt2

    if format_ == "mlflow":
        _refuse_of_programs(with_adaptation=with_adaptation, int8=int8, ways=ways, force=force)
        _export_mlflow(run, output, as_json=json_)
        return
    kind = ONNX_MODEL if format_ == "onnx" else TORCH_PROGRAM
    apart = output.with_name(f"{output.stem}.adapt{output.suffix}") if with_adaptation else None
    for path in [output, *([apart] if apart is not None else [])]:
        check_output(path, kind, argument="output", force=force)
    if int8 and format_ != "onnx":
        raise ArgumentError(Argument("int8"), " is of ONNX. Leave it out, or leave out ", Argument("format"), ".")
    thing, like = _thing(run, ways)
    if apart is not None:
        _refuse_adapted(thing)
    given: dict[str, Any] = {"like": like, "ways": ways, "shots": shots, "adaptation": apart}
    found = export_onnx(thing, output, int8=int8, **given) if format_ == "onnx" else export_pt2(thing, output, **given)
    if json_:
        print_json(_as_json(found))
        return
    for each in [found, *([found.adaptation] if found.adaptation is not None else [])]:
        _tell(each)
    if format_ == "pt2":
        say("PyTorch unpickles when it loads a .pt2 file: load only your own. quickstudy loads none.")


def _refuse_of_programs(**given: Any) -> None:
    for name, value in given.items():
        if value:
            raise ArgumentError(Argument(name), " has no effect on a model of MLflow. Leave it out.")


def _export_mlflow(run: Path, output: Path, *, as_json: bool) -> None:
    from quickstudy.export.mlflow_folder import export_mlflow

    thing, _ = _thing(run, None)
    place = export_mlflow(thing, output)
    if as_json:
        print_json({"output": str(place), "kind": "mlflow"})
        return
    say(f"exported: {place}")
    say(f'load it: mlflow.pyfunc.load_model("{place}"), or: mlflow models serve -m {place} --env-manager local')


def _thing(run: Path, ways: int | None) -> "tuple[Learner[Any] | Predictor, Examples | None]":
    """The learner or the predictor, and a support set of the run where nothing else says what inputs look like."""
    from quickstudy.cli.adapting import trained
    from quickstudy.export.material import material
    from quickstudy.learner import Predictor
    from quickstudy.saving.checkpoint import load

    if run.is_file():
        thing = load(run)
        if ways is not None and isinstance(thing, Predictor):
            raise ArgumentError(Argument("ways", ways), ": an adapted predictor has its ways already. Leave it out.")
        return thing, None
    learner = trained(run)
    try:
        material(learner)
    except LearnerError:
        return learner, _of_the_run(run) if run.is_dir() else None
    return learner, None


def _of_the_run(run: Path) -> "Examples":
    """Raw examples of a task of the run's own, enough for tasks of any size."""
    from quickstudy.runs.run import Run
    from quickstudy.tasks.source import generator_of

    recipe = Run(run).recipe()
    source = recipe.raw if recipe.raw is not None else recipe.test
    for seed in range(_DRAWS):  # in a world a task may have no tries yet
        found = source.sample(1, generator_of(seed)).support[0].trim()
        if len(found):
            return found
    raise LearnerError(f"{run}: none of {_DRAWS} tasks has examples, so that nothing says what inputs look like.")


def _refuse_adapted(thing: "Learner[Any] | Predictor") -> None:
    from quickstudy.learner import Predictor

    if isinstance(thing, Predictor):
        raise LearnerError(
            "an adapted predictor holds its task already. Leave out ", Argument("with_adaptation"), ", or export its run."
        )


def _tell(found: "Exported") -> None:
    what = {
        "predictor": "the predictor of one task",
        "learner": "the learner, with the state of a task among its inputs",
        "adaptation": "the adaptation, from a support set to a state",
    }[found.kind]
    fixed = "; fixed: " + ", ".join(f"{size} {name}" for name, size in found.fixed.items()) if found.fixed else ""
    say(f"exported {what}: {found.path} ({found.size:,} bytes)")
    say(f"inputs: {', '.join(found.inputs)}; free: {', '.join(found.free) or 'nothing'}{fixed}")
    if found.loss is None:
        say(f"self-test: passed, deviation {found.deviation}")
    else:
        say(f"weights of 8 bits cost: {found.loss}")


def _as_json(found: "Exported") -> dict[str, Any]:
    loss = found.loss
    return {
        "output": str(found.path),
        "kind": found.kind,
        "inputs": list(found.inputs),
        "free": list(found.free),
        "fixed": found.fixed,
        "bytes": found.size,
        "deviation": vars(found.deviation),
        "int8": None if loss is None else vars(loss) | {"deviation": vars(loss.deviation)},
        "adaptation": None if found.adaptation is None else _as_json(found.adaptation),
    }
