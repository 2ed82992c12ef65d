"""``quickstudy adapt`` and ``predict``: a trained learner meets your own pictures."""

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
    """Adapt a trained learner to your own pictures: a folder of class folders with a handful in each.

    Args:
        run: folder of a run, or a saved learner.
        support: folder of class folders.
        output: file for the adapted predictor.
        skip_broken: leave broken pictures out instead of stopping.
    """
    from quickstudy.datasets.image_folder import image_folder
    from quickstudy.saving.checkpoint import save

    learner = _learner(run)
    if learner.pictures is None:
        raise LearnerError(f"{run} was not trained on pictures, so it cannot be adapted to a folder of them.")
    index = image_folder(support, pictures=learner.pictures, on_error="skip" if skip_broken else "raise")
    predictor = learner(index.examples(), index.classes)
    save(predictor, output)
    say(f"adapted to {len(index)} pictures of {len(index.classes)} classes: {output}")
    say(f"next: quickstudy predict {output} PICTURE …")


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
    """Name the class of pictures with an adapted predictor.

    Args:
        file: what quickstudy adapt wrote.
        images: pictures, or folders of pictures.
        json_: print JSON instead of a table.
    """
    import torch

    from quickstudy.learner import Predictor
    from quickstudy.saving.checkpoint import load

    predictor = load(file)
    if not isinstance(predictor, Predictor) or predictor.pictures is None:
        raise LearnerError(f"{file} is no predictor of pictures. Make one: quickstudy adapt RUN SUPPORT_FOLDER -o FILE")
    paths = [
        p for image in images for p in (sorted(image.iterdir()) if image.is_dir() else [image]) if not p.name.startswith(".")
    ]
    if not paths:
        raise LearnerError(f"there are no pictures in {', '.join(map(str, images))}.")
    probabilities = predictor.probabilities(torch.stack([predictor.pictures(path) for path in paths]))
    classes = predictor.classes or tuple(map(str, range(probabilities.shape[1])))
    rows = [(path, classes[int(row.argmax())], row.tolist()) for path, row in zip(paths, probabilities, strict=True)]
    if json_:
        found = [{"image": str(p), "class": best, "probabilities": dict(zip(classes, row, strict=True))} for p, best, row in rows]
        print_json(found)
        return
    table = Table("picture", "class", *classes[:12])
    for path, best, row in rows:
        table.add_row(str(path), f"[bold]{best}[/]", *[f"{value:.3f}" for value in row[:12]])
    out.print(table)
