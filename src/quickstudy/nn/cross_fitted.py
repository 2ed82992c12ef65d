"""Networks of rows alone, cross-fitted: what one says of a meta-training row was learned without that row's fold.

Source: Wolpert, 1992, Stacked generalization.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.overlap import soft_iou
from quickstudy.storage.blueprint import Recorded

__all__ = ["CrossFitted"]

_SEEN = 16
"""Draws from which the scales of features are taken."""

_LEAST = 1e-4


class CrossFitted(Recorded, nn.Module):
    """K small networks, each fitted without one of K folds; of a new row their mean, of a row of a fold the one without it.

    What is fitted to few classes knows them too well: a learner that is trained on top of it trusts it more than new classes
    deserve. Here each row of meta-training meets a network that has not seen its class, as each row of a new class will.

    Features are standardised first. A row has D of them; where one number more follows, it is the row's fold, below 0 for
    none.

    Args:
        features: D.
        hidden: units of each network.
        folds: K.
        dropout: of features and units, while they are fitted.

    Raises:
        LearnerError: fewer than two folds, no units, or a share outside of [0, 1).

    Shapes:
        (rows, D) or (rows, D + 1) -> (rows, 1)

    >>> layer = CrossFitted(4, folds=2).eval()
    >>> x = torch.randn(3, 4)
    >>> layer(x).shape, torch.equal(layer(torch.cat([x, -torch.ones(3, 1)], 1)), layer(x))
    (torch.Size([3, 1]), True)
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int, hidden: int = 64, *, folds: int = 3, dropout: float = 0.5) -> None:
        super().__init__()
        if folds < 2 or hidden < 1 or not 0 <= dropout < 1:
            raise LearnerError(f"folds={folds} must be 2 or more, hidden={hidden} 1 or more, and dropout={dropout} in [0, 1).")
        self.features, self.dropout = features, nn.Dropout(dropout)
        self.wide = nn.ModuleList(nn.Linear(features, hidden) for _ in range(folds))
        self.narrow = nn.ModuleList(nn.Linear(hidden, 1) for _ in range(folds))
        self.requires_grad_(False)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        each = self.each(x[:, : self.features])
        mean = each.mean(1, keepdim=True)
        if x.shape[1] == self.features:
            return mean
        fold = x[:, self.features, None].long()
        return torch.where(fold >= 0, each.gather(1, fold.clamp(min=0)), mean)

    def each(self, x: Tensor) -> Tensor:
        """What each network says, (rows, K)."""
        x = self.dropout((x - self.mean.to(x.dtype)) / self.deviation.to(x.dtype))
        return torch.cat([narrow(self.dropout(wide(x).relu())) for wide, narrow in zip(self.wide, self.narrow, strict=True)], 1)

    def fit(self, draw: Callable[[], tuple[Tensor, Tensor, Tensor]], steps: int, *, lr: float = 2e-3) -> None:
        """Fits each network to rows of other folds: cross-entropy and overlap of each group of rows, half each; AdamW.

        Args:
            draw: gives rows of some groups (G, R, D + 1), whether each is of the kind (G, R), and which rows are real.
            steps: of the optimizer.
            lr: step size at its peak.
        """
        training = self.training
        self.train().requires_grad_(True)
        optimizer = torch.optim.AdamW(self.parameters(), lr, weight_decay=0.1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=max(2, steps))
        seen = torch.cat([x[mask > 0] for x, _, mask in (draw() for _ in range(_SEEN))])[:, : self.features]
        self.mean.copy_(seen.mean(0))
        self.deviation.copy_(seen.std(0).clamp(min=_LEAST))
        with torch.enable_grad():
            for _ in range(steps):
                x, y, mask = draw()
                outputs = self.each(x[..., : self.features].flatten(0, 1)).view(*y.shape, -1).movedim(-1, 0)
                others = mask * (x[..., self.features].long() != torch.arange(len(self.wide))[:, None, None])
                nll = nn.functional.binary_cross_entropy_with_logits(outputs, y.expand_as(outputs), reduction="none")
                met = (others.sum(-1) > 0).to(y.dtype)
                overlap = (soft_iou(outputs.sigmoid(), y, others) * met).sum() / met.sum().clamp(min=1)
                loss = 0.5 * (nll * others).sum() / others.sum().clamp(min=1) + 0.5 * (1 - overlap)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
        self.requires_grad_(False).train(training)
