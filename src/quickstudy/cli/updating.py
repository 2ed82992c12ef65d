"""``quickstudy update``: more examples, and new classes, for an adapted predictor."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from quickstudy.cli.adapting import print_report
from quickstudy.cli.command import command
from quickstudy.cli.console import say
from quickstudy.cli.predicting import adapted
from quickstudy.errors import LearnerError
from quickstudy.storage.outputs import PREDICTOR, check_output

__all__ = ["update"]

_Flag = Parameter(negative=())


@command
def update(
    file: Path,
    support: Path,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    label: str | None = None,
    target: str | None = None,
    labels: Annotated[list[str] | None, Parameter(negative=())] = None,
    text_column: str | None = None,
    image_column: str | None = None,
    encoding: str = "utf-8",
    by_path: Annotated[bool, _Flag] = False,
    smallest: int = 0,
    report: bool = True,
    skip_broken: Annotated[bool, _Flag] = False,
    force: Annotated[bool, _Flag] = False,
) -> None:
    """Add examples to an adapted predictor, of its classes or of new ones.

    A threshold for "none of these" is calibrated anew, on all examples.

    Args:
        file: what quickstudy adapt wrote, with its support set.
        support: folder of class folders, or a table; one class is enough.
        output: file for the new predictor; by default it replaces the old one.
        label: the table's column of class names.
        target: the table's column of numbers, for a predictor of numbers.
        labels: a column of 0 and 1, for a predictor of several labels a row; may be repeated.
        text_column: the table's column of texts.
        image_column: the table's column of image files.
        encoding: of a table that is not UTF-8, for example latin-1.
        by_path: every folder that holds images, at any depth, is a class, named by its path.
        smallest: leave out class folders with fewer images.
        report: evaluate on all examples, each left out in turn.
        skip_broken: leave broken images out instead of stopping.
        force: overwrite any existing file, but never a file of a run.
    """
    from quickstudy.saving.checkpoint import save
    from quickstudy.use.calibrated import calibrated
    from quickstudy.use.own_report import own_report
    from quickstudy.use.own_support import left_out
    from quickstudy.use.support_set import Roles, support_set
    from quickstudy.use.updated import updated

    before = adapted(file)
    target_file = file if output is None else output
    check_output(target_file, PREDICTOR, argument="file" if output is None else "output", force=force)
    roles = Roles(label, target, tuple(labels or ()), text_column, image_column, encoding, by_path, smallest)
    read = support_set(support, before.learner, roles, least=1, on_error="skip" if skip_broken else "raise")
    after = updated(before, read.examples, read.classes)
    left = left_out(after) if report else None
    note = ""
    if before.threshold is not None:
        try:
            after = calibrated(after, found=left)
            note = f'Threshold for "none of these": {after.threshold}'
        except LearnerError as error:
            note = f'No threshold for "none of these": {error}'
    assert after.support is not None
    save(after, target_file)
    new = [name for name in after.classes or () if name not in (before.classes or ())]
    said = f", with the new class{'es' if len(new) > 1 else ''} {', '.join(new)}" if new else ""
    of = f" of {len(after.classes)} classes" if after.classes else ""
    say(f"added {len(read)} examples to {len(after.support) - len(read)}{of}{said}: {target_file}")
    if note:
        say(note)
    if report:
        old = len(after.support) - len(read)
        print_report(own_report(after, [*(f"the earlier example {row}" for row in range(old)), *read.places], found=left))
