"""Which of several utterances a speaker said next: a scorer of anybody's replies, and what this speaker said before.

Source: Henderson et al., 2017, Efficient natural language response suggestion (dot products of a context and a reply); Vinyals et
al., 2016, Matching networks for one shot learning (nearness to what is known of a task).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import number, whole
from quickstudy.errors import LearnerError
from quickstudy.functional.one_of import OneOf
from quickstudy.learner import Facts, Learner, Samples
from quickstudy.task import Examples, Inputs, Task

__all__ = ["PersonalRanker", "Profile"]

_SEEN = 64
_FASTER = 10.0
"""Scale of the w, which one step size for all would change too slowly."""


class Profile(NamedTuple):
    """What a speaker said, in features (S, D), and which of it is real (S,)."""

    said: Tensor
    mask: Tensor


class PersonalRanker(Learner[Profile]):
    """Chooses among M candidates by a score of anybody's replies, to which nearness to the speaker's own utterances adds.

        ``score(c | a, S) = f(a, c) + n / (n + e^ρ) · Σ_j w_j φ_j(c, S)``

        ``f(a, c) = α cos(a, c) + β cos(A a, B c)``

    a is what was said before, n = |S|. The φ are the mean and the soft maximum of ``cos(c, u)`` over what the speaker said, u,
    with candidates and utterances centred by the mean utterance of meta-training. The w begin at 0, and the loss has two terms:
    that of f alone, with dropout, and that of the sum with f held fixed. So f is the scorer that would be trained without
    speakers, it is the answer where nothing is known of one, and the rest is what the speaker adds to it.

    Args:
        features: D.
        width: numbers to which A and B map.
        dropout: share of the features that the maps leave out while training.
        sharp: how near to the largest the soft maximum is, at the start.
        personal: whether what the speaker said counts at all.

    Raises:
        LearnerError: sizes below 1, a share of dropout outside of 0 to 1.

    Shapes:
        support x {"asked": (S, D), "candidates": (S, M, D)}, y (S, M) one-hot, the true one -> logits (Q, M)

    >>> learner = PersonalRanker(features=3, width=2)
    >>> x = {"asked": torch.randn(4, 3), "candidates": torch.randn(4, 5, 3)}
    >>> learner(Examples(x, torch.eye(5)[:4], torch.ones(4)))(x).shape
    torch.Size([4, 5])
    """

    facts = Facts(norm="none", label_order=True, gradient="surrogate")
    likelihood = OneOf()

    def __init__(
        self, features: int, *, width: int = 96, dropout: float = 0.2, sharp: float = 5.0, personal: bool = True
    ) -> None:
        super().__init__()
        whole(LearnerError, features=features, width=width)
        number(LearnerError, dropout=dropout, most=1)
        number(LearnerError, sharp=sharp, above=True)
        self.asked, self.answer = (nn.Linear(features, width, bias=False) for _ in range(2))
        self.dropped = nn.Dropout(dropout)
        self.pooled_scale = nn.Parameter(torch.tensor([3.0, 5.0]))
        self.personal_scale = nn.Parameter(torch.zeros(2))
        self.sharp = nn.Parameter(torch.tensor(sharp))
        self.shrink = nn.Parameter(torch.tensor(1.0))
        self.middle: Tensor
        self.register_buffer("middle", torch.zeros(features))
        self.personal = personal

    def prepare(self, source: Samples, generator: torch.Generator) -> None:
        """The mean candidate of some meta-training tasks."""
        tasks = source.sample(_SEEN, generator)
        self.middle.copy_(tasks.query.x["candidates"][tasks.query.mask > 0].flatten(0, -2).mean(0))

    def adapt(self, support: Examples) -> Profile:
        return Profile((support.x["candidates"] * support.y[..., None]).sum(1), support.mask)

    def predict(self, state: Profile, x: Inputs) -> Tensor:
        found = self.pooled(x)
        return found + self.own(state, x) if self.personal else found

    def objective(self, task: Task) -> Tensor:
        query = task.query
        dropped = {name: self.dropped(part) for name, part in query.x.items()}
        loss = self.likelihood.nll(self.pooled(dropped), query.y, query.mask)
        if not self.personal:
            return loss
        both = self.pooled(query.x).detach() + self.own(self.adapt(task.support), query.x)
        return loss + self.likelihood.nll(both, query.y, query.mask)

    def pooled(self, x: Inputs) -> Tensor:
        """f: how well each candidate answers what was said before, whoever speaks, (Q, M)."""
        plain = _unit(x["candidates"]) @ _unit(x["asked"])[..., None]
        mapped = _unit(self.answer(x["candidates"])) @ _unit(self.asked(x["asked"]))[..., None]
        return (self.pooled_scale[0] * plain + self.pooled_scale[1] * mapped)[..., 0]

    def own(self, state: Profile, x: Inputs) -> Tensor:
        """How near each candidate is to what the speaker said, (Q, M); 0 where nothing is known."""
        near = torch.einsum("qmd,sd->qms", _unit(x["candidates"] - self.middle), _unit(state.said - self.middle))
        count = state.mask.sum()
        mean = (near * state.mask).sum(-1) / count.clamp(min=1)
        soft = torch.where(state.mask > 0, self.sharp * near, -1e4).logsumexp(-1)
        parts = torch.stack([mean, (soft - count.clamp(min=1).log()) / self.sharp], -1)
        return count / (count + self.shrink.exp()) * (parts @ (_FASTER * self.personal_scale))


def _unit(x: Tensor) -> Tensor:
    return nn.functional.normalize(x, dim=-1)
