"""A learned descent rule as a `torch.optim` optimizer, for the ordinary training of any network."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from quickstudy.errors import LearnerError
from quickstudy.functional.tree import leaves
from quickstudy.nn.learned_rule import LearnedRule

__all__ = ["RuleOptimizer"]


class RuleOptimizer(Optimizer):
    """``θ ← θ − lr · rule(∇)`` with a `CoordinateLSTM` or another learned rule, in place, as torch's own optimizers do it.

    Memories are kept for each parameter, a row for each coordinate, and travel in ``state_dict``; schedules,
    parameter groups and parameters without a gradient are as usual. Computes in the rule's own precision.

    Args:
        params: parameters, or groups of them.
        rule: the rule; it is not trained here.
        lr: a factor on the rule's own steps; 1 takes them as they were learned.

    Raises:
        LearnerError: a negative factor.

    >>> from quickstudy.nn.coordinate_lstm import CoordinateLSTM
    >>> network = nn.Linear(2, 1)
    >>> optimizer = RuleOptimizer(network.parameters(), CoordinateLSTM())
    >>> network(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    >>> sorted(optimizer.state_dict())
    ['param_groups', 'state']
    """

    def __init__(self, params: Iterable[Any], rule: LearnedRule, *, lr: float = 1.0) -> None:
        if not lr >= 0:
            raise LearnerError(f"lr={lr}: the factor on the learned steps must be 0 or more; 1 takes them as they are.")
        self.rule = rule
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; a closure is called first, and what it returns is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            moving = [p for p in group["params"] if p.grad is not None]
            if moving:
                self._move(moving, group["lr"])
        return loss

    def _move(self, moving: list[nn.Parameter], lr: float) -> None:
        own = next(self.rule.parameters())
        grads = {str(n): p.grad.to(own) for n, p in enumerate(moving) if p.grad is not None}
        for n, p in enumerate(moving):
            if not self.state[p]:
                self._keep(p, leaves(self.rule.init({"": grads[str(n)]})))
        memory = [torch.cat(parts).to(own) for parts in zip(*[self.state[p].values() for p in moving], strict=True)]
        steps, after = self.rule(grads, tuple(zip(memory[::2], memory[1::2], strict=True)))
        parts = [leaf.split([p.numel() for p in moving]) for leaf in leaves(after)]
        for n, p in enumerate(moving):
            p.sub_(lr * steps[str(n)].to(p))
            self._keep(p, [rows[n].clone() for rows in parts])

    def _keep(self, parameter: nn.Parameter, rows: list[Tensor]) -> None:
        self.state[parameter] = {f"{'hc'[place % 2]}{place // 2}": leaf for place, leaf in enumerate(rows)}
