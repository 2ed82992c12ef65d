"""Texts of applications: read from files, encoded by MiniLM or as hashed n-grams, and kept beside their features."""

import gzip
import itertools
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from quickstudy.apps.application import Setting
from quickstudy.borders.arguments import shown
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.class_parts import USUAL, check_enough_classes
from quickstudy.datasets.encoded import encoded
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.table import table
from quickstudy.datasets.table_columns import codes, large_enough
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.table_split import parts_of
from quickstudy.datasets.task_table import TableSplits
from quickstudy.datasets.text_rows import TextRows
from quickstudy.errors import Argument, DataError, MissingExtra
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.texts import Texts
from quickstudy.learner import Learner
from quickstudy.learners.wrappers.on_features import OnFeatures
from quickstudy.nn.backbones.catalogue import build
from quickstudy.nn.frozen import Frozen
from quickstudy.reports.promise import Promise
from quickstudy.tasks.few_shot import FewShot

__all__ = [
    "Backbone",
    "TextEncoder",
    "json_lines",
    "own_tasks",
    "own_texts",
    "rows_of",
    "sized",
    "splits_of",
    "text_encoder",
    "text_index",
]

_log = logging.getLogger(__name__)

Backbone = Literal["auto", "minilm", "hashed"]
"""What turns a text into numbers: MiniLM (extra "text"), hashed n-grams of characters, or the first where it is installed."""

_WIDTH = 2048
_QUERIES = 10
_FEWEST_TASKS = 5


@dataclass(frozen=True)
class TextEncoder:
    """How texts become numbers.

    Args:
        name: of the backbone.
        reads: a text as an input.
        network: frozen, from inputs to features; None where inputs are the features.
        features: how many.
    """

    name: str
    reads: InputKind
    network: Frozen | None
    features: int

    def of(self, learner: Learner[Any]) -> Learner[Any]:
        """The learner, so that it answers raw texts too."""
        if self.network is not None:
            return OnFeatures(self.network, learner)
        learner.reads = self.reads
        return learner


def text_encoder(backbone: Backbone = "auto") -> TextEncoder:
    """The encoder of a name; "auto" takes MiniLM where it is installed, and says so where it is not.

    Raises:
        MissingExtra: MiniLM was asked for, and is not installed.
    """
    hashed = TextEncoder("hashed", Texts(_WIDTH), None, _WIDTH)
    if backbone == "hashed":
        return hashed
    try:
        network = build("minilm")
    except MissingExtra as missing:
        if backbone == "minilm":
            raise
        _log.warning("texts become hashed n-grams of characters. %s", missing)
        return hashed
    assert isinstance(network, Frozen)
    return TextEncoder("minilm", network.reads, network, int(network.features))


