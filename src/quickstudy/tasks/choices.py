"""Tasks of choosing: of several utterances the one that a speaker said next, after some utterances of that speaker."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.borders.arguments import span, spelled, whole
from quickstudy.datasets.exchanges import Exchanges
from quickstudy.errors import TaskError
from quickstudy.functional.one_of import OneOf
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import Plan, TaskSource, generator_of

__all__ = ["ChoicePlan", "Choices"]


@dataclass(frozen=True)
class ChoicePlan(Plan):
    """Planned choices: candidates of support (B, S, M) and query (B, Q, M) by row, which is the true one (B, S) and (B, Q), which
    are real, and the speakers (B,)."""

    support_rows: Tensor
    support_true: Tensor
    support_mask: Tensor
    query_rows: Tensor
    query_true: Tensor
    query_mask: Tensor
    owners: Tensor


class Choices(TaskSource[ChoicePlan]):
    """A task is a speaker; each row has what was said before, and M candidates, of which one is what the speaker said.

    The other candidates are utterances of other speakers in other dialogues, drawn anew. Queries are of one dialogue of the
    speaker, the support set is of others, so that no topic of a dialogue is on both sides. Inputs are
    ``{"asked": (S, D), "candidates": (S, M, D)}``, targets one-hot rows (S, M), evaluated by accuracy: recall at one of M.

    Args:
        exchanges: utterances as features.
        shots: K utterances that are known, or a range ``(low, high)`` from which each task draws.
        queries: most utterances that are predicted.
        candidates: M.

    Raises:
        TaskError: no speaker has enough utterances, or there are too few speakers.

    >>> data = Exchanges(torch.randn(24, 3), torch.randn(24, 3), torch.arange(24) % 2, torch.arange(24) // 4, ("ann", "bob"))
    >>> task = Choices(data, shots=2, queries=3, candidates=4).sample(5)
    >>> task.support.x["candidates"].shape, task.query.y.shape
    (torch.Size([5, 2, 4, 3]), torch.Size([5, 3, 4]))
    """

    likelihood = OneOf()

    def __init__(self, exchanges: Exchanges, shots: int | tuple[int, int] = 5, queries: int = 10, candidates: int = 10) -> None:
        whole(TaskError, queries=queries)
        whole(TaskError, least=2, candidates=candidates)
        self.exchanges, self.queries, self.candidates = exchanges, queries, candidates
        self.shots = span(TaskError, shots=shots)
        self.name = f"{exchanges.name} 1 of {candidates}, {spelled(self.shots)} utterances known, {queries} queries"
        owner, group = exchanges.owner.numpy(), exchanges.group.numpy()
        self._rows: list[NDArray[np.int64]] = [np.flatnonzero(owner == n) for n in range(len(exchanges.names))]
        self._groups = group
        self._owners = owner
        self.eligible = [n for n, rows in enumerate(self._rows) if self._enough(rows)]
        if not self.eligible:
            raise TaskError(
                f"no speaker of {exchanges.name} has {self.shots[1]} utterances beside those of any one dialogue. "
                "Lower shots, or give more dialogues of each."
            )
        largest = int(np.unique(group, return_counts=True)[1].max())
        others = len(owner) - max(len(self._rows[n]) for n in self.eligible) - largest
        if others < candidates - 1:
            raise TaskError(
                f"{exchanges.name} has {max(others, 0)} utterances of others in other dialogues, too few for {candidates} "
                "candidates. Lower candidates, or give more dialogues."
            )

    def plan(self, batch: int, generator: torch.Generator | None = None) -> ChoicePlan:
        chosen = torch.randint(len(self.eligible), (batch,), generator=generator).tolist()
        return self._planned([self.eligible[n] for n in chosen], generator)

    def each(self, seed: int = 0, draws: int = 1) -> ChoicePlan:
        """Every speaker with enough utterances, ``draws`` times over."""
        return self._planned(self.eligible * draws, generator_of(seed))

    def gather(self, plan: ChoicePlan) -> Task:
        found = []
        for rows, true, mask in (
            (plan.support_rows, plan.support_true, plan.support_mask),
            (plan.query_rows, plan.query_true, plan.query_mask),
        ):
            asked = self.exchanges.asked[rows.gather(2, true[..., None])[..., 0]]
            real = mask.to(asked.dtype)
            y = torch.nn.functional.one_hot(true, self.candidates).to(asked.dtype) * real[..., None]
            found.append(Examples({"asked": asked, "candidates": self.exchanges.said[rows]}, y, real))
        return Task(*found)

    def digest(self, plan: ChoicePlan) -> str:
        """Of the plan and of the features of its rows."""
        met = torch.unique(torch.cat([plan.support_rows.flatten(), plan.query_rows.flatten()]))
        held = hashlib.sha256(self.exchanges.said[met].numpy().tobytes() + self.exchanges.asked[met].numpy().tobytes())
        return hashlib.sha256(f"{super().digest(plan)}:{held.hexdigest()}".encode()).hexdigest()[:16]

    def _enough(self, rows: NDArray[np.int64]) -> bool:
        """Whether, whichever dialogue is predicted, enough utterances are left."""
        counts = np.unique(self._groups[rows], return_counts=True)[1]
        return len(counts) > 1 and len(rows) - int(counts.max()) >= self.shots[1]

    def _planned(self, owners: Sequence[int], generator: torch.Generator | None) -> ChoicePlan:
        high = self.shots[1]
        seeds = torch.randint(2**31, (len(owners),), generator=generator).tolist()
        drawn = [self._drawn(owner, np.random.default_rng(seed)) for owner, seed in zip(owners, seeds, strict=True)]
        sides = []
        for side, most in ((0, high), (1, self.queries)):
            rows = torch.zeros(len(owners), most, self.candidates, dtype=torch.long)
            true = torch.zeros(len(owners), most, dtype=torch.long)
            mask = torch.zeros(len(owners), most, dtype=torch.bool)
            for number, task in enumerate(drawn):
                found, where = task[side]
                rows[number, : len(found)], true[number, : len(found)] = torch.from_numpy(found), torch.from_numpy(where)
                mask[number, : len(found)] = True
            sides.append((rows, true, mask))
        return ChoicePlan(*sides[0], *sides[1], torch.tensor(owners))

    def _drawn(self, owner: int, rng: np.random.Generator) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Candidates and the place of the true one, of the support set and of the queries."""
        rows = self._rows[owner]
        groups = self._groups[rows]
        asked = rng.choice(np.unique(groups))
        shots = int(rng.integers(self.shots[0], self.shots[1] + 1))
        known = rng.permutation(rows[groups != asked])[:shots]
        later = rng.permutation(rows[groups == asked])[: self.queries]
        return [self._among(part, owner, rng) for part in (known, later)]

    def _among(
        self, rows: NDArray[np.int64], owner: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        found = np.zeros((len(rows), self.candidates), dtype=np.int64)
        true = rng.integers(self.candidates, size=len(rows))
        for number, row in enumerate(rows):
            others = np.zeros(0, dtype=np.int64)
            while len(others) < self.candidates - 1:
                more = rng.integers(len(self._owners), size=4 * self.candidates)
                fits = (self._owners[more] != owner) & (self._groups[more] != self._groups[row])
                others = np.unique(np.concatenate([others, more[fits]]))
            found[number] = np.insert(rng.permutation(others)[: self.candidates - 1], true[number], row)
        return found, true
