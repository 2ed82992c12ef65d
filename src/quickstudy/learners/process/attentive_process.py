"""Attentive processes: each query looks at the examples that matter for it, and evidence of all of them adds up.

Source: Kim, Mnih, Schwarz, Garnelo, Eslami, Rosenbaum, Vinyals & Teh, 2019, Attentive neural processes (the deterministic path).
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import choice, whole
from quickstudy.errors import LearnerError
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Gaussian, Likelihood
from quickstudy.nn.norm import convert, counting
from quickstudy.task import Examples

__all__ = ["Attended", "AttentiveProcess", "Evidence"]

Evidence = Literal["sum", "mean"]

_SUM, _COUNT = 4.0, 8.0
_VALUES = Gaussian()


class Attended(NamedTuple):
    """What is remembered of each example: its key (S, H, W/H), its value (S, H, W/H), whether it is real (S,)."""

    keys: Tensor
    values: Tensor
    mask: Tensor


class AttentiveProcess(Learner[Attended]):
    """Answers about a query from the examples like it, and from the sum of all; of a support set of any size, none included.

        ``k_s = h_k([x_s, y_s])``,    ``v_s = h_v([x_s, y_s])``,    ``a = softmax over s and one blank of q(x) · k_s / √d``

        ``output = g([x, Σ_s a_s v_s, Σ_s v_s / 4, S / 8])``

    The blank, of key and value 0, lets a query look at nothing; the sum, where the paper has a mean, lets evidence grow with its
    amount. With ``evidence="mean"`` there is the paper's mean, and 1 (0 without examples) in place of S / 8: for hundreds of
    examples, or other numbers of them than in meta-training. Adapting is one pass of two small networks over the examples. There
    is no latent path.

    Args:
        key: h_k, from an input and its targets, side by side, to W numbers.
        value: h_v, the same.
        ask: q, from an input to W numbers.
        after: g, from an input and 2 W + 1 numbers to the outputs.
        heads: of the attention; W is a multiple of it.
        evidence: whether that of all examples is a sum or a mean.
        likelihood: of the outputs.

    Raises:
        LearnerError: a number of heads below 1, or one that does not divide W; evidence of another kind.

    Shapes:
        support x (S, …), y (S, P) -> outputs (Q, …)

    >>> from quickstudy.nn.mlp import MLP
    >>> learner = AttentiveProcess(MLP(2, outputs=8), MLP(2, outputs=8), MLP(1, outputs=8), MLP(18, outputs=1))
    >>> predictor = learner(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0.5, 2.5])))
    >>> predictor(torch.tensor([[0.5]])).shape
    torch.Size([1, 1])
    """

    facts = Facts(norm="support")

    def __init__(
        self,
        key: nn.Module,
        value: nn.Module,
        ask: nn.Module,
        after: nn.Module,
        *,
        heads: int = 4,
        evidence: Evidence = "sum",
        likelihood: Likelihood = _VALUES,
    ) -> None:
        super().__init__()
        whole(LearnerError, heads=heads)
        choice(LearnerError, Evidence, evidence=evidence)
        self.evidence = evidence
        self.key, self.value = convert(key), convert(value)
        self.ask, self.after, self.heads, self.likelihood = ask, after, heads, likelihood

    def adapt(self, support: Examples) -> Attended:
        pairs = torch.cat([support.x.flatten(1), support.y], 1)
        with counting(support.mask):
            keys, values = self.key(pairs), self.value(pairs)
        return Attended(self._by_head(keys), self._by_head(values), support.mask)

    def predict(self, state: Attended, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        asked = self._by_head(self.ask(flat))
        logits = torch.einsum("qhd,shd->qhs", asked, state.keys) / math.sqrt(asked.shape[-1])
        logits = torch.cat([logits.masked_fill(state.mask == 0, -1e4), torch.zeros_like(asked[..., :1])], -1)
        mixed = torch.einsum("qhs,shd->qhd", logits.softmax(-1)[..., :-1], state.values).flatten(1)
        total, count = (state.values * state.mask[:, None, None]).sum(0).flatten(), state.mask.sum()[None]
        if self.evidence == "mean":
            total, count = total / count.clamp(min=1), count.clamp(max=1)
        else:
            total, count = total / _SUM, count / _COUNT
        whole_set = torch.cat([total, count]).expand(flat.shape[0], -1)
        outputs: Tensor = self.after(torch.cat([flat, mixed, whole_set], 1))
        return outputs

    def _by_head(self, rows: Tensor) -> Tensor:
        """Rows (R, W) as (R, H, W / H).

        Raises:
            LearnerError: W is no multiple of the heads.
        """
        if rows.shape[1] % self.heads:
            raise LearnerError(f"{rows.shape[1]} numbers cannot be parted among heads={self.heads}. Give a divisor of them.")
        return rows.reshape(rows.shape[0], self.heads, rows.shape[1] // self.heads)
