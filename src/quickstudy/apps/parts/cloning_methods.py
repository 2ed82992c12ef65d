"""Methods that reach a goal from a demonstration of it: repeating it, its nearest rows, and clones of all demonstrations."""

import copy
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.optim import Adam

from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.recipe import one_cycle
from quickstudy.task import Examples
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds.demonstrations import Demonstrations

__all__ = ["clone", "fine_tuned_clone", "nearest_rows", "replay"]

_Moves = Callable[[Tensor], Tensor]
"""From what is seen (Q, D) to actions (Q, A)."""

_ROWS = 256


def replay(support: Examples) -> _Moves:
    """The actions that were shown, one after another, whatever is seen."""
    count = 0

    def moved(x: Tensor) -> Tensor:
        nonlocal count
        count += 1
        return support.y[min(count, len(support)) - 1][None]

    return moved


def nearest_rows(support: Examples) -> _Moves:
    """The action of the row that looks most alike."""
    return lambda x: support.y[torch.cdist(x, support.x).argmin(1)]


@lru_cache(maxsize=4)
def _cloned(source: Demonstrations, steps: int, width: int) -> nn.Module:
    """A network from what is seen to the action, of all demonstrations of meta-training."""
    rows = source.everything()
    x, y = rows.x, rows.y
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = MLP(x.shape[1], (width, width), outputs=y.shape[1])
    optimizer = Adam(network.parameters(), 2e-3)
    schedule, generator = one_cycle(optimizer, steps), generator_of(3)
    for _ in range(steps):
        drawn = torch.randint(len(x), (_ROWS,), generator=generator)
        optimizer.zero_grad()
        (network(x[drawn]) - y[drawn]).square().mean().backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def clone(source: Demonstrations, steps: int = 3000, width: int = 128) -> Callable[[Examples], _Moves]:
    """Behaviour cloning: one network for all goals, whatever was shown."""
    moved = _moves(_cloned(source, steps, width))
    return lambda support: moved


def fine_tuned_clone(
    source: Demonstrations, *, tuned: int, lr: float, steps: int = 3000, width: int = 128
) -> Callable[[Examples], _Moves]:
    """The clone, fine-tuned on the demonstrations of the goal by so many steps of Adam."""
    start = _cloned(source, steps, width)

    def fitted(support: Examples) -> _Moves:
        network = copy.deepcopy(start)
        optimizer = Adam(network.parameters(), lr)
        with torch.enable_grad():
            for _ in range(tuned):
                optimizer.zero_grad()
                (network(support.x) - support.y).square().mean().backward()
                optimizer.step()
        return _moves(network)

    return fitted


def _moves(network: nn.Module) -> _Moves:
    def moved(x: Tensor) -> Tensor:
        with torch.no_grad():
            found: Tensor = network(x)
        return found

    return moved
