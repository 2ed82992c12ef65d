"""``quickstudy adapt``: a trained learner adapted to your own images, texts or rows, and evaluated on them."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from quickstudy.cli.command import command, may_run_code
from quickstudy.cli.console import err, print_json, say
from quickstudy.errors import Argument, ArgumentError, LearnerError, TaskError, UserError
from quickstudy.learner import Learner, Predictor
from quickstudy.storage.outputs import PREDICTOR, check_output

if TYPE_CHECKING:
    from quickstudy.use.own_report import OwnReport
    from quickstudy.use.own_support import LeftOut
    from quickstudy.use.support_set import SupportSet

__all__ = ["Calibrate", "adapt", "print_report", "trained"]

_Flag = Parameter(negative=())
_ENOUGH_RIGHT = 20
"""Right answers from which one in twenty may be rejected."""

Calibrate = Literal["auto", "tasks", "support", "none"]


@command
@may_run_code
def adapt(
    run: Path,
    support: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    label: str | None = None,
    target: str | None = None,
    labels: Annotated[list[str] | None, Parameter(negative=())] = None,
    text_column: str | None = None,
    image_column: str | None = None,
    encoding: str = "utf-8",
    by_path: Annotated[bool, _Flag] = False,
    smallest: int = 0,
    calibrate: Calibrate = "auto",
    report: bool = True,
    expect: bool = True,
    drop_support: Annotated[bool, _Flag] = False,
    skip_broken: Annotated[bool, _Flag] = False,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    force: Annotated[bool, _Flag] = False,
) -> None:
    """Adapt a trained learner to your own images, texts or rows of a table, and see how good it is on them.

    Examples come as a folder of class folders (images, or .txt files), or as a table: CSV, TSV, JSON lines or Parquet. A learner
    of masks takes a folder of images of one class with masks beside them: 1.jpg and 1_mask.png.

    Args:
        run: folder of a run, or a saved learner; or the word images or texts for a head that comes with quickstudy and needs no
            meta-training.
        support: folder of class folders, or a table.
        output: file for the adapted predictor; only an older predictor is overwritten.
        label: the table's column of class names.
        target: the table's column of numbers, for a learner that predicts numbers.
        labels: a column of 0 and 1, for a learner of several labels a row; may be repeated.
        text_column: the table's column of texts.
        image_column: the table's column of image files.
        encoding: of a table that is not UTF-8, for example latin-1.
        by_path: every folder that holds images, at any depth, is a class, named by its path.
        smallest: leave out class folders with fewer images.
        calibrate: the threshold for "none of these" on meta-validation tasks of the run, on your own support, or none; auto takes
            the tasks where the run has some of this size.
        report: evaluate on your own examples, each left out in turn.
        expect: compare images with those of meta-training, and warn if they are unlike them.
        drop_support: keep no examples in the file, encoded or not; it cannot be updated then.
        skip_broken: leave broken images out instead of stopping.
        json_: print the report as JSON.
        force: overwrite any existing file, but never a file of a run.
    """
    from quickstudy.saving.checkpoint import save
    from quickstudy.use.own_report import own_report
    from quickstudy.use.own_support import left_out
    from quickstudy.use.support_set import Roles, support_set

    check_output(output, PREDICTOR, argument="output", force=force)
    learner = trained(run)
    roles = Roles(label, target, tuple(labels or ()), text_column, image_column, encoding, by_path, smallest)
    read = support_set(support, learner, roles, on_error="skip" if skip_broken else "raise")
    predictor = learner(read.examples, read.classes)
    if learner.reads is not None and learner.reads.parts:  # a word left out would be known by its own sentence
        report, calibrate = False, "none"
    with _one_thread():
        left = left_out(predictor) if report else None
        predictor, notes = _with_threshold(predictor, run, calibrate, left)
        found = own_report(predictor, read.places, found=left) if report else None
    save(replace(predictor, support=None) if drop_support else predictor, output)
    if expect:
        _compare(learner, read, quiet=json_)
    if json_:
        threshold = predictor.threshold
        print_json(
            {
                "output": str(output),
                "examples": len(read),
                "classes": read.classes,
                "threshold": None if threshold is None else vars(threshold),
                "report": None if found is None else found.to_json(),
            }
        )
        return
    assert learner.reads is not None
    of = f" of {len(read.classes)} classes" if read.classes else ""
    what = f"{learner.reads.parts} of {learner.reads.things}" if learner.reads.parts else learner.reads.things
    say(f"adapted to {len(read)} {what}{of}: {output}")
    for note in notes:
        say(note)
    if found is not None:
        print_report(found)
    say(f"next: quickstudy predict {shlex.quote(str(output))} {_next(learner)}")


@contextmanager
def _one_thread() -> Iterator[None]:
    """Many small computations: threads would wait for each other most of the time (14 classes of 12 photos: 63 s of CPU, 5 s)."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def trained(path: Path) -> Learner[Any]:
    """The learner of a run's folder, or of a file, or a ready head by its word.

    Raises:
        UserError: there is none, or it is adapted already, or the package with the weights of its backbone is missing.
    """
    from quickstudy.runs.run import Run
    from quickstudy.saving.checkpoint import load
    from quickstudy.saving.ready.heads import head

    if _is_word(path):
        return head(str(path))
    if path.is_dir():
        return Run(path).learner()
    learner = load(path)
    if not isinstance(learner, Learner):
        raise LearnerError(
            f"{path} is already adapted. Adapt from a run folder or a saved learner; to add examples: quickstudy update {path}"
        )
    return learner