def json_lines(relative: str) -> list[dict[str, Any]]:
    """The rows of a file of an application's data, one object a line.

    Raises:
        DataError: it is not there.
    """
    with gzip.open(shipped(relative), "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def text_index(name: str, texts: Sequence[str], labels: Sequence[str], encoder: TextEncoder, most: int = 0) -> ClassIndex:
    """Texts and their classes, with features for rows and the texts beside them; features are computed once and kept.

    Args:
        name: of the data.
        texts: one or more of each class.
        labels: the class of each.
        encoder: of the texts.
        most: only the first so many of each class; 0 takes all.
    """
    met: Counter[str] = Counter()
    kept = []
    for row, label in enumerate(labels):
        met[label] += 1
        if not most or met[label] <= most:
            kept.append(row)
    classes = sorted(met)
    number = {label: place for place, label in enumerate(classes)}
    chosen = [texts[row] for row in kept]
    return ClassIndex(
        rows_of(name, chosen, encoder),
        torch.tensor([number[labels[row]] for row in kept]),
        tuple(classes),
        name,
        reads=None if encoder.network is not None else encoder.reads,
    )


def rows_of(name: str, texts: Sequence[str], encoder: TextEncoder) -> TextRows:
    """Features of texts, computed once and kept, beside the texts."""
    x: Any = encoder.reads.batch(list(texts))
    if encoder.network is not None:
        rows = ClassIndex(x, torch.arange(len(texts)) % 2, ("even rows", "odd rows"), name, reads=encoder.reads)
        x = encoded(rows, encoder.network).gather(torch.arange(len(texts)))
    return TextRows(x, texts)


def splits_of(index: ClassIndex, classes: Mapping[str, Sequence[str]]) -> Splits:
    """The classes of meta-training, meta-validation and meta-test by name; those that the index lacks are passed over."""
    known = set(index.classes)
    parts = {part: [name for name in classes[part] if name in known] for part in Splits._fields}
    return Splits(*[index.select(names, f"{index.name}/{part}") for part, names in parts.items()])


def own_texts(path: str, text: str, label: str, encoder: TextEncoder, *, least: int, encoding: str = "utf-8") -> Splits:
    """A file of one's own: a column of texts, a column of classes; its classes are parted at random.

    Args:
        path: of a table (CSV, TSV, JSON lines, Parquet).
        text, label: columns.
        encoder: of the texts.
        least: texts that a class must have; classes of fewer are left out, and named in the log.
        encoding: of a text file.

    Raises:
        DataError: what is wrong with the file, its columns or a row, or too few classes.
    """
    rows = _columns(path, {"text": text, "label": label}, encoding)
    name = Path(path).name.split(".")[0]
    counts = Counter(map(str, rows[label]))
    if max(counts.values()) < least:
        raise DataError(
            f'{path}: the largest class of the column "{label}" has {max(counts.values())} texts; {least} are needed. Give more.'
        )
    rows = dict(large_enough(rows, label, least, name))
    index = table(rows, text=text, label=label, reads=encoder.reads, name=name)
    check_enough_classes(len(index.classes), USUAL, f'{path}: the column "{label}", with {least} texts or more in a class,')
    reads = None if encoder.network is not None else encoder.reads
    whole = replace(index, x=rows_of(name, list(rows[text]), encoder), reads=reads)
    parts = parts_of(rows, label, (label,), USUAL, 0, name)
    return Splits(*[whole.rows(torch.from_numpy(parts[part]), f"{name}/{part}") for part in Splits._fields])


def sized(
    test: ClassIndex,
    val: ClassIndex,
    ways: Sequence[int],
    title: str,
    promises: Mapping[tuple[int, int], tuple[Promise, ...]] | None = None,
    shots: Sequence[int] = (1, 5, 10),
) -> dict[str, Setting]:
    """Tasks of new classes by ways and shots; sizes for which there are too few texts are left out.

    Args:
        test, val: classes of meta-test and of meta-validation.
        ways: of meta-test tasks; those of meta-validation have as many classes as there are, at most so many.
        title: what the classes are; nothing for data of one's own.
        promises: by ways and shots.
        shots: as many settings of each number of ways.
    """
    found = {}
    for n, k in itertools.product(ways, shots):
        if k + 1 <= min(int(test.counts.min()), int(val.counts.min())):
            name = f"{title}, " if title else ""
            of_test, of_val = (
                FewShot(part, min(n, len(part.classes)), k, min(_QUERIES, int(part.counts.min()) - k)) for part in (test, val)
            )
            found[f"{name}{n}-way {k}-shot"] = Setting(of_test, of_val, size=k, promises=(promises or {}).get((n, k), ()))
    return found


def own_tasks(
    path: str,
    columns: tuple[str, str, str],
    classes: Sequence[str],
    encoder: TextEncoder,
    *,
    least: int,
    encoding: str = "utf-8",
) -> TableSplits:
    """A file of one's own whose tasks have the same classes; its tasks are parted at random.

    Args:
        path: of a table (CSV, TSV, JSON lines, Parquet).
        columns: of texts, classes and tasks.
        classes: their names, in the order of the columns of targets.
        encoder: of the texts.
        least: texts that a task must have; tasks of fewer are left out, and named in the log.
        encoding: of a text file.

    Raises:
        DataError: what is wrong with the file, its columns or a row, or too few tasks.
    """
    text, label, task = columns
    rows = _columns(path, {"text": text, "label": label, "product": task}, encoding)
    for row, value in enumerate(rows[label]):
        if str(value) not in classes:
            allowed = " or ".join(f'"{name}"' for name in classes)
            raise DataError(f'{path}: the column "{label}" has {shown(value)} in row {row} (the first is 0). Write {allowed}.')
    codes(rows[task], f'{path}: the column "{task}"')  # refuses a row without a task
    lacking = sorted({str(value) for value in rows[task]} - {t for t, _ in _both(rows, label, task, classes)})
    if lacking:
        raise DataError(f'{path}: all sentences of "{lacking[0]}" are of one class. Label some of the other, or leave it out.')
    name = Path(path).name.split(".")[0]
    rows = dict(large_enough(rows, task, min(least, max(Counter(rows[task]).values())), name))
    if len(set(rows[task])) < _FEWEST_TASKS:
        raise DataError(
            f'{path}: the column "{task}" has {len(set(rows[task]))} values with {least} rows or more. To part them into '
            f"meta-training, meta-validation and meta-test, {_FEWEST_TASKS} are needed. Give more."
        )
    whole = table(rows, text=text, label=label, task=task, reads=encoder.reads, name=name)
    reads = None if encoder.network is not None else encoder.reads
    whole = replace(whole, x=rows_of(name, list(rows[text]), encoder), reads=reads)
    parts = parts_of(rows, task, (label, task), USUAL, 0, name)
    return TableSplits(*[whole.rows(torch.from_numpy(parts[part]), f"{name}/{part}") for part in TableSplits._fields])


def _both(rows: Mapping[str, Any], label: str, task: str, classes: Sequence[str]) -> list[tuple[str, int]]:
    """Tasks that have every class, and how many classes that is."""
    met: dict[str, set[str]] = {}
    for name, value in zip(rows[task], rows[label], strict=True):
        met.setdefault(str(name), set()).add(str(value))
    return [(name, len(found)) for name, found in met.items() if len(found) == len(classes)]


def _columns(path: str, named: Mapping[str, str], encoding: str) -> dict[str, Any]:
    """The file's values by column; the columns named are there, and no two are one."""
    rows = read_table_file(path, as_written=list(named.values()), encoding=encoding)
    for argument, column in named.items():
        if column not in rows:
            there = ", ".join(rows)
            raise DataError(f'{path} has no column "{column}"; it has {there}. Rename one, or give ', Argument(argument), ".")
    twice = [argument for argument, column in named.items() if list(named.values()).count(column) > 1]
    if twice:
        raise DataError(f'the column "{named[twice[0]]}" cannot be {" and ".join(twice)}. Give another ', Argument(twice[1]), ".")
    return rows
