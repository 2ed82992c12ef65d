"""A small network that attends from each step of the future to the steps of the past.

Source: attention over a context as in Kim et al., 2019, Attentive neural processes; positions and seasons of a regular series.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import whole
from quickstudy.errors import LearnerError
from quickstudy.functional.seasons import Past, in_order, seasons_of
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import MeanAndDeviation
from quickstudy.task import Examples, Inputs

__all__ = ["Attended", "AttentionForecaster"]

_YEARS = 5


class Attended(NamedTuple):
    """A past as it is attended to: keys and values (S, D) of its rows, the rows, a summary (C,), the last step, a scalar."""

    key: Tensor
    value: Tensor
    past: Past
    summary: Tensor
    last: Tensor


class AttentionForecaster(Learner[Attended]):
    """Each future step attends to past ones by what they hold and by how long ago they were, and corrects what it sees.

        ``m_q = Σ_s a_qs y_s + d · f(…)``,    ``a_qs = softmax_s(q_q · k_s / √D + r[t_q − t_s])``

    r is learned for each distance in time and each head, and starts at "the same season, and rather lately"; d is the deviation
    of the past. So before meta-training the network is a kind of seasonal naive forecast.

    Values should be near 0, see `OwnScale`. Outputs are means and deviations of steps after the last one, (Q, 2).

    Args:
        encoder: from inputs to step numbers (R, 1), whole numbers as of `nn.Calendar`.
        period: M, steps in a year.
        width: D, of keys and of hidden layers.
        heads: number of attentions.
        dropout: within the last layers, in meta-training.

    Raises:
        LearnerError: a period, a width or heads that do not fit.

    Shapes:
        support x (S, …), y (S, 1) -> outputs (Q, 2)

    >>> learner = AttentionForecaster(nn.Identity(), 4)
    >>> steps = torch.arange(12.0)[:, None]
    >>> learner(Examples.of(steps, steps / 12 + 0.01, kind="values"))(torch.tensor([[12.0], [13.0]])).shape
    torch.Size([2, 2])
    """

    facts = Facts(norm="none")
    likelihood = MeanAndDeviation()

    def __init__(self, encoder: nn.Module, period: int, *, width: int = 48, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        whole(LearnerError, period=period, width=width, heads=heads)
        if width % heads:
            raise LearnerError(f"width={width} must be a multiple of heads={heads}.")
        self.encoder, self.period, self.heads = encoder, period, heads
        self.rows = nn.Sequential(nn.Linear(7, width), nn.GELU(), nn.Linear(width, width))
        self.ahead = nn.Sequential(nn.Linear(period + 2, width), nn.GELU(), nn.Linear(width, width))
        self.key, self.value, self.query = (nn.Linear(width, width) for _ in range(3))
        self.overall = nn.Sequential(nn.Linear(width + period + 4, width), nn.GELU(), nn.Linear(width, width))
        self.head = nn.Sequential(nn.Linear(3 * width + heads + 2, 2 * width), nn.GELU(), nn.Dropout(dropout))
        self.out = nn.Linear(2 * width, 2)
        self.distance = nn.Parameter(_start(period, heads))
        with torch.no_grad():
            self.out.weight.zero_()
            self.out.bias.copy_(torch.tensor([0.0, -1.0]))

    def encode(self, x: Inputs) -> Tensor:
        steps: Tensor = self.encoder(x)
        return steps

    def adapt(self, support: Examples) -> Attended:
        past, last = in_order(support.x[:, 0], support.y[:, 0], support.mask, self.period)
        years = past.step / self.period
        count = past.mask.sum().clamp(min=1)
        late = past.mask * (past.step > -self.period)
        early = past.mask * (past.step <= -self.period) * (past.step > -2 * self.period)
        level = (past.y * late).sum() / late.sum().clamp(min=1)
        before = torch.where(early.sum() > 0, (past.y * early).sum() / early.sum().clamp(min=1), level)
        mean = (past.y * past.mask).sum() / count
        spread = ((past.y - mean).square() * past.mask).sum().div(count).add(1e-4).sqrt()
        around = (past.y - level) * past.mask
        turn = 2 * math.pi * years
        rows = [past.y, around, around / spread, years, late, turn.sin(), turn.cos()]
        hidden = self.rows(torch.stack(rows, 1)) * past.mask[:, None]
        recent = (around[:, None] * seasons_of(past.step, self.period) * late[:, None]).sum(0)
        facts = torch.stack([level, level - before, spread.log(), count.log()])
        summary = self.overall(torch.cat([hidden.sum(0) / count, recent, facts]))
        summary = torch.cat([summary, torch.stack([level, spread])])
        return Attended(self.key(hidden), self.value(hidden), past, summary, last)

    def predict(self, state: Attended, x: Tensor) -> Tensor:
        ahead = (x[:, :1] - state.last).clamp(min=0)
        years = ahead / self.period
        asked = self.ahead(torch.cat([seasons_of(x[:, 0], self.period), years, years.square()], 1))
        q, k, v = (each.unflatten(-1, (self.heads, -1)) for each in (self.query(asked), state.key, state.value))
        far = (ahead - state.past.step).round().long().clamp(0, self.distance.shape[1] - 1)
        scores = torch.einsum("qhd,shd->hqs", q, k) / q.shape[-1] ** 0.5 + self.distance[:, far]
        weights = (scores + (state.past.mask - 1) * 1e9).softmax(-1)
        seen = torch.einsum("hqs,s->qh", weights, state.past.y)
        found = torch.einsum("hqs,shd->qhd", weights, v).flatten(1)
        *_, level, spread = state.summary
        overall = state.summary[:-2].expand(x.shape[0], -1)
        facts = torch.stack([level, spread.log()]).expand(x.shape[0], -1)
        moved, wider = self.out(self.head(torch.cat([asked, found, overall, (seen - level) / spread, facts], 1))).unbind(1)
        return torch.stack([seen[:, 0] + moved * spread, spread * nn.functional.softplus(wider) + 3e-3], 1)


def _start(period: int, heads: int) -> Tensor:
    """Attention by distance: even heads see the same season, odd ones the last steps."""
    far = torch.arange(_YEARS * period + 1.0)
    same = torch.where(far % period == 0, 2.0, 0.0)
    return torch.stack([same - 0.05 * (head + 1) / period * far if head % 2 == 0 else -0.3 * far for head in range(heads)])
