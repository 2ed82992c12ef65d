"""``quickstudy adapt`` and ``predict``: a trained learner meets your own images."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from quickstudy.cli.console import out, print_json, say
from quickstudy.errors import LearnerError
from quickstudy.learner import Learner

__all__ = ["adapt", "predict"]


def adapt(
    run: Path,
    support: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    skip_broken: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Adapt a trained learner to your own images: a folder of class folders with a handful in each.

    Args:
        run: folder of a run, or a saved learner.
        support: folder of class folders.
        output: file for the adapted predictor.
        skip_broken: leave broken images out instead of stopping.
    """
    from quickstudy.datasets.image_folder import image_folder
    from quickstudy.saving.checkpoint import save

    learner = _learner(run)
    if learner.reads is None:
        raise LearnerError(f"{run} was not trained on images, so it cannot be adapted to a folder of them.")
    index = image_folder(support, reads=learner.reads, on_error="skip" if skip_broken else "raise")
    predictor = learner(index.examples(), index.classes)
    save(predictor, output)
    say(f"adapted to {len(index)} images of {len(index.classes)} classes: {output}")
    say(f"next: quickstudy predict {output} IMAGE …")


def _learner(path: Path) -> Learner[Any]:
    from quickstudy.runs.run import Run
    from quickstudy.saving.checkpoint import load

    if path.is_dir():
        return Run(path).learner()
    learner = load(path)
    if not isinstance(learner, Learner):
        raise LearnerError(f"{path} is already adapted. Adapt from a run folder or a saved learner.")
    return learner


def predict(file: Path, images: list[Path], /, *, json_: Annotated[bool, Parameter(name="--json", negative=())] = False) -> None:
    """Name the class of images with an adapted predictor.

    Args:
        file: what quickstudy adapt wrote.
        images: images, or folders of images.
        json_: print JSON instead of a table.
    """
    import torch

    from quickstudy.learner import Predictor
    from quickstudy.saving.checkpoint import load

    predictor = load(file)
    if not isinstance(predictor, Predictor) or predictor.reads is None:
        raise LearnerError(f"{file} is no predictor of images. Make one: quickstudy adapt RUN SUPPORT_FOLDER -o FILE")
    paths = [
        p for image in images for p in (sorted(image.iterdir()) if image.is_dir() else [image]) if not p.name.startswith(".")
    ]
    if not paths:
        raise LearnerError(f"there are no images in {', '.join(map(str, images))}.")
    probabilities = predictor.probabilities(torch.stack([predictor.reads(path) for path in paths]))
    classes = predictor.classes or tuple(map(str, range(probabilities.shape[1])))
    rows = [(path, classes[int(row.argmax())], row.tolist()) for path, row in zip(paths, probabilities, strict=True)]
    if json_:
        found = [{"image": str(p), "class": best, "probabilities": dict(zip(classes, row, strict=True))} for p, best, row in rows]
        print_json(found)
        return
    table = Table("image", "class", *classes[:12])
    for path, best, row in rows:
        table.add_row(str(path), f"[bold]{best}[/]", *[f"{value:.3f}" for value in row[:12]])
    out.print(table)
