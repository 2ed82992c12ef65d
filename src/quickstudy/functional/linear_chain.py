"""Sequences of tags in a linear-chain conditional random field: their likelihood, and the marginals of each tag.

Source: Lafferty, McCallum & Pereira, 2001, Conditional random fields: probabilistic models for segmenting and labeling sequence
data.
"""

import torch
from torch import Tensor

__all__ = ["chain_marginals", "chain_nll"]


def chain_nll(scores: Tensor, tags: Tensor, mask: Tensor, start: Tensor, follows: Tensor) -> Tensor:
    """``log Σ_u exp s(u) − s(t)`` of each sequence, ``s(t) = start[t_1] + Σ_i scores[i, t_i] + Σ_i follows[t_i, t_{i+1}]``.

    Args:
        scores: of each tag at each place, (B, T, N).
        tags: (B, T), whole numbers.
        mask: real places (B, T), before padding; the first of each sequence is real.
        start: of each tag in the first place, (N,).
        follows: of each tag (column) after each other (row), (N, N).

    >>> flat = chain_nll(torch.zeros(1, 3, 2), torch.tensor([[0, 1, 1]]), torch.ones(1, 3), torch.zeros(2), torch.zeros(2, 2))
    >>> round(float(flat), 4)  # one of eight sequences: log 8
    2.0794
    """
    at = scores.gather(2, tags[..., None])[..., 0]
    steps = follows[tags[:, :-1], tags[:, 1:]]
    right = start[tags[:, 0]] + (at * mask).sum(1) + (steps * mask[:, 1:]).sum(1)
    total = start + scores[:, 0]
    for place in range(1, scores.shape[1]):
        further = (total[:, :, None] + follows).logsumexp(1) + scores[:, place]
        total = torch.where(mask[:, place, None] > 0, further, total)
    return total.logsumexp(1) - right


def chain_marginals(scores: Tensor, unit: Tensor, start: Tensor, follows: Tensor) -> Tensor:
    """``log p(t_i)`` of each word, (Q, N), given all words of its sentence; by the forward-backward algorithm.

    Sentences are laid one after another, so that any number of them has one shape.

    Args:
        scores: of each tag for each word, (Q, N).
        unit: the sentence of each word, (Q,): those of one side by side and in order.
        start: of each tag for the first word of a sentence, (N,).
        follows: of each tag (column) after each other (row), (N, N).

    >>> chain_marginals(torch.zeros(2, 2), torch.zeros(2), torch.tensor([0.0, 1.0]), torch.zeros(2, 2)).exp()
    tensor([[0.2689, 0.7311],
            [0.5000, 0.5000]])
    """
    same = (unit[1:] == unit[:-1]).unbind()
    ahead = [start]
    for row, goes_on in zip(scores[:-1].unbind(), same, strict=True):
        along = ((ahead[-1] + row)[:, None] + follows).logsumexp(0)
        ahead.append(torch.where(goes_on, along - along.logsumexp(0), start))
    back = [torch.zeros_like(start)]
    for row, goes_on in zip(scores[1:].flip(0).unbind(), reversed(same), strict=True):
        along = (follows + row + back[-1]).logsumexp(1)
        back.append(torch.where(goes_on, along - along.logsumexp(0), torch.zeros_like(start)))
    return (torch.stack(ahead) + scores + torch.stack(back[::-1])).log_softmax(1)
