"""Few-shot classification tasks drawn from an index of classes: N ways, K shots, fixed or varying."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from quickstudy.borders.arguments import span, spelled
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.row_hashes import content_of, equal_rows
from quickstudy.errors import Argument, TaskError
from quickstudy.inputs.kind import InputKind
from quickstudy.likelihood import Categorical
from quickstudy.task import Task
from quickstudy.tasks.layout import PIECE, chosen, first, flat, unequal
from quickstudy.tasks.row_plan import RowPlan, task_of
from quickstudy.tasks.row_source import RowSource
from quickstudy.tasks.samplers import ClassSampler, in_random_order
from quickstudy.tasks.sizes import Sizes

__all__ = ["FewShot"]


class FewShot(RowSource[RowPlan]):
    """N-way K-shot tasks: N classes, K support and some query examples of each, columns of classes drawn anew per task.

    Where the index has groups (font styles, patients), support and query of a task never share one. With its
    ``equal_together=True`` no query is equal to a support row of its class.

    Args:
        index: the classes to draw from.
        ways: N, or a range ``(low, high)`` from which each task draws.
        shots: K, or a range.
        queries: query examples of each class.
        balanced: with a range of shots: one K for a whole task; False draws one for each class (class imbalance).
        sizes: a rule that decides shots and queries itself, `meta_dataset_sizes` for example.
        classes: which classes a task is made of, `Balanced` or `Hard` for example; None draws them uniformly.

    Raises:
        TaskError: fewer classes than ways, a class too small for shots + queries, or a sampler of another index's classes.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> index = from_arrays(torch.randn(60, 4), torch.arange(60) % 6)
    >>> task = FewShot(index, ways=5, shots=1, queries=3).sample(2)
    >>> task.support.x.shape, task.query.y.shape
    (torch.Size([2, 5, 4]), torch.Size([2, 15, 5]))
    """

    likelihood = Categorical()

    def __init__(
        self,
        index: ClassIndex,
        ways: int | tuple[int, int] = 5,
        shots: int | tuple[int, int] = 1,
        queries: int = 15,
        *,
        balanced: bool = True,
        sizes: Sizes | None = None,
        classes: ClassSampler | None = None,
    ) -> None:
        self.index, self.queries, self.balanced, self.sizes, self.classes = index, queries, balanced, sizes, classes
        self.ways, self.shots = span(TaskError, ways=ways), span(TaskError, shots=shots)
        self.name = f"{index.name} {spelled(self.ways)}-way {spelled(self.shots)}-shot {queries} queries"
        if sizes is not None:
            self.name = f"{index.name} {spelled(self.ways)}-way, shots and queries by {getattr(sizes, '__name__', 'a rule')}"
        elif not balanced:
            self.name += ", imbalanced"
        if classes is not None:
            self.name += f", {classes.name} classes"
        order = torch.argsort(index.labels, stable=True)
        self._counts = index.counts
        starts = self._counts.cumsum(0) - self._counts
        width = torch.arange(int(self._counts.max()))
        self._real = width < self._counts[:, None]
        self._rows = order[(starts[:, None] + width).clamp(max=len(order) - 1)]
        self._equal = equal_rows(index)[self._rows].masked_fill(~self._real, -2) if index.equal_together else None
        self.name += ", equal rows together" if index.equal_together else ""
        self._check()

    @property
    def reads(self) -> InputKind | None:
        return self.index.reads

    def resized(
        self, *, ways: int | tuple[int, int] | None = None, shots: int | tuple[int, int] | None = None, queries: int | None = None
    ) -> "FewShot":
        """Tasks of the same classes in other sizes; what is None stays, a rule for sizes too (it sets shots and queries).

        >>> from quickstudy.datasets.arrays import from_arrays
        >>> FewShot(from_arrays(torch.randn(60, 4), torch.arange(60) % 6), queries=5).resized(shots=3).name
        'data 5-way 3-shot 5 queries'
        """
        if self.sizes is not None and (shots is not None or queries is not None):
            raise TaskError(
                f"{self.name}: a rule sets shots and queries, so shots={shots} and queries={queries} cannot. Leave them out, or "
                "make tasks without the rule: FewShot(index, ways, shots, queries)."
            )
        given = (self.ways if ways is None else ways, self.shots if shots is None else shots)
        queries = self.queries if queries is None else queries
        return FewShot(self.index, *given, queries, balanced=self.balanced, sizes=self.sizes, classes=self.classes)

    def _check(self) -> None:
        name, have = self.index.name, len(self.index.classes)
        if self.ways[0] < 2:
            raise TaskError(f"ways={spelled(self.ways)}: in a task of one class there is nothing to distinguish. Give 2 or more.")
        if self.queries < 1:
            raise TaskError(f"queries={self.queries}: a task needs at least one query example of each class.")
        if self.ways[1] > have:
            ways = Argument("ways", self.ways[1])
            raise TaskError(ways, f" needs {self.ways[1]} classes, but {name} has {have}. Lower it or choose another split.")
        if self.classes is not None and self.classes.count != have:
            raise TaskError(f"the sampler is for {self.classes.count} classes, but {name} has {have}. Build it with this index.")
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
        pieces = [slice(start, start + PIECE) for start in range(0, max(batch, 1), PIECE)]

        def may(piece: slice) -> tuple[Tensor, Tensor]:
            return self._open(classes[piece], used[piece], None if sides is None else sides[piece])

        if sides is None:
            support_count = query_count = self._counts[classes] * used
        else:
            counts = [[side.sum(-1) for side in may(p)] for p in pieces]
            support_count, query_count = (torch.cat(side) for side in zip(*counts, strict=True))
        shots, queries = self._sizes(self._available(support_count, query_count), used, generator)
        if self.sizes is not None:
            shots = torch.minimum(shots, support_count)
            self._refuse(classes, used, shots, queries, support_count, query_count)
        drawn = [
            self._drawn(classes[p], may(p), (shots[p], queries[p]), (int(shots.max()), int(queries.max())), generator)
            for p in pieces
        ]
        support, query = ([torch.cat(part) for part in zip(*side, strict=True)] for side in zip(*drawn, strict=True))
        lists = [flat(rows, real, generator) for rows, real in (support, query)]
        return RowPlan(*lists[0], *lists[1], torch.where(used, classes, -1))

    def _open(self, classes: Tensor, used: Tensor, sides: Tensor | None) -> tuple[Tensor, Tensor]:
        """Which of each class's rows (B, N, M) the support and the query set may take."""
        real = self._real[classes] & used[..., None]
        if sides is None or self.index.groups is None:
            return real, real
        groups = self.index.groups[self._rows[classes]]
        side = torch.gather(sides[:, None].expand(-1, classes.shape[1], -1), 2, groups)
        return real & side, real & ~side

    def _drawn(
        self,
        classes: Tensor,
        may: tuple[Tensor, Tensor],
        sizes: tuple[Tensor, Tensor],
        most: tuple[int, int],
        generator: torch.Generator | None,
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Rows of the support and the query set by class, (B, N, most), and which are real."""
        keys, whole = torch.rand(may[0].shape, generator=generator), self.index.groups is None
        order = first(keys, may[0], sum(most) if whole else most[0])
        others = order if whole else first(keys, may[1], most[1])
        none = torch.zeros_like(sizes[0])
        support, support_real = chosen(order, none, sizes[0], most[0])
        if self._equal is None:
            query, query_real = chosen(others, sizes[0] if whole else none, sizes[1], most[1])
        else:
            free = self._unequal(classes, may[1], (support, support_real), sizes[1])
            query, query_real = chosen(first(keys, free, most[1]), none, sizes[1], most[1])
        rows = [self._rows[classes[..., None], places] for places in (support, query)]
        return (rows[0], support_real), (rows[1], query_real)

    def _unequal(self, classes: Tensor, may: Tensor, support: tuple[Tensor, Tensor], queries: Tensor) -> Tensor:
        assert self._equal is not None
        free = unequal(self._equal[classes], may, *support)
        short = (free.sum(-1) < queries).nonzero()
        if len(short):
            task, column = short[0].tolist()
            label, have = self.index.classes[int(classes[task, column])], int(free[task, column].sum())
            raise TaskError(
                f'class "{label}" of {self.index.name} has {have} examples that are equal to none of its support set, but '
                f"{int(queries[task, column])} queries are needed. Lower shots or queries, or leave the class out (index.select)."
            )
        return free

    def _refuse(self, classes: Tensor, used: Tensor, shots: Tensor, queries: Tensor, support: Tensor, query: Tensor) -> None:
        """A rule for sizes may require more rows than there are."""
        together = shots + queries > support if self.index.groups is None else queries > query
        wrong = (together | (shots < 1) | (queries < 1)) & used
        if wrong.any():
            task, column = wrong.nonzero()[0].tolist()
            raise TaskError(
                f"the rule for sizes requires {int(shots[task, column])} shots and {int(queries[task, column])} queries of class "
                f'"{self.index.classes[int(classes[task, column])]}" of {self.index.name}, which has '
                f"{int(self._counts[classes[task, column]])} examples. Both must be 1 or more, and fit together."
            )

    def _available(self, support: Tensor, query: Tensor) -> Tensor:
        return support if self.index.groups is None else 2 * torch.minimum(support, query)

    def _sides(self, batch: int, generator: torch.Generator | None) -> Tensor | None:
        """Which groups (B, G) serve the support set of each task; None without groups."""
        if self.index.groups is None:
            return None
        return torch.rand(batch, int(self.index.groups.max()) + 1, generator=generator) < 0.5

    def _classes(self, ways: Tensor, sides: Tensor | None, generator: torch.Generator | None) -> Tensor:
        """Distinct classes (B, N) in random order, each with enough rows on both sides."""
        count, most = len(self.index.classes), int(ways.max())
        if sides is None and self.classes is not None:
            return self._sampled(self.classes, ways, torch.ones(len(ways), count, dtype=torch.bool), generator)
        if sides is None:
            pieces = torch.split(ways, PIECE)
            return torch.cat([torch.rand(len(p), count, generator=generator).topk(most, 1).indices for p in pieces])
        scores = torch.rand(len(ways), count, generator=generator) if self.classes is None else torch.empty(0)
        need = (1, 1) if self.sizes else (self.shots[1], self.queries)
        for _ in range(50):
            enough = self._enough(sides, need)
            short = enough.sum(1) < ways
            if not short.any() and self.classes is not None:
                return self._sampled(self.classes, ways, enough, generator)
            if not short.any():
                return scores.masked_fill(~enough, -1).topk(most, dim=1).indices
            sides[short] = torch.rand(sides[short].shape, generator=generator) < 0.5
        raise TaskError(
            f"{self.index.name}: no division of its groups leaves {most} classes with {need[0]} support and "
            f"{need[1]} query examples. Lower ways, shots or queries."
        )

    def _sampled(self, sampler: ClassSampler, ways: Tensor, possible: Tensor, generator: torch.Generator | None) -> Tensor:
        return in_random_order(sampler.draw(ways, possible, generator), ways, generator)

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

    def observe(self, plan: RowPlan, losses: Tensor) -> None:
        if self.classes is not None:
            self.classes.observe(plan.classes, losses)

    def state_dict(self) -> dict[str, Any]:
        return {} if self.classes is None else self.classes.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self.classes is not None:
            self.classes.load_state_dict(state)

    def named_columns(self, plan: RowPlan) -> tuple[Tensor, Sequence[str]]:
        return plan.classes, self.index.classes

    @property
    def data(self) -> ClassIndex:
        return self.index

    def digest(self, plan: RowPlan) -> str:
        """Of the plan, the classes' names and the content of every row in it: other data have another digest."""
        content = content_of(self.index, plan.support_rows, plan.query_rows)
        return hashlib.sha256("\n".join([super().digest(plan), content, *self.index.classes]).encode()).hexdigest()[:16]

    def arrange(self, plan: RowPlan, gather: Callable[[Tensor], Tensor]) -> Task:
        return task_of(plan, gather)
