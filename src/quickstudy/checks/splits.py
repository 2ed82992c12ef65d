"""Whether two splits share classes (by name) or examples."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

import torch
from torch import Tensor

from quickstudy.checks.finding import Finding, Observation, Severity, skipped
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.held_rows import on_demand
from quickstudy.datasets.row_hashes import row_hashes
from quickstudy.functional.tree import leaves
from quickstudy.task import Inputs
from quickstudy.tasks.source import generator_of

__all__ = ["copies_inside_classes", "repeated_examples", "shared_classes"]

_WIDE = 64
"""Numbers in an example above which two equal ones are no accident, and brightness is taken out before comparing."""

_NARROW = 8
"""Numbers in an example below which near ones are no wonder."""

_ALIKE = 0.02
_FEWEST = 3
_SKETCH = 64
_MANY = 0.05
"""Of examples with a copy in their class: a 1-nearest neighbour gains about as many points."""


def shared_classes(splits: Mapping[str, ClassIndex]) -> Observation:
    """Classes whose name is in two splits.

    Args:
        splits: classes of meta-training, meta-validation and meta-test, by name of the split.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> data = from_arrays(torch.eye(4), ["a", "b", "c", "d"])
    >>> shared_classes({"train": data.select(["a", "b"]), "test": data.select(["b", "c"])}).verdict
    'severe'
    """
    if len(splits) < 2:
        return skipped("there are no two splits")
    found = []
    for one, other in combinations(splits, 2):
        shared = sorted({_plain(c) for c in splits[one].classes} & {_plain(c) for c in splits[other].classes})
        if not shared:
            continue
        numbered = all(name.isdecimal() for name in shared)
        found.append(
            Finding(
                f"{len(shared)} of the {len(splits[other].classes)} classes of {other} are classes of {one} by name: "
                f"{', '.join(shared[:5])}{' …' if len(shared) > 5 else ''}.",
                Severity.WARNING if numbered else Severity.SEVERE,
                "If these are the same classes, split the classes, not the rows (datasets.split_classes)."
                + (" If numbers merely start anew in each split, give names of their own (classes=…)." if numbered else ""),
                {"shared": len(shared), "share": len(shared) / len(splits[other].classes)},
            )
        )
    return Observation(f"names compared between {', '.join(splits)}", tuple(found))


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").split())


def repeated_examples(
    splits: Mapping[str, ClassIndex],
    *,
    most: int = 4000,
    features: Callable[[Tensor], Tensor] | None = None,
) -> Observation:
    """Examples of one split that are also in another, exactly or nearly (other brightness, light noise, another compression).

    The distance of two examples is ``r = ‖a − b‖² / mean ‖x − x'‖²`` over pairs of examples, 0 for equal and about 1 for
    unrelated ones. Examples of 64 numbers or more are first centred and brought to unit length. Candidates come from random
    projections to 64 numbers, which keep small distances small; their true distances are then taken. Some data has near
    pairs by nature (a circle is a letter in many alphabets), so near means: below 0.02, and below a quarter of the distance
    that one in a thousand examples of the first split has to the nearest example of *another* class in its own split.
    Three such examples make a finding, of equal ones one alone; with fewer than 8 numbers near ones are no wonder. A shifted,
    rotated or cropped copy is not near in pixels: give ``features`` for that.

    Args:
        splits: classes by name of the split.
        most: examples compared, of each split; equal ones are sought among all that are held in memory.
        features: from rows (R, …) to features (R, D), for example of an encoder, to compare instead of the rows themselves.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> x, y = torch.randn(200, 100), torch.arange(200) % 10
    >>> train, test = from_arrays(x, y), from_arrays(torch.cat([torch.randn(99, 100), x[:1]]), y[:100])
    >>> print(repeated_examples({"train": train, "test": test}).findings[0].what)
    1 of 100 examples of test are also in train, equal in every number.
    """
    if len(splits) < 2:
        return skipped("there are no two splits")
    found, notes = [], []
    prints = {name: _prints(index, most) for name, index in splits.items()}
    sketch = {name: _sampled(index, most, features) for name, index in splits.items()}
    for one, other in combinations(splits, 2):
        known = set(prints[one])
        equal = sum(mark in known for mark in prints[other])
        if equal:
            found.append(_finding(equal, len(prints[other]), one, other, "equal in every number"))
        near, asked, limit = _near(sketch[one], sketch[other])
        notes.append(f"{other} in {one}: {equal} equal, {near} of {asked} nearer than {limit:.2g}")
        if near - min(equal, near) >= _FEWEST:
            found.append(_finding(near, asked, one, other, f"nearly equal (distance below {limit:.2g})"))
    return Observation("; ".join(notes), tuple(found))


def copies_inside_classes(splits: Mapping[str, ClassIndex], *, most: int = 4000) -> Observation:
    """Examples that equal another one of their class, so that one may be in the support set and its copy among the queries.

    Copies of one group, and those of an index that keeps equal rows together, never part, so they give nothing away. Rows of
    fewer than 64 numbers are skipped, because equal ones are common there.

    Args:
        splits: classes by name of the split.
        most: number of examples to compare, of each split that is not held in memory: those of its first classes.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> x, y = torch.randn(200, 100), torch.arange(200) % 10
    >>> x[100:150] = x[:50]
    >>> print(copies_inside_classes({"train": from_arrays(x, y)}).findings[0].what)
    100 of 200 examples of train are equal to another example of their class.
    """
    if not splits:
        return skipped("there is no index of classes")
    found, notes = [], []
    for name, index in splits.items():
        if index.equal_together:
            notes.append(f"{name}: equal rows are kept together")
            continue
        order = torch.argsort(index.labels, stable=True)
        rows = order[:most] if on_demand(index.x) else order
        if not len(rows) or _flat(index.gather(rows[:1])).shape[1] < _WIDE:
            notes.append(f"{name}: skipped, rows of few numbers")
            continue
        copies = _copies(index, rows)
        notes.append(f"{name}: {copies} of {len(rows)} have a copy")
        if copies:
            found.append(
                Finding(
                    f"{copies:,} of {len(rows):,} examples of {name} are equal to another example of their class.",
                    Severity.SEVERE if copies / len(rows) > _MANY else Severity.WARNING,
                    "Leave the copies out, or keep them on one side of a task: dataclasses.replace(index, equal_together=True).",
                    {"count": copies, "share": copies / len(rows)},
                )
            )
    return Observation("; ".join(notes), tuple(found))


def _copies(index: ClassIndex, rows: Tensor) -> int:
    """How many rows have an equal one in their class, in another group where there are groups."""
    groups = rows if index.groups is None else index.groups[rows]
    keys = Counter(zip(index.labels[rows].tolist(), row_hashes(index, rows).tolist(), strict=True))
    own = Counter(zip(index.labels[rows].tolist(), row_hashes(index, rows).tolist(), groups.tolist(), strict=True))
    return sum(times for (label, mark, _), times in own.items() if keys[label, mark] > times)


def _finding(count: int, asked: int, one: str, other: str, words: str) -> Finding:
    share = count / asked
    return Finding(
        f"{count:,} of {asked:,} examples of {other} are also in {one}, {words}.",
        Severity.SEVERE if share > 0.005 else Severity.WARNING,
        f"Leave them out of {one}, or make the split by what they were taken from (a subject, a recording, a page).",
        {"count": count, "share": share},
    )


def _parts(rows: Tensor, size: int = 1000) -> Iterator[Tensor]:
    yield from rows.split(size)  # type: ignore[no-untyped-call]


def _few(index: ClassIndex, most: int) -> Tensor:
    """Row numbers spread over all rows, ``most`` at the most."""
    step = max(1, -(-len(index) // most))
    return torch.arange(0, len(index), step)


def _prints(index: ClassIndex, most: int) -> list[bytes]:
    """A fingerprint of each example; none where equal ones are no wonder (few numbers, or nothing but one value)."""
    rows = _few(index, most) if on_demand(index.x) else torch.arange(len(index))
    found = []
    for part in _parts(rows):
        x = _flat(index.gather(part))
        if x.shape[1] < _WIDE:
            return []
        told = x[(x != x[:, :1]).any(1)]
        found += [hashlib.blake2b(row.numpy().tobytes(), digest_size=16).digest() for row in told]
    return found


def _sampled(index: ClassIndex, most: int, features: Callable[[Tensor], Tensor] | None) -> tuple[Tensor, Tensor]:
    """Comparable rows (R, D) of unit length where wide, and their classes (R,)."""
    rows = _few(index, most)
    parts = []
    for part in _parts(rows):
        x = index.gather(part)
        x = _flat(x if features is None else features(x).detach()).float()
        if x.shape[1] >= _WIDE:
            x = torch.nn.functional.normalize(x - x.mean(1, keepdim=True), dim=1)
        parts.append(x)
    return torch.cat(parts), index.labels[rows]


def _flat(x: Inputs) -> Tensor:
    """Rows (R, D) of all their numbers."""
    return torch.cat([leaf.flatten(1) for leaf in leaves(x)], 1)


def _near(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> tuple[int, int, float]:
    """How many of the second split's examples are near one of the first's, of how many, and the limit."""
    x, labels = first
    typical = 2 * float(x.var(0, unbiased=False).sum())
    if typical == 0 or x.shape[1] < _NARROW:
        return 0, len(second[0]), 0.0
    own = _nearest(x, labels, x, labels) / typical
    usual = float(own[own.isfinite()].quantile(0.001)) if bool(own.isfinite().any()) else 1.0
    limit = min(_ALIKE, usual / 4)
    across = _nearest(second[0], torch.full_like(second[1], -1), x, labels) / typical
    return int((across < limit).sum()), len(across), limit


def _nearest(queries: Tensor, labels: Tensor, x: Tensor, of: Tensor) -> Tensor:
    """Squared distance of each query to the nearest row of another class: the true one of the best by projection."""
    wide = x.shape[1]
    narrow = torch.eye(wide) if wide <= _SKETCH else torch.randn(wide, _SKETCH, generator=generator_of(wide)) / _SKETCH**0.5
    table, low = x @ narrow, queries @ narrow
    found = []
    for start in range(0, len(queries), 500):
        part = slice(start, start + 500)
        rough = torch.cdist(low[part], table).masked_fill(labels[part, None] == of, torch.inf)
        near, places = rough.topk(min(5, len(x)), largest=False)
        true = (queries[part, None] - x[places]).pow(2).sum(-1).masked_fill(near.isinf(), torch.inf)
        found.append(true.amin(1))
    return torch.cat(found)
