"""Tasks of finding the translation of a sentence among others, one for each language."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from quickstudy.borders.arguments import whole
from quickstudy.datasets.task_table import Table
from quickstudy.errors import TaskError
from quickstudy.functional.spelled import Spelled
from quickstudy.likelihood import Likelihood
from quickstudy.task import Examples, Inputs, Task
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.row_plan import TaskPlan

__all__ = ["Retrievals"]


class Retrievals(ByTask):
    """A task is a language: some pairs are known, and the translations of other sentences are found among M.

    The candidates of each query are the translations of M other rows of the language, its own among them. Inputs are
    ``{"source": (S, L), "candidates": (S, M, L)}`` as code points, those of the support set without candidates; targets are the
    code points of the translation (S, L), evaluated by exact match: recall@1 of M.

    Args:
        table: of sentences ``{"source": (R, L)}`` and translations (R, L), see `datasets.translations`.
        shots: K pairs that are known.
        queries: sentences whose translation is found.
        candidates: M.
        known: False for tasks without a pair: for what a learner knows of all languages.

    Raises:
        TaskError: a language with fewer than K + M rows, more queries than candidates.

    >>> from quickstudy.functional.spelling import codes_of
    >>> source, translation = codes_of(["ja", "nein", "gut", "oui", "non", "bon"], 4), codes_of(["yes", "no", "good"] * 2, 4)
    >>> table = Table({"source": source}, translation.float(), torch.tensor([0, 0, 0, 1, 1, 1]), ("german", "french"))
    >>> task = Retrievals(table, shots=1, queries=1, candidates=2).sample(3)
    >>> task.query.x["candidates"].shape, task.query.y.shape, len(task.support)
    (torch.Size([3, 1, 2, 4]), torch.Size([3, 1, 4]), 3)
    """

    def __init__(self, table: Table, shots: int = 10, queries: int = 50, candidates: int = 100, *, known: bool = True) -> None:
        whole(TaskError, least=2, candidates=candidates)
        whole(TaskError, queries=queries)
        if queries > candidates:
            raise TaskError(
                f"queries={queries} must not exceed candidates={candidates}: each query's translation is one of them."
            )
        self.known, self.asked = known, queries
        super().__init__(table, shots, candidates)
        self.name = f"{table.name} by language, {shots if known else 0} pairs, {queries} queries, 1 of {candidates}"

    @property
    def likelihood(self) -> Likelihood:
        return Spelled()

    def gather(self, plan: TaskPlan) -> Task:
        return self.arrange(plan, self.data.gather)

    def arrange(self, plan: TaskPlan, gather: Callable[[Tensor], Inputs]) -> Task:
        task = super().arrange(plan, gather)
        support, query = task.support, task.query
        length = query.y.shape[-1]
        listed = query.y.long()  # (B, M, L)
        mask = support.mask if self.known else torch.zeros_like(support.mask)
        none = torch.zeros(1, dtype=torch.long).expand(*mask.shape, listed.shape[1], length)
        x: dict[str, Any] = {"source": support.x["source"], "candidates": none}
        few = query[:, : self.asked] if query.mask.ndim == 2 else query
        asked = {"source": few.x["source"], "candidates": listed[:, None].expand(-1, self.asked, -1, -1)}
        return Task(Examples(x, support.y * mask[..., None], mask), Examples(asked, few.y, few.mask))
