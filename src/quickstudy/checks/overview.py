"""What data holds: rows, classes or tasks with their sizes, missing values, duplicates, the split, and ten examples."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.datasets.arrays import split_classes
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.held_rows import on_demand
from quickstudy.datasets.manifest import files_below
from quickstudy.datasets.row_hashes import row_hashes
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import DataError
from quickstudy.functional.tree import leaves
from quickstudy.inputs.column import is_missing
from quickstudy.inputs.images import Images
from quickstudy.tasks.named_data import Sources, data_names
from quickstudy.tasks.open_data import Reading, Whole, open_data, open_unparted
from quickstudy.tasks.source import TaskSource, generator_of

__all__ = ["Overview", "Part", "Sizes", "overview"]

_EXAMPLES = 10


@dataclass(frozen=True)
class Sizes:
    """How many rows the classes (or tasks) of a part have.

    Args:
        unit: "class" or "task".
        count: of classes or tasks.
        least, median, most: rows of one.
        smallest, largest: the names of those.
    """

    unit: str
    count: int
    least: int
    median: float
    most: int
    smallest: str
    largest: str


@dataclass(frozen=True)
class Part:
    """One part of the split, or all of the data: how many rows, and how they are spread."""

    rows: int
    sizes: Sizes
    classes: int
    groups: int = 0


@dataclass(frozen=True)
class Overview:
    """What data holds.

    Args:
        name: of the data.
        kind: "images", "texts", "rows of a table", "tensors" or "generated tasks".
        digest: of what was read.
        split: how the parts were made.
        examples: ten, spread over all rows.
        content: what was opened, in three parts where it can be parted.
        parts: by name: "train", "val" and "test", or "all" where the data cannot be parted.
        reads: how raw things become inputs, in words.
        trouble: why it cannot be parted; empty where it can.
        missing: number of missing values by column, of a table.
        duplicates: rows whose inputs equal an earlier one's (of the same task, where there are tasks); None where rows are read
            on demand or generated.
        contradictions: of the duplicates, those with another label or target.
    """

    name: str
    kind: str
    digest: str
    split: str
    examples: Sequence[Mapping[str, Any]]
    content: Any
    parts: Mapping[str, Part] = field(default_factory=dict)
    reads: str = ""
    trouble: str = ""
    missing: Mapping[str, int] = field(default_factory=dict)
    duplicates: int | None = None
    contradictions: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Everything but the data itself, as JSON."""
        found = asdict(replace(self, content=None)) | {"parts": {name: asdict(part) for name, part in self.parts.items()}}
        del found["content"]
        return found | {"most_ways": self.most_ways, "most_rows": self.most_rows}

    @property
    def most_ways(self) -> int | None:
        """How many classes a task can have in every part; None where parts are no classes."""
        return min((part.classes for part in self.parts.values() if part.sizes.unit == "class"), default=None)

    @property
    def most_rows(self) -> int | None:
        """How many shots and queries of a class a task can have in every part; None where parts are no classes."""
        return min((part.sizes.least for part in self.parts.values() if part.sizes.unit == "class"), default=None)


def overview(
    spec: str,
    reading: Reading = Reading(),  # noqa: B008  a frozen record
    *,
    seed: int = 0,
    trust: bool = False,
) -> Overview:
    """Opens data and describes it.

    Args:
        spec, reading, seed, trust: as for `tasks.open_data`.

    Raises:
        DataError, UserError: as `tasks.open_data`; but classes that are too few to be parted are described, with ``trouble``.

    >>> found = overview("sinusoid")
    >>> found.kind, found.examples[0]
    ('generated tasks', {'support x': '10 × 1', 'support y': '10 × 1', 'query x': '10 × 1', 'query y': '10 × 1'})
    """
    whole = open_unparted(spec, reading, seed=seed, trust=trust)
    if isinstance(whole.content, Sources):
        return Overview(
            name=whole.name,
            kind="generated tasks",
            digest=whole.digest,
            split="as the source says",
            examples=_of_task(whole.content.train),
            content=whole.content,
        )
    content, how, trouble = _parted(spec, whole, reading, seed, trust)
    parts: dict[str, ClassIndex | Table] = content._asdict() if isinstance(content, Splits | TableSplits) else {"all": content}
    first = next(iter(parts.values()))
    path = Path(spec)
    own = spec not in data_names()
    is_folder, is_table = own and path.is_dir(), own and path.is_file() and path.suffix.lower() != ".zip"
    raw = read_table_file(path, encoding=reading.encoding) if is_table else {}
    duplicates, contradictions = _repeated(list(parts.values()))
    return Overview(
        name=whole.name,
        kind="tensors" if first.reads is None else first.reads.things,
        reads="" if first.reads is None else str(first.reads),
        digest=whole.digest,
        split=how,
        parts={name: _part(part) for name, part in parts.items()},
        trouble=trouble,
        missing=_missing(raw),
        duplicates=duplicates,
        contradictions=contradictions,
        examples=_rows_of(raw, reading) if raw else _files(path) if is_folder else _indexed(parts),
        content=content,
    )


