"""A table in, a table of answers out: what a model of MLflow does with a predictor, or with a learner and labelled rows."""

import base64
import binascii
import io
import math
from typing import Any

import numpy as np
import pandas as pd

from quickstudy.errors import DataError, LearnerError
from quickstudy.inputs.column import Column
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.molecules import Molecules
from quickstudy.learner import Learner, Predictor
from quickstudy.task import Examples
from quickstudy.use.answers import answers_of

__all__ = ["TARGETS", "answer_table", "example_table"]

TARGETS = {"classes": "label", "values": "target"}
"""The column of a learner's examples; rows without a value in it are its queries."""


def answer_table(thing: Learner[Any] | Predictor, table: pd.DataFrame) -> pd.DataFrame:
    """An answer for each row: of classes the class, its probability, and the probability of each; of values each value.

    A predictor answers all rows. A learner adapts to the rows that have a ``label`` (or a ``target``), and answers the others,
    in order.

    Args:
        thing: a learner of classes or values, or a predictor; it must know how raw things become inputs.
        table: a column ``text`` or ``image`` (base64, or bytes), or the columns of a learner of rows.

    Raises:
        UserError: a column is missing, or something in it cannot be read.

    >>> from quickstudy import learners
    >>> from quickstudy.inputs.columns import Columns
    >>> learner = learners.NearestCentroid()
    >>> learner.reads = Columns.fitted({"age": [30.0, 50.0]})
    >>> answer_table(learner, pd.DataFrame({"age": [30.0, 60.0, 58.0], "label": ["no", "yes", None]}))["class"].tolist()
    ['yes']
    """
    if not isinstance(table, pd.DataFrame):
        raise DataError(f"a table of pandas is read here, not a {type(table).__name__}.")
    predictor = thing if isinstance(thing, Predictor) else None
    if predictor is None:
        assert isinstance(thing, Learner)
        predictor, table = _adapted(thing, table)
    answers = answers_of(predictor, predictor(_read(_reads(predictor), table)))
    if predictor.learner.likelihood.targets != "classes":
        return pd.DataFrame([answer.scores for answer in answers])
    rows = [
        {"class": answer.name, "probability": answer.probability}
        | {f"probability of {name}": probability for name, probability in answer.scores.items()}
        for answer in answers
    ]
    return pd.DataFrame(rows)


def _adapted(learner: Learner[Any], table: pd.DataFrame) -> tuple[Predictor, pd.DataFrame]:
    """The predictor of the rows that have a target, and the other rows."""
    targets = learner.likelihood.targets
    if targets not in TARGETS:
        raise LearnerError("a learner of several labels a row takes no table here. Export an adapted predictor.")
    name = TARGETS[targets]
    if name not in table:
        raise DataError(f'the column "{name}" is missing: rows that have it are examples, rows where it is empty are queries.')
    known = table[name].notna().to_numpy()
    if not known.any() or known.all():
        raise DataError(f'of {len(table)} rows {int(known.sum())} have a "{name}". Give examples, which have one, and queries.')
    x = _read(_reads(learner), table[known].drop(columns=name))
    if targets == "values":
        examples, classes = Examples.of(x, table[name][known].to_numpy(np.float32), kind="values"), None
    else:
        names = table[name][known].astype(str)
        numbers, uniques = pd.factorize(names)
        examples, classes = Examples.of(x, numbers, kind="classes"), list(map(str, uniques))
    return learner(examples, classes), table[~known].drop(columns=name)


def _reads(thing: Learner[Any] | Predictor) -> InputKind:
    if thing.reads is None:
        raise LearnerError("it does not know how a raw thing becomes an input, so that it cannot answer a table.")
    return thing.reads


def _read(reads: InputKind, table: pd.DataFrame) -> Any:
    if isinstance(reads, Columns):
        return reads.batch(table.reset_index(drop=True))
    column = "image" if isinstance(reads, Images) else "text"
    if column not in table:
        raise DataError(f'the column "{column}" is missing. There are: {", ".join(map(str, table.columns)) or "none"}.')
    things = table[column].tolist()
    return reads.batch([_bytes(thing, row) for row, thing in enumerate(things)] if column == "image" else things)


def _bytes(thing: Any, row: int) -> bytes:
    if isinstance(thing, bytes):
        return thing
    try:
        return base64.b64decode(str(thing).rpartition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError(f"row {row} (the first is 0): the image is no base64 text of a file ({error}).") from error


def example_table(thing: Learner[Any] | Predictor) -> pd.DataFrame:
    """Rows that are made up, two of each of two classes and one query for a learner: an example of what `answer_table` takes."""
    reads, count = _reads(thing), 1 if isinstance(thing, Predictor) else 5
    if isinstance(reads, Columns):
        table = pd.DataFrame({column.name: [_value(column, n) for n in range(count)] for column in reads.columns})
    elif isinstance(reads, Images):
        table = pd.DataFrame({"image": [_made_up(reads, n) for n in range(count)]})
    elif isinstance(reads, Molecules):
        table = pd.DataFrame({"text": ["CCO", "c1ccccc1O", "CC(=O)O", "CCN", "CCC"][:count]})
    else:
        table = pd.DataFrame(
            {"text": ["a first example", "another one", "a first text", "one more of another", "a query"][:count]}
        )
    if isinstance(thing, Learner):
        targets = thing.likelihood.targets
        given: list[Any] = ["a", "b", "a", "b", None] if targets == "classes" else [0.0, 1.0, 0.5, 1.5, None]
        table[TARGETS.get(targets, "labels")] = given
    return table


def _value(column: Column, number: int) -> Any:
    if column.kind == "category":
        return column.values[number % len(column.values)]
    if column.kind == "date":
        return f"2026-03-{number + 1:02}"
    value = column.mean + column.deviation * (number % 3 - 1)
    return math.exp(value) if column.floor else value


def _made_up(reads: Images, number: int) -> str:
    from PIL import Image

    height, width = reads.size
    stripes = (np.arange(height * width).reshape(height, width) * (number + 3)) % 256
    content = io.BytesIO()
    Image.fromarray(stripes.astype(np.uint8)).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()
