"""Tasks of a table whose targets are answers, 1 for yes and 0 for no."""

from quickstudy.functional.binary import Binary
from quickstudy.likelihood import Likelihood
from quickstudy.tasks.by_task import ByTask

__all__ = ["YesOrNo"]


class YesOrNo(ByTask):
    """As `ByTask` on a table of values, each of them 1 or 0; arguments as there. Evaluated by accuracy.

    >>> import torch
    >>> from quickstudy.datasets.task_table import Table
    >>> table = Table(torch.randn(12, 3), torch.ones(12, 1), torch.arange(12) % 2, ("ann", "bob"))
    >>> YesOrNo(table, shots=2).likelihood
    Binary()
    """

    @property
    def likelihood(self) -> Likelihood:
        return Binary()
