"""``quickstudy adapt`` and ``predict``: a trained learner on your own images."""

import csv
import io
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from quickstudy.cli.command import command
from quickstudy.cli.console import err, out, print_json, say
from quickstudy.errors import DataError, LearnerError
from quickstudy.learner import Learner, Predictor
from quickstudy.storage.files import write_whole
from quickstudy.storage.outputs import ANSWERS, PREDICTOR, check_output
from quickstudy.task import Examples

__all__ = ["adapt", "predict"]

_Flag = Parameter(negative=())


@command
def adapt(
    run: Path,
    support: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    skip_broken: Annotated[bool, _Flag] = False,
    force: Annotated[bool, _Flag] = False,
    expect: bool = True,
) -> None:
    """Adapt a trained learner to your own images: a folder of class folders with a few images in each.

    Args:
        run: folder of a run, or a saved learner.
        support: folder of class folders.
        output: file for the adapted predictor; only an older predictor is overwritten.
        skip_broken: leave broken images out instead of stopping.
        force: overwrite any existing file, but never a file of a run.
        expect: compare the images with those of meta-training, and warn if they are unlike them.
    """
    from quickstudy.datasets.image_folder import image_folder
    from quickstudy.inputs.images import Images
    from quickstudy.saving.checkpoint import save

    check_output(output, PREDICTOR, argument="output", force=force)
    learner = _learner(run)
    if not isinstance(learner.reads, Images):
        raise LearnerError(f"{run} was not trained on images, so it cannot be adapted to a folder of them.")
    index = image_folder(support, reads=learner.reads, on_error="skip" if skip_broken else "raise")
    examples = index.examples()
    predictor = learner(examples, index.classes)
    save(predictor, output)
    say(f"adapted to {len(index)} images of {len(index.classes)} classes: {output}")
    if expect:
        _compare(learner, examples)
    say(f"next: quickstudy predict {shlex.quote(str(output))} IMAGE …")


def _compare(learner: Learner[Any], examples: Examples) -> None:
    """Warns of images unlike those of meta-training, and says so where there is nothing to compare with."""
    if learner.expects is None:
        say("not compared with the images of meta-training: this learner holds no statistics of them")
    elif (warning := learner.expects.warning(examples.x)) is not None:
        err.print(f"Warning: {warning} (--no-expect switches this off.)", soft_wrap=True)


def _learner(path: Path) -> Learner[Any]:
    from quickstudy.runs.run import Run
    from quickstudy.saving.checkpoint import load

    if path.is_dir():
        return Run(path).learner()
    learner = load(path)
    if not isinstance(learner, Learner):
        raise LearnerError(f"{path} is already adapted. Adapt from a run folder or a saved learner.")
    return learner


@dataclass(frozen=True)
class _Answer:
    """The prediction for one image: the probability of each class."""

    image: Path
    probabilities: dict[str, float]

    @property
    def ranked(self) -> list[tuple[str, float]]:
        return sorted(self.probabilities.items(), key=lambda pair: -pair[1])


@command
def predict(
    file: Path,
    images: list[Path],
    /,
    *,
    top: int = 3,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    force: Annotated[bool, _Flag] = False,
) -> None:
    """Name the class of images with an adapted predictor.

    The exit status is 1 if an image could not be read; the others are answered all the same.

    Args:
        file: what quickstudy adapt wrote.
        images: images, or folders of images.
        top: number of most probable classes to show, with their probabilities.
        output: write the probabilities of all classes to this file, as a table (CSV).
        json_: print the probabilities of all classes as JSON instead of a table.
        force: overwrite any existing file, but never a file of a run.
    """
    if output is not None:
        check_output(output, ANSWERS, argument="output", force=force)
    answers, broken = _answers(_predictor(file), _files(images))
    if output is not None and answers:
        write_whole(output, _csv(answers).encode(errors="backslashreplace"))
    if json_:
        print_json([{"image": str(a.image), "class": a.ranked[0][0], "probabilities": a.probabilities} for a in answers])
    elif answers:
        out.print(_table(answers, top))
    if output is not None and answers and not json_:
        say(f"all probabilities: {output}")
    for trouble in broken:
        err.print(f"quickstudy: {trouble}", soft_wrap=True, highlight=False)
    if broken:
        sys.exit(1)


def _predictor(file: Path) -> Predictor:
    from quickstudy.inputs.images import Images
    from quickstudy.saving.checkpoint import load

    if file.is_dir():
        raise LearnerError(f"{file} is a folder, not an adapted predictor. Make one: {_how(file)}")
    predictor = load(file)
    if not isinstance(predictor, Predictor):
        raise LearnerError(f"{file} is a learner that is not adapted yet, no predictor of images. Adapt it first: {_how(file)}")
    if not isinstance(predictor.reads, Images):
        raise LearnerError(f"{file} is no predictor of images: its learner was trained on other data. Use it in Python.")
    return predictor


def _how(run: Path) -> str:
    return f"quickstudy adapt {shlex.quote(str(run))} SUPPORT_FOLDER -o mine.safetensors"


def _files(images: Sequence[Path]) -> list[Path]:
    """The files given, and those in the folders given."""
    found: list[Path] = []
    for image in images:
        inside = sorted(p for p in image.iterdir() if p.is_file() and not p.name.startswith(".")) if image.is_dir() else [image]
        if not inside:
            raise DataError(f"there are no images in {image}. Name images, or a folder with images in it.")
        found += inside
    return found


def _answers(predictor: Predictor, files: Sequence[Path]) -> tuple[list[_Answer], list[str]]:
    """An answer for each image that can be read, and what is wrong with each other."""
    import torch

    assert predictor.reads is not None
    read, broken = [], []
    for file in files:
        try:
            if file.exists() and not file.is_file():
                raise DataError(f"{file} is no file. Name an image.")
            read.append((file, predictor.reads(file)))
        except DataError as error:
            broken.append(str(error))
    if not read:
        return [], broken
    found = predictor.probabilities(torch.stack([image for _, image in read]))
    classes = predictor.classes or tuple(map(str, range(found.shape[1])))
    answers = [_Answer(file, dict(zip(classes, row.tolist(), strict=True))) for (file, _), row in zip(read, found, strict=True)]
    return answers, broken


def _table(answers: Sequence[_Answer], top: int) -> Table:
    """An image a row; no name is cut, however narrow the terminal."""
    count = min(top, len(answers[0].probabilities))
    table = Table()
    table.add_column("image", overflow="fold")
    table.add_column("class", overflow="fold")
    table.add_column("probability", justify="right", no_wrap=True)
    if count > 1:
        table.add_column("next" if count < len(answers[0].probabilities) else "others", overflow="fold")
    for answer in answers:
        (best, probability), *others = answer.ranked[:count]
        rest = [Text(", ".join(f"{name} {value:.3f}" for name, value in others))] if count > 1 else []
        table.add_row(Text(str(answer.image)), Text(best, "bold"), f"{probability:.3f}", *rest)
    return table


def _csv(answers: Sequence[_Answer]) -> str:
    """A row an image: its class, that one's probability, then the probability of each class."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "class", "probability", *answers[0].probabilities])
    for answer in answers:
        best, probability = answer.ranked[0]
        writer.writerow([answer.image, best, f"{probability:.6g}", *(f"{p:.6g}" for p in answer.probabilities.values())])
    return text.getvalue()