def _parted(spec: str, whole: Whole, reading: Reading, seed: int, trust: bool) -> tuple[Any, str, str]:
    """The data in three parts if that can be, how it was parted, and else why not."""
    if isinstance(whole.content, Splits | TableSplits):
        column = reading.split_column
        if column in (reading.label, reading.task_column, reading.group_column) and column is not None:
            return whole.content, f'at random by "{column}" (seed {seed})', ""
        return whole.content, "as the data says" if column is None else f'by the column "{column}"', ""
    by = "task" if isinstance(whole.content, Table) else "class"
    try:
        if isinstance(whole.content, ClassIndex) and isinstance(whole.content.reads, Images):
            return split_classes(whole.content, seed=seed), f"at random by {by} (seed {seed})", ""
        return open_data(spec, reading, seed=seed, trust=trust).content, f"at random by {by} (seed {seed})", ""
    except DataError as error:
        return whole.content, "none", str(error)


def _part(part: ClassIndex | Table) -> Part:
    names = part.classes if isinstance(part, ClassIndex) else part.task_names
    counts = part.counts
    sizes = Sizes(
        unit="class" if isinstance(part, ClassIndex) else "task",
        count=len(names),
        least=int(counts.min()),
        median=float(np.median(counts.numpy())),
        most=int(counts.max()),
        smallest=names[int(counts.argmin())],
        largest=names[int(counts.argmax())],
    )
    return Part(len(part), sizes, len(part.classes), 0 if part.groups is None else len(torch.unique(part.groups)))


def _repeated(parts: Sequence[ClassIndex | Table]) -> tuple[int | None, int | None]:
    """How many rows equal an earlier one (of their task, where there are tasks), and how many of these have another answer."""
    if any(on_demand(part.x) for part in parts):
        return None, None
    seen: dict[Any, Any] = {}
    again = other = 0
    for part in parts:
        told: list[Any] = part.y.tolist() if isinstance(part, Table) else [part.classes[label] for label in part.labels.tolist()]
        tasks = [part.task_names[task] for task in part.tasks.tolist()] if isinstance(part, Table) else [""] * len(part)
        for task, mark, answer in zip(tasks, row_hashes(part).tolist(), told, strict=True):
            again += (task, mark) in seen
            other += seen.setdefault((task, mark), answer) != answer
    return again, other


def _missing(raw: Mapping[str, Any]) -> dict[str, int]:
    counts = {name: sum(is_missing(value) for value in values) for name, values in raw.items()}
    return {name: count for name, count in counts.items() if count}


def _spread(count: int) -> list[int]:
    return sorted({int(place) for place in np.linspace(0, count - 1, min(count, _EXAMPLES))})


def _rows_of(raw: Mapping[str, Any], reading: Reading) -> list[dict[str, Any]]:
    """Rows of a table, those columns first that have been named."""
    named = (reading.task_column, reading.label, reading.target, reading.text_column, reading.image_column)
    order = dict.fromkeys([*[name for name in named if name is not None], *raw])
    count = len(next(iter(raw.values())))
    return [{name: _plain(raw[name][row]) for name in order} for row in _spread(count)]


def _plain(value: Any) -> Any:
    if is_missing(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _files(path: Path) -> list[dict[str, Any]]:
    files = [file for file in files_below(path) if file.parent != path]
    return [{"class": files[n].parent.relative_to(path).as_posix(), "file": files[n].name} for n in _spread(len(files))]


def _indexed(parts: Mapping[str, ClassIndex | Table]) -> list[dict[str, Any]]:
    """Of rows without a text of their own: the part, the class or task, and what the row is like."""
    places = [(name, part, row) for name, part in parts.items() for row in range(len(part))]
    found = []
    for place in _spread(len(places)):
        name, part, row = places[place]
        x = part.gather(torch.tensor([row]))
        of = part.classes[int(part.labels[row])] if isinstance(part, ClassIndex) else part.task_names[int(part.tasks[row])]
        found.append(
            {
                "part": name,
                "class" if isinstance(part, ClassIndex) else "task": of,
                "row": " and ".join(_shape(leaf[0]) for leaf in leaves(x)),
            }
        )
    return found


def _of_task(source: TaskSource[Any]) -> list[dict[str, Any]]:
    task = source.sample(1, generator_of(0))
    sides = {"support": task.support, "query": task.query}
    return [
        {
            f"{name} {letter}": " and ".join(_shape(leaf[0]) for leaf in leaves(getattr(side, letter)))
            for name, side in sides.items()
            for letter in ("x", "y")
        }
    ]


def _shape(x: Tensor) -> str:
    return " × ".join(map(str, x.shape)) or "1"
