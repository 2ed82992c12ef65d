"""Tasks of a table whose targets are texts: the inflected forms of words, a task for each language."""

from quickstudy.functional.spelled import Spelled
from quickstudy.likelihood import Likelihood
from quickstudy.tasks.by_task import ByTask

__all__ = ["SpelledForms"]


class SpelledForms(ByTask):
    """As `ByTask` on a table of values that are code points (R, L), 0 behind a text's end; arguments as there.

    Evaluated by exact match.

    >>> import torch
    >>> from quickstudy.datasets.task_table import Table
    >>> from quickstudy.functional.spelling import codes_of
    >>> forms = codes_of(["cats", "dogs", "chats", "chiens"], 8).float()
    >>> table = Table(torch.randn(4, 3), forms, torch.tensor([0, 0, 1, 1]), ("english", "french"))
    >>> SpelledForms(table, shots=1).likelihood
    Spelled(missed=0.001)
    """

    @property
    def likelihood(self) -> Likelihood:
        return Spelled()
