"""Random mazes on a square grid, in which there is one way from each cell to each other; many of them at once."""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Maze", "mazes", "steps_to", "walls_of"]

_FAR = 1e4
_SIDES = ((1, 0), (0, 1), (-1, 0), (0, -1))


class Maze(NamedTuple):
    """Where one can pass, 1 or 0: from cell (i, j) to (i + 1, j), and to (i, j + 1), each (B, n, n); never out of the square."""

    right: Tensor
    up: Tensor


def walls_of(cells: int) -> int:
    """How many walls a grid of cells² has inside."""
    return 2 * cells * (cells - 1)


def mazes(luck: Tensor, cells: int) -> Maze:
    """Mazes by Kruskal's algorithm: walls fall in the order of their luck (B, walls) where they part what is not joined yet.

    >>> maze = mazes(torch.rand(3, walls_of(4)), 4)
    >>> (maze.right + maze.up).sum((1, 2))  # a tree of 16 cells
    tensor([15., 15., 15.])
    """
    number = torch.arange(cells * cells).view(cells, cells)
    ends = torch.cat(
        [
            torch.stack([number[:-1], number[1:]], -1).view(-1, 2),
            torch.stack([number[:, :-1], number[:, 1:]], -1).view(-1, 2),
        ]
    )
    joined = number.flatten().expand(len(luck), -1)
    open_ = torch.zeros_like(luck)
    for wall in luck.argsort(1).unbind(1):
        one, other = (joined.gather(1, ends[wall, end][:, None]) for end in (0, 1))
        falls = one != other
        open_.scatter_(1, wall[:, None], falls.to(luck.dtype))
        joined = torch.where((joined == other) & falls, one, joined)
    half = walls_of(cells) // 2
    right, up = luck.new_zeros(len(luck), cells, cells), luck.new_zeros(len(luck), cells, cells)
    right[:, :-1] = open_[:, :half].view(-1, cells - 1, cells)
    up[:, :, :-1] = open_[:, half:].view(-1, cells, cells - 1)
    return Maze(right, up)


def _beside(values: Tensor, outside: float) -> Tensor:
    """Of the cells on the four sides, right, up, left, down, (B, 4, n, n)."""
    wide = torch.nn.functional.pad(values, (1, 1, 1, 1), value=outside)
    count = values.shape[1]
    return torch.stack([wide[:, 1 + i : 1 + i + count, 1 + j : 1 + j + count] for i, j in _SIDES], 1)


def steps_to(maze: Maze, goal: Tensor) -> tuple[Tensor, Tensor]:
    """How many cells away the goal (B, 2) is from each cell (B, n, n), and on which side (i, j) the way goes on (B, n, n, 2).

    >>> corridor = Maze(torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]), torch.tensor([[[1.0, 0.0], [1.0, 0.0]]]))
    >>> steps_to(corridor, torch.tensor([[0, 1]]))[0]
    tensor([[[1., 0.],
             [2., 3.]]])
    """
    cells = maze.right.shape[1]
    passable = torch.stack([maze.right, maze.up, _beside(maze.right, 0.0)[:, 2], _beside(maze.up, 0.0)[:, 3]], 1)
    away = torch.full_like(maze.right, _FAR)
    away[torch.arange(len(goal)), goal[:, 0], goal[:, 1]] = 0.0
    for _ in range(cells * cells):
        onward = torch.where(passable > 0, _beside(away, _FAR), _FAR)
        away = torch.minimum(away, onward.amin(1) + 1)
    sides = torch.tensor(_SIDES, dtype=away.dtype)[torch.where(passable > 0, _beside(away, _FAR), _FAR).argmin(1)]
    return away, torch.where(away[..., None] > 0, sides, 0.0)
