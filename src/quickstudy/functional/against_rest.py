"""Labels by distances: rows that have a label against rows that have not."""

import torch
from torch import Tensor

__all__ = ["against_rest", "with_rest"]


def with_rest(y_SN: Tensor) -> Tensor:
    """Columns of rows that have each label, then those of rows that have it not: (S, N) -> (S, 2N).

    >>> with_rest(torch.tensor([[1.0, 0.0]]))
    tensor([[1., 0., 0., 1.]])
    """
    return torch.cat([y_SN, 1 - y_SN], 1)


def against_rest(logits: Tensor, counts: Tensor) -> Tensor:
    """The log-odds of each label (Q, N): its logit (minus the distance to its rows, say) less that of the other rows.

        ``f_n = l_n − l_rest(n)``

    A label that all S rows have has no rest to be compared with: then the log-odds are those of the rule of succession,
    ``log((S + 1) / 1)``. One that no row has is for the likelihood to leave out.

    Args:
        logits: of columns as `with_rest` makes them, (Q, 2N).
        counts: how many rows each of these has, (2N,).

    >>> against_rest(torch.tensor([[-1.0, -3.0, -2.0, -9.0]]), torch.tensor([2.0, 4.0, 2.0, 0.0]))
    tensor([[1.0000, 1.6094]])
    """
    of, rest = logits.chunk(2, -1)
    have, lack = counts.chunk(2, -1)
    return torch.where(lack > 0, of - rest, torch.log1p(have).to(logits.dtype).expand_as(of))
