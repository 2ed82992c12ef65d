"""Few-shot classification tasks drawn from an index of classes: N ways, K shots, fixed or varying."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import TaskError
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import Plan, TaskSource

__all__ = ["FewShot", "RowPlan", "Sizes", "meta_dataset_sizes"]

Sizes = Callable[[Tensor, Tensor, torch.Generator | None], tuple[Tensor, Tensor]]
"""From rows available (B, N) and classes in use (B, N), the shots and queries of each class, both (B, N)."""


@dataclass(frozen=True)
class RowPlan(Plan):
    """Planned tasks: row numbers, target columns and masks of support (B, S) and query (B, Q); classes (B, N), -1 = none."""

    support_rows: Tensor
    support_columns: Tensor
    support_mask: Tensor
    query_rows: Tensor
    query_columns: Tensor
    query_mask: Tensor
    classes: Tensor

    def at(self, rows: tuple[Tensor, Tensor]) -> "RowPlan":
        """The same tasks with other row numbers, after rows were moved (into a table of features, say)."""
        return replace(self, support_rows=rows[0], query_rows=rows[1])


class FewShot(TaskSource[RowPlan]):
    """N-way K-shot tasks: N classes, K support and some query examples of each, classes put to columns anew per task.

    Where the index knows groups (font styles, patients), support and query of a task never share one.

    Args:
        index: the classes to draw from.
        ways: N, or a range ``(low, high)`` from which each task draws.
        shots: K, or a range.
        queries: query examples of each class.
        balanced: with a range of shots: one K for a whole task; False draws one for each class (class imbalance).
        sizes: a rule that decides shots and queries itself, `meta_dataset_sizes` for example.

    Raises:
        TaskError: fewer classes than ways, or a class too small for shots + queries.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> index = from_arrays(torch.randn(60, 4), torch.arange(60) % 6)
    >>> task = FewShot(index, ways=5, shots=1, queries=3).sample(2)
    >>> task.support.x.shape, task.query.y.shape
    (torch.Size([2, 5, 4]), torch.Size([2, 15, 5]))
    """

    def __init__(
        self,
        index: ClassIndex,
        ways: int | tuple[int, int] = 5,
        shots: int | tuple[int, int] = 1,
        queries: int = 15,
        *,
        balanced: bool = True,
        sizes: Sizes | None = None,
    ) -> None:
        self.index, self.queries, self.balanced, self.sizes = index, queries, balanced, sizes
        self.ways, self.shots = _range("ways", ways), _range("shots", shots)
        self.name = f"{index.name} {_words(self.ways)}-way {_words(self.shots)}-shot {queries} queries"
        if sizes is not None:
            self.name = f"{index.name} {_words(self.ways)}-way, shots and queries by {getattr(sizes, '__name__', 'a rule')}"
        elif not balanced:
            self.name += ", imbalanced"
        order = torch.argsort(index.labels, stable=True)
        self._counts = torch.bincount(index.labels, minlength=len(index.classes))
        starts = self._counts.cumsum(0) - self._counts
        width = torch.arange(int(self._counts.max()))
        self._real = width < self._counts[:, None]
        self._rows = order[(starts[:, None] + width).clamp(max=len(order) - 1)]
        self._check()

    def resized(
        self, *, ways: int | tuple[int, int] | None = None, shots: int | tuple[int, int] | None = None, queries: int | None = None
    ) -> "FewShot":
        """Tasks of the same classes in other sizes; what is None stays.

        >>> from quickstudy.datasets.arrays import from_arrays
        >>> FewShot(from_arrays(torch.randn(60, 4), torch.arange(60) % 6), queries=5).resized(shots=3).name
        'data 5-way 3-shot 5 queries'
        """
        given = (self.ways if ways is None else ways, self.shots if shots is None else shots)
        return FewShot(self.index, *given, self.queries if queries is None else queries, balanced=self.balanced)

    def _check(self) -> None:
        name, have = self.index.name, len(self.index.classes)
        if self.queries < 1:
            raise TaskError(f"queries={self.queries}: a task needs at least one query example of each class.")
        if self.ways[1] > have:
            raise TaskError(
                f"ways={self.ways[1]} needs {self.ways[1]} classes, but {name} has {have}. Lower ways or choose another split."
            )
        need = 2 if self.sizes else self.shots[1] + self.queries
        smallest = int(self._counts.argmin())
        if self._counts[smallest] < need:
            raise TaskError(
                f'class "{self.index.classes[smallest]}" of {name} has {int(self._counts[smallest])} examples, but shots + '
                f"queries need {need}. Lower shots or queries, or leave the class out with index.select."
            )

    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowPlan:
        low, high = self.ways
        ways = torch.randint(low, high + 1, (batch,), generator=generator)
        sides = self._sides(batch, generator)
        classes = self._classes(ways, sides, generator)
        used = torch.arange(classes.shape[1]) < ways[:, None]
        support_ok = self._real[classes] & used[..., None]
        query_ok = support_ok
        if sides is not None and self.index.groups is not None:
            groups = self.index.groups[self._rows[classes]]
            side = torch.gather(sides[:, None].expand(-1, classes.shape[1], -1), 2, groups)
            support_ok, query_ok = support_ok & side, query_ok & ~side
        shots, queries = self._sizes(self._available(support_ok, query_ok), used, generator)
        if self.sizes is not None:
            shots = torch.minimum(shots, support_ok.sum(-1))
            self._refuse(classes, used, shots, queries, support_ok.sum(-1), query_ok.sum(-1))
        rows = self._rows[classes]
        keys = torch.rand(rows.shape, generator=generator)
        support = _chosen(rows, keys.masked_fill(~support_ok, 2), torch.zeros_like(shots), shots)
        skipped = shots if sides is None else torch.zeros_like(shots)
        query = _chosen(rows, keys.masked_fill(~query_ok, 2), skipped, queries)
        return RowPlan(*_flat(*support, generator), *_flat(*query, generator), torch.where(used, classes, -1))

    def _refuse(self, classes: Tensor, used: Tensor, shots: Tensor, queries: Tensor, support: Tensor, query: Tensor) -> None:
        """A rule for sizes may ask for more rows than there are."""
        together = shots + queries > support if self.index.groups is None else queries > query
        wrong = (together | (shots < 1) | (queries < 1)) & used
        if wrong.any():
            task, column = wrong.nonzero()[0].tolist()
            raise TaskError(
                f"the rule for sizes asks for {int(shots[task, column])} shots and {int(queries[task, column])} queries of class "
                f'"{self.index.classes[int(classes[task, column])]}" of {self.index.name}, which has '
                f"{int(self._counts[classes[task, column]])} examples. Both must be 1 or more, and fit together."
            )

    def _available(self, support_ok: Tensor, query_ok: Tensor) -> Tensor:
        if self.index.groups is None:
            return support_ok.sum(-1)
        return 2 * torch.minimum(support_ok.sum(-1), query_ok.sum(-1))

    def _sides(self, batch: int, generator: torch.Generator | None) -> Tensor | None:
        """Which groups (B, G) serve the support set of each task; None without groups."""
        if self.index.groups is None:
            return None
        return torch.rand(batch, int(self.index.groups.max()) + 1, generator=generator) < 0.5

    def _classes(self, ways: Tensor, sides: Tensor | None, generator: torch.Generator | None) -> Tensor:
        """Distinct classes (B, N) in random order, each with enough rows on both sides."""
        scores = torch.rand(len(ways), len(self.index.classes), generator=generator)
        if sides is not None:
            need = (1, 1) if self.sizes else (self.shots[1], self.queries)
            for _ in range(50):
                enough = self._enough(sides, need)
                short = enough.sum(1) < ways
                if not short.any():
                    break
                sides[short] = torch.rand(sides[short].shape, generator=generator) < 0.5
            else:
                raise TaskError(
                    f"{self.index.name}: no division of its groups leaves {int(ways.max())} classes with {need[0]} support and "
                    f"{need[1]} query examples. Lower ways, shots or queries."
                )
            scores = scores.masked_fill(~enough, -1)
        return scores.topk(int(ways.max()), dim=1).indices

    def _enough(self, sides: Tensor, need: tuple[int, int]) -> Tensor:
        assert self.index.groups is not None
        table = torch.zeros(len(self.index.classes), sides.shape[1])
        table.index_put_((self.index.labels, self.index.groups), torch.ones(len(self.index.labels)), accumulate=True)
        support = sides.float() @ table.mT
        return (support >= need[0]) & (table.sum(1) - support >= need[1])

    def _sizes(self, available: Tensor, used: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        if self.sizes is not None:
            return self.sizes(available, used, generator)
        low, high = self.shots
        width = 1 if self.balanced else used.shape[1]
        shots = torch.randint(low, high + 1, (len(used), width), generator=generator).expand(used.shape)
        return shots * used, self.queries * used

    def gather(self, plan: RowPlan) -> Task:
        return self.arrange(plan, self.index.gather)

    def digest(self, plan: RowPlan) -> str:
        """Of the plan, the classes' names and the first task's rows: other data under the same name have another digest."""
        first = self.index.gather(torch.cat([plan.support_rows[:1], plan.query_rows[:1]], 1))
        found = hashlib.sha256("\n".join([super().digest(plan), *self.index.classes]).encode())
        found.update(first.contiguous().cpu().numpy().tobytes())
        return found.hexdigest()[:16]

    def arrange(self, plan: RowPlan, gather: Callable[[Tensor], Tensor]) -> Task:
        """The planned tasks with ``gather(rows)`` for inputs: raw rows, or features that were computed before."""
        ways = plan.classes.shape[1]
        sides = [
            (plan.support_rows, plan.support_columns, plan.support_mask),
            (plan.query_rows, plan.query_columns, plan.query_mask),
        ]
        parts = []
        for rows, columns, real in sides:
            x = gather(rows)
            mask = real.to(x.dtype)
            parts.append(Examples(x, torch.nn.functional.one_hot(columns, ways) * mask[..., None], mask))
        return Task(*parts)


def _range(name: str, value: int | tuple[int, int]) -> tuple[int, int]:
    low, high = (value, value) if isinstance(value, int) else value
    if not 1 <= low <= high:
        raise TaskError(f"{name}={value} must be at least 1, and a range must be (low, high).")
    return low, high


def _words(limits: tuple[int, int]) -> str:
    return str(limits[0]) if limits[0] == limits[1] else f"{limits[0]}..{limits[1]}"


def _chosen(rows: Tensor, keys: Tensor, skipped: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """The ``sizes`` (B, N) rows of smallest key of each class, after ``skipped`` ones; and which are real: (B, N, most)."""
    longest = int(sizes.max())
    places = torch.arange(longest).expand(*sizes.shape, longest)
    order = keys.argsort(dim=-1, stable=True)
    order = order.gather(2, (places + skipped[..., None]).clamp(max=order.shape[2] - 1))
    return rows.gather(2, order), places < sizes[..., None]


def _flat(rows: Tensor, real: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
    """Classes joined to one list (B, S) in random order, real rows first, padding behind."""
    flat = real.flatten(1)
    keys = torch.rand(flat.shape, generator=generator) + 2.0 * ~flat
    order = keys.argsort(dim=1)[:, : int(flat.sum(1).max())]
    columns = torch.arange(real.shape[1])[None, :, None].expand(real.shape).flatten(1).gather(1, order)
    mask = flat.gather(1, order)
    return rows.flatten(1).gather(1, order) * mask, columns * mask, mask


def meta_dataset_sizes(available: Tensor, used: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Shots and queries by the rule of Meta-Dataset: imbalanced shots, at most 500 support examples, 100 a class.

    Source: Triantafillou et al., 2020, Meta-Dataset, section 3.2.
    """
    counts = available.double()
    smallest = torch.where(used, counts, torch.inf).amin(1)
    queries = (smallest / 2).floor().clamp(max=10)[:, None]
    free = (counts - queries).clamp(min=1)
    beta = 1 - torch.rand(len(counts), 1, generator=generator, dtype=torch.float64)
    total = (beta * free.clamp(max=100)).ceil().mul(used).sum(1, keepdim=True).clamp(max=500)
    share = torch.rand(counts.shape, generator=generator, dtype=torch.float64) * 1.3862943611 - 0.6931471806
    weight = share.exp() * counts * used
    weight = weight / weight.sum(1, keepdim=True)
    room = (total - used.sum(1, keepdim=True)).clamp(min=0)
    shots = torch.minimum((weight * room).floor() + 1, free).clamp(max=100)
    return (shots * used).long(), (queries * used).long()
