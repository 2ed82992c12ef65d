"""A file or a table of rows, with one column of labels or of targets: an index of classes, or a table of many tasks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.datasets import on_demand
from quickstudy.datasets.class_index import ClassIndex, Rows, Splits
from quickstudy.datasets.class_names import report_near_names
from quickstudy.datasets.class_parts import check_enough_classes
from quickstudy.datasets.image_reading import ImageReading
from quickstudy.datasets.table_columns import bits_of, codes, instants, labels_of, large_enough, targets_of
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.table_roles import check_roles
from quickstudy.datasets.table_split import parts_of
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import Argument, DataError
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.raw_columns import raw_columns
from quickstudy.inputs.texts import Texts

__all__ = ["table"]


def table(
    data: Any,
    *,
    label: str | None = None,
    target: str | None = None,
    labels: Sequence[str] = (),
    task: str | None = None,
    text: str | None = None,
    image: str | None = None,
    group: str | None = None,
    time: str | None = None,
    split: str | None = None,
    columns: Sequence[str] | None = None,
    leave_out: Sequence[str] = (),
    categories: Sequence[str] = (),
    reads: InputKind | None = None,
    smallest: int = 0,
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2),
    seed: int = 0,
    name: str | None = None,
    encoding: str = "utf-8",
) -> Any:
    """Rows with labels as a `ClassIndex`, or, with ``task``, rows of many tasks as a `Table` for `tasks.ByTask`.

    Inputs are the column ``text``, the images that the column ``image`` names, or else all columns that are nothing else. How
    they become numbers is learned from the meta-training rows alone, where ``split`` says which these are.

    Args:
        data: a file (CSV, TSV, JSON lines, Parquet), a pandas table, a dictionary of arrays, or a list of dictionaries.
        label: the column of class names or whole numbers.
        target: the column of numbers to be predicted, in place of ``label``; needs ``task``.
        labels: columns of 0 and 1, of which a row may have several ones (multi-hot), in place of ``label``; needs ``task``.
        task: each value of this column is a task with targets of its own: a patient, an assay, a customer.
        text: the column of texts, read by `Texts`.
        image: the column of image files; paths are taken from the file's folder.
        group: support and query of a task never share a value of this column.
        time: the column of times (numbers or dates) by which rows of a task are ordered; it is an input too, unless ``columns``
            leaves it out.
        split: the column that parts meta-training, meta-validation and meta-test. The label's, the task's or the group's column:
            its values are parted at random. Another: it names them, "train", "val" and "test".
        columns: those that are inputs.
        leave_out: those that are no inputs.
        categories: columns whose numbers are codes of categories.
        reads: how rows become inputs, where that is known already: ``learner.reads``.
        smallest: classes (or tasks) with fewer rows are left out, and named in the log.
        fractions: of the three parts, where they are drawn.
        seed: of the parts.
        name: used in messages and reports.
        encoding: of a text file.

    Returns:
        A `ClassIndex` or a `Table`; with ``split`` three of them, `Splits` or `TableSplits`.

    Raises:
        DataError: no such column, labels that are no classes, targets that are no numbers, a file that is broken, or inputs that
            cannot be read.

    >>> rows = {"age": [40, 41, 70, 72], "sex": ["f", "m", "f", "m"], "ill": ["no", "no", "yes", "yes"]}
    >>> index = table(rows, label="ill")
    >>> index, index.reads.names
    (ClassIndex(data: 4 rows of 2 classes), ('age', 'sex'))
    """
    named = {"label": label, "target": target, "task": task, "text": text, "image": image, "group": group, "time": time}
    named["split"] = split
    rows: Mapping[str, Any] = _read(
        data, [*labels, *(named[role] or "" for role in ("label", "task", "text", "image", "group", "split"))], reads, encoding
    )
    called = name or (Path(data).name.split(".")[0] if isinstance(data, str | Path) else "data")
    lists = {"labels": labels, "columns": columns or (), "categories": categories, "leave_out": leave_out}
    check_roles(rows, named, [(given, column) for given, listed in lists.items() for column in listed], called)
    rows = large_enough(rows, (task or label or ""), smallest, called)
    plan = _Plan(rows, named, called)
    if split is not None and split == label and task is None:
        adapt = "texts FILE" if text is not None else "images FOLDER" if image is not None else ""
        check_enough_classes(len(codes(rows[split], called)[0]), fractions, f'{called}: the column "{split}"', adapt)
    parts = None if split is None else parts_of(rows, split, (label, task, group), fractions, seed, called)
    trained = np.arange(plan.count) if parts is None else parts["train"]
    if text is not None or image is not None:
        folder = Path(data).parent if isinstance(data, str | Path) else Path()
        x, kind = _texts(plan, reads) if text is not None else _images(plan, reads, folder)
    else:
        x, kind = _columns(plan, reads, columns, [*leave_out, *labels], categories, trained)
    if task is None:
        return _indices(plan, x, kind, parts, few=reads is not None)
    whole = _table(plan, x, kind, labels)
    if parts is None:
        return whole
    return TableSplits(*[whole.rows(torch.from_numpy(parts[part]), f"{called}/{part}") for part in TableSplits._fields])


@dataclass(frozen=True)
class _Plan:
    """Values by column, and which column is what."""

    rows: Mapping[str, Any]
    named: Mapping[str, str | None]
    called: str

    @property
    def count(self) -> int:
        return len(next(iter(self.rows.values())))

    def values(self, role: str) -> Any:
        column = self.named[role]
        return None if column is None else self.rows[column]


def _read(data: Any, as_written: Sequence[str], reads: InputKind | None, encoding: str) -> dict[str, Any]:
    if isinstance(data, str | Path):
        known = reads.columns if isinstance(reads, Columns) else ()
        texts = [column.name for column in known if column.kind == "category"]
        return read_table_file(data, as_written=as_written, texts=texts, encoding=encoding)
    found = raw_columns(data, None)
    sizes = {column: len(values) for column, values in found.items()}
    if not sizes or not min(sizes.values()):
        raise DataError("the table holds no rows. Give at least one.")
    other = next((column for column in sizes if sizes[column] != next(iter(sizes.values()))), None)
    if other is not None:
        first = next(iter(sizes))
        raise DataError(f'the column "{other}" has {sizes[other]} values, "{first}" {sizes[first]}. Give as many of each.')
    return found


def _texts(plan: _Plan, reads: InputKind | None) -> tuple[Tensor | Rows, InputKind]:
    kind = reads or Texts()
    if isinstance(kind, Images | Columns):
        raise DataError(
            f"{plan.called}: {kind.things} are read here, not texts. Choose a backbone for texts, or leave reads out."
        )
    values = list(plan.values("text"))
    if isinstance(kind, Texts) and 4 * kind.width * len(values) > on_demand.IN_MEMORY:
        return on_demand.TextsOnDemand(tuple(values), kind), kind
    return kind.batch(values), kind


def _images(plan: _Plan, reads: InputKind | None, folder: Path) -> tuple[Tensor | Rows, InputKind]:
    kind = reads or Images(84, channels=3, strokes=False)
    if not isinstance(kind, Images):
        raise DataError(
            f"{plan.called}: {kind.things} are read here, not images. Choose a backbone for images, or leave reads out."
        )
    files = plan.values("image")
    large = len(files) * math.prod(kind.shape) > on_demand.IN_MEMORY
    reading = ImageReading(kind, "raise", keep=0 if large else len(files))
    for row, file in enumerate(files):
        if not isinstance(file, str) or not file.strip():
            raise DataError(
                f"{plan.called}: row {row} (the first is 0) names no image ({file!r}). Name its file, or leave it out."
            )
        reading.add(partial(Path, folder / file))
    reading.check(plan.called)
    return (on_demand.ImagesOnDemand(tuple(folder / file for file in files), kind) if large else reading.rows()), kind


def _columns(
    plan: _Plan,
    reads: InputKind | None,
    columns: Sequence[str] | None,
    leave_out: Sequence[str],
    categories: Sequence[str],
    trained: Any,
) -> tuple[Tensor, InputKind]:
    if reads is not None and not isinstance(reads, Columns):
        raise DataError(
            f"{plan.called}: {reads.things} are read here, not columns of numbers and categories. Choose another backbone; or "
            "name the column of the texts or images with ",
            Argument("text"),
            " or ",
            Argument("image"),
            ".",
        )
    taken = {column for role, column in plan.named.items() if role != "time"}
    wanted = [column for column in plan.rows if column not in taken] if columns is None else list(columns)
    if columns is None and isinstance(reads, Columns):
        wanted = [column for column in wanted if column in reads.names]
    wanted = [column for column in wanted if column not in leave_out]
    if not wanted:
        raise DataError(
            f"{plan.called}: no column is left that could be an input. Name some with ",
            Argument("columns"),
            " or ",
            Argument("text"),
            ".",
        )
    answers = {plan.named["label"], plan.named["target"]} & set(wanted)
    if answers:
        raise DataError(f'{plan.called}: the column "{answers.pop()}" is to be predicted, so it is no input. Leave it out.')
    held = {column: plan.rows[column] for column in wanted}
    kind = reads or Columns.fitted({column: _chosen(values, trained) for column, values in held.items()}, categories=categories)
    return kind.batch(held), kind


def _chosen(values: Any, rows: Any) -> Any:
    return values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows.tolist()]


def _indices(
    plan: _Plan, x: Tensor | Rows, kind: InputKind, parts: Mapping[str, Any] | None, *, few: bool
) -> ClassIndex | Splits:
    column = plan.named["label"]
    classes, labels = labels_of(plan.values("label"), f'{plan.called}: the column "{column}"', few=few)
    group_names, groups = codes(plan.values("group"), f'{plan.called}: the column "{plan.named["group"]}"')
    whole = ClassIndex(x, labels, classes, plan.called, groups, group_names, kind)
    report_near_names(classes, plan.called)
    if parts is None:
        return whole
    return Splits(*[whole.rows(torch.from_numpy(parts[part]), f"{plan.called}/{part}") for part in Splits._fields])


def _table(plan: _Plan, x: Tensor | Rows, kind: InputKind, labels: Sequence[str]) -> Table:
    def of(role: str) -> str:
        return f'{plan.called}: the column "{plan.named[role]}"'

    task_names, tasks = codes(plan.values("task"), of("task"))
    assert tasks is not None
    _, groups = codes(plan.values("group"), of("group"))
    classes: tuple[str, ...] = ()
    if labels:
        classes, y = tuple(labels), bits_of({name: plan.rows[name] for name in labels}, plan.called)
    elif plan.named["label"] is not None:
        classes, y = labels_of(plan.values("label"), of("label"), few=True)
    else:
        y = targets_of(plan.values("target"), of("target"))
    time = None if plan.named["time"] is None else instants(plan.values("time"), of("time"))
    return Table(x, y, tasks, task_names, classes, plan.called, groups, time, kind)
