"""The self-test of an exported file, run again by onnxruntime."""

import json
from pathlib import Path
from typing import Any

from quickstudy.errors import ArtefactError
from quickstudy.export.notes import NOTES, SELF_TEST, Tolerance
from quickstudy.export.onnx_file import answers_of, session_of
from quickstudy.export.trials import Deviation, deviation, from_text

__all__ = ["check", "notes"]


def check(path: str | Path) -> Deviation:
    """Runs the self-test that an exported ONNX file carries: does it answer as PyTorch did where it was written?

    Args:
        path: what `export_onnx` wrote.

    Returns:
        How far its outputs are from those of PyTorch.

    Raises:
        ArtefactError: the file answers otherwise, is damaged, or has no self-test.
        MissingExtra: onnxruntime is not installed.

    >>> import tempfile, torch
    >>> from quickstudy.export.exporting import export_onnx
    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> from quickstudy.task import Examples
    >>> predictor = ProtoNet(torch.nn.Linear(2, 2))(Examples.of(torch.randn(4, 2), torch.tensor([0, 0, 1, 1])), ["a", "b"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = export_onnx(predictor, f"{folder}/mine.onnx")
    ...     check(f"{folder}/mine.onnx").within()
    True
    """
    session = _opened(Path(path))
    trials = from_text(_said(session, path)[SELF_TEST])
    tolerance = _tolerance(notes(session), path)
    found = deviation(trials, answers_of(session, trials))
    if not tolerance.holds(found):
        raise ArtefactError(
            f"{path} answers otherwise than when it was exported: {found}, allowed are {tolerance.logits:.0e} and "
            f"{tolerance.probabilities:.0e}. Export it again, or use another version of onnxruntime."
        )
    return found


def notes(model: Any) -> dict[str, Any]:
    """What an exported ONNX file says of itself: classes, sizes of images, free sizes, versions.

    Args:
        model: the path of the file, or its session of onnxruntime.

    Raises:
        ArtefactError: it has no such notes.
    """
    session = _opened(Path(model)) if isinstance(model, str | Path) else model
    try:
        found = json.loads(_said(session, "this model")[NOTES])
    except (LookupError, RecursionError, ValueError) as error:
        raise ArtefactError(f"the notes of this model are damaged ({error!r}). Export again.") from error
    if not isinstance(found, dict):
        raise ArtefactError("the notes of this model are damaged. Export again.")
    return found


def _opened(path: Path) -> Any:
    if path.suffix.lower() == ".pt2":
        raise ArtefactError(
            f"{path} is a program of PyTorch, which unpickles when it loads one and so may run any code in it; quickstudy loads "
            "none. It was checked before it was written. Export to ONNX for others."
        )
    if not path.is_file():
        raise ArtefactError(f"{path} is no file. Name what quickstudy export wrote.")
    try:
        session = session_of(path)
    except ArtefactError as error:
        raise ArtefactError(f"{path}: {error}") from error
    if not {NOTES, SELF_TEST} <= set(_said(session, path)):
        raise ArtefactError(f"{path} carries no self-test of quickstudy. Name what quickstudy export wrote.")
    return session


def _said(session: Any, path: str | Path) -> dict[str, str]:
    """The metadata of a model."""
    try:
        return dict(session.get_modelmeta().custom_metadata_map)
    except UnicodeDecodeError as error:
        raise ArtefactError(f"the metadata of {path} is damaged ({error}). Export again.") from error


def _tolerance(found: dict[str, Any], path: str | Path) -> Tolerance:
    try:
        return Tolerance(float(found["tolerance"]["logits"]), float(found["tolerance"]["probabilities"]))
    except (LookupError, TypeError, ValueError) as error:
        raise ArtefactError(f"the notes of {path} state no tolerance. Export again.") from error
