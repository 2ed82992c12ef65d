"""A model of MLflow: a folder with our file and a script that loads it, without pickle; it is checked when it is loaded."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from quickstudy.errors import ArtefactError, MissingExtra
from quickstudy.export.answer_table import answer_table, example_table
from quickstudy.learner import Learner, Predictor
from quickstudy.saving.checkpoint import load, save
from quickstudy.storage.files import write_whole

__all__ = ["SCRIPT", "export_mlflow", "opened"]

_FILE, _ASKED, _SAID = "model.safetensors", "asked.json", "said.json"
_CLOSE = 1e-5

SCRIPT = '''"""A learner or a predictor of quickstudy as a model of MLflow: a table in, a table of answers out."""

import mlflow
from mlflow.pyfunc import PythonModel

from quickstudy.export import answer_table, opened


class Answers(PythonModel):
    """Loads our file, without pickle, and runs its self-test."""

    def load_context(self, context):
        self.thing = opened(context.artifacts["files"])

    def predict(self, context, model_input, params=None):
        return answer_table(self.thing, model_input)


mlflow.models.set_model(Answers())
'''
"""Of the model's code, which stands in its folder as it is here."""


def export_mlflow(thing: Learner[Any] | Predictor, path: str | Path) -> Path:
    """Writes a folder that ``mlflow.pyfunc.load_model`` and ``mlflow models serve`` take: a model *from code* over our file.

    It has a signature and an example of its input, see `answer_table`. A predictor goes without its encoded examples. Some rows
    that are made up are kept with their answers, which are compared when the model is loaded.

    Args:
        thing: a learner of classes or values, or a predictor; it must know how raw things become inputs.
        path: of the folder; nothing is there yet.

    Raises:
        ArtefactError: something is there already, or nothing can be written there.
        LearnerError: it does not read raw things.
        MissingExtra: mlflow is not installed.
    """
    place = Path(path)
    if place.exists():
        raise ArtefactError(f"{place} is there already. Name a folder that is not.")
    mlflow = _mlflow()
    kept = replace(thing, support=None) if isinstance(thing, Predictor) else thing
    asked = example_table(kept)
    said = answer_table(kept, asked)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            files, whole = Path(folder) / "files", Path(folder) / "whole"
            files.mkdir()
            save(kept, files / _FILE)
            for name, table in ((_ASKED, asked), (_SAID, said)):
                write_whole(files / name, table.to_json(orient="split", double_precision=15).encode())
            script = Path(folder) / "answers.py"
            write_whole(script, SCRIPT.encode())
            with _hushed():
                mlflow.pyfunc.save_model(
                    path=str(whole),
                    python_model=str(script),
                    artifacts={"files": str(files)},
                    signature=mlflow.models.infer_signature(asked, said),
                    input_example=asked,
                    pip_requirements=[f"quickstudy=={version('quickstudy')}", f"mlflow-skinny=={mlflow.__version__}"],
                )
            shutil.move(whole, place)
    except OSError as error:
        raise ArtefactError(f"{place} cannot be written ({error.strerror or error}). Name another folder.") from error
    return place


def opened(folder: str | Path) -> Learner[Any] | Predictor:
    """The learner or the predictor in such a folder, after its self-test.

    Raises:
        ArtefactError: it answers otherwise than when it was exported, or something is damaged.
    """
    place = Path(folder)
    thing: Learner[Any] | Predictor = load(place / _FILE)
    try:
        asked, said = (pd.read_json(place / name, orient="split", dtype=False) for name in (_ASKED, _SAID))
    except (OSError, ValueError, TypeError) as error:
        raise ArtefactError(f"the self-test in {place} is damaged ({error}). Export again.") from error
    found = answer_table(thing, asked)
    same = list(found.columns) == list(said.columns) and len(found) == len(said)
    numbers = [name for name in found.columns if name != "class"]
    if not same or not bool(((found[numbers] - said[numbers]).abs() <= _CLOSE * (1 + said[numbers].abs())).all(None)):
        raise ArtefactError(f"the model in {place} answers otherwise than when it was exported. Export it again.")
    return thing


@contextmanager
def _hushed() -> Iterator[None]:
    """Without MLflow's warnings of its own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _mlflow() -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        with _hushed():
            import mlflow
            import mlflow.models
            import mlflow.pyfunc
    except ImportError as error:
        raise MissingExtra('models of MLflow need mlflow-skinny. Install it: pip install "quickstudy[mlflow]"') from error
    return mlflow