def _is_word(path: Path) -> bool:
    """Whether it names a ready head; a folder of photos may have the same name, and is no run."""
    from quickstudy.saving.ready.heads import HEADS

    return str(path) in HEADS and not path.is_file() and not (path / "run.json").exists()


def print_report(found: "OwnReport") -> None:
    """The report as a table of its curve and sentences."""
    if len(found.curve) > 1:
        from rich.table import Table

        from quickstudy.cli.console import out
        from quickstudy.reports.words import amount

        metric = found.curve[0].metric
        shots = "examples of each class" if found.classes else "examples"
        table = Table(shots, f"{metric} (mean of draws)", "deviation of draws")
        for point in found.curve:
            table.add_row(str(point.shots), amount(point.mean, metric, digits=1), amount(point.spread, metric, digits=1))
        out.print(table)
    for sentence in found.sentences():
        say(sentence)


def _with_threshold(predictor: Predictor, run: Path, calibrate: Calibrate, left: "LeftOut | None") -> tuple[Predictor, list[str]]:
    """The predictor with its threshold, and what is to be said of it."""
    if predictor.learner.likelihood.targets != "classes":
        if calibrate in ("tasks", "support"):
            raise ArgumentError(Argument("calibrate", calibrate), ": this learner names no classes. Leave it out.")
        return predictor, []
    if calibrate == "none":
        return predictor, []
    from quickstudy.use.calibrated import calibrated

    notes = []
    if calibrate != "support":
        try:
            found = calibrated(predictor, _open_tasks(predictor, run))
            return found, [f'Threshold for "none of these": {found.threshold}']
        except UserError as error:
            if calibrate == "tasks":
                raise
            notes.append(f"Not calibrated on meta-validation tasks: {error}")
    try:
        found = calibrated(predictor, found=left)
    except LearnerError as error:
        return predictor, [*notes, f'No threshold for "none of these": {error}']
    assert found.threshold is not None
    if calibrate == "auto" and found.threshold.right < _ENOUGH_RIGHT:
        few = f"of your own examples, left out, {found.threshold.right} are answered rightly, and {_ENOUGH_RIGHT} are needed"
        return predictor, [*notes, f'No threshold for "none of these": {few} (--calibrate support takes them all the same).']
    return found, [*notes, f'Threshold for "none of these": {found.threshold}']


def _open_tasks(predictor: Predictor, run: Path) -> Any:
    """Meta-validation tasks of the run like the predictor's own, with unknown classes.

    Raises:
        UserError: there are none.
    """
    from quickstudy.runs.run import Run
    from quickstudy.tasks.few_shot import FewShot
    from quickstudy.use.calibrated import open_tasks

    if _is_word(run):
        raise TaskError(f"the ready head {run} comes without tasks.")
    if not run.is_dir():
        raise TaskError(f"{run} is a saved learner, which holds no tasks.")
    source = Run(run).recipe().val
    if not isinstance(source, FewShot):
        raise TaskError(f"{run} has no meta-validation tasks that are drawn from classes.")
    return open_tasks(predictor, source.index)


def _compare(learner: Learner[Any], read: "SupportSet", *, quiet: bool) -> None:
    """Warns of images unlike those of meta-training, and says so where there is nothing to compare with."""
    from quickstudy.inputs.images import Images

    if not isinstance(learner.reads, Images):
        return
    if learner.expects is None:
        if not quiet:
            say("not compared with the images of meta-training: this learner holds no statistics of them")
    elif (warning := learner.expects.warning(read.examples.x)) is not None:
        err.print(f"Warning: {warning} (--no-expect switches this off.)", soft_wrap=True)


def _next(learner: Learner[Any]) -> str:
    """What may follow ``quickstudy predict FILE``."""
    from quickstudy.inputs.cells import Cells
    from quickstudy.inputs.columns import Columns
    from quickstudy.inputs.images import Images

    if isinstance(learner.reads, Cells):
        return "IMAGE … -o MASKS"
    if isinstance(learner.reads, Images):
        return "IMAGE …"
    return "ROWS.csv" if isinstance(learner.reads, Columns) else '--text "…"'
