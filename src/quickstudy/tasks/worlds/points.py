"""A point that moves in the plane, or in a maze, towards a goal that it does not see.

Source: Finn, Abbeel & Levine, 2017, Model-agnostic meta-learning for fast adaptation of deep networks (the plane).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from quickstudy.tasks.worlds.mazes import Maze, mazes, steps_to, walls_of

__all__ = ["STEP", "Points", "distance", "luck_wide", "onward", "reset", "step"]

STEP = 0.1
"""The longest step along each axis; the square has sides of 1."""

_NEAR, _THICK, _INSIDE = 0.01, 1e-3, 0.7


class Points(NamedTuple):
    """Runs in each task: places (B, E, 2), goal (B, 2), whether it was reached (B, E); of a maze how to get there."""

    place: Tensor
    goal: Tensor
    there: Tensor
    maze: Maze | None = None
    away: Tensor | None = None
    side: Tensor | None = None


def luck_wide(cells: int) -> int:
    """How many uniform numbers decide on a world."""
    return 2 + (walls_of(cells) if cells else 0)


def reset(luck: Tensor, runs: int, cells: int = 0) -> Points:
    """Runs that start in the middle of the square [−½, ½]², whose goal is anywhere in it.

    Args:
        luck: uniform numbers (B, W), see `luck_wide`: the goal, then the order in which walls of a maze fall.
        runs: in each task.
        cells: on a side of the maze, an odd number; 0 is the plane without walls.
    """
    goal = luck[:, :2] - 0.5
    place, there = luck.new_zeros(len(luck), runs, 2), luck.new_zeros(len(luck), runs)
    if not cells:
        return Points(place, goal, there)
    maze = mazes(luck[:, 2:], cells)
    cell = _cell(goal, cells)
    middle = _middle(cell, cells)
    away, side = steps_to(maze, cell)
    return Points(place, middle + _INSIDE * (goal - middle), there, maze, away, side)


def step(points: Points, action: Tensor) -> tuple[Points, Tensor]:
    """The points after an action (B, E, 2), and the reward: less the way that is left then (B, E); none after the goal.

    An action is cut to [−1, 1] along each axis and moves by a tenth of it; walls stop it along their axis.
    """
    moves = 1 - points.there
    place = points.place
    change = STEP * action.clamp(-1, 1) * moves[..., None]
    if points.maze is None:
        place = place + change
    else:
        for axis in (0, 1):
            place = _along(points.maze, place, change[..., axis], axis)
    moved = points._replace(place=place)
    reward = -distance(moved) * moves
    reached = ((place - points.goal[:, None]).abs() < _NEAR).all(-1).to(place.dtype)
    return moved._replace(there=torch.maximum(points.there, reached)), reward


def distance(points: Points) -> Tensor:
    """The way from each place to the goal (B, E): straight in the plane, through the doors and middles of cells in a maze."""
    straight: Tensor = (points.place - points.goal[:, None]).norm(dim=-1)
    if points.away is None:
        return straight
    cells = points.away.shape[1]
    cell, away, side = _here(points)
    door = _middle(cell, cells) + side / (2 * cells)
    end = (points.goal - _middle(_cell(points.goal, cells), cells)).norm(dim=-1)
    return torch.where(away > 0, (points.place - door).norm(dim=-1) + (away - 0.5) / cells + end[:, None], straight)


def onward(points: Points) -> Tensor:
    """The action (B, E, 2) that goes the shortest way: to the goal, or to the middle of the next cell."""
    aim = points.goal[:, None].expand_as(points.place)
    if points.away is not None:
        cells = points.away.shape[1]
        cell, away, side = _here(points)
        aim = torch.where(away[..., None] > 0, _middle(cell, cells) + side / cells, aim)
    ahead = (aim - points.place) / STEP
    action: Tensor = ahead / ahead.abs().amax(-1, keepdim=True).clamp(min=1)
    return action


def _cell(place: Tensor, cells: int) -> Tensor:
    return ((place + 0.5) * cells).long().clamp(0, cells - 1)


def _middle(cell: Tensor, cells: int) -> Tensor:
    return (cell + 0.5) / cells - 0.5


def _of_cells(values: Tensor, cell: Tensor) -> Tensor:
    """Values (B, n, n, …) of cells (B, E, 2)."""
    return values[torch.arange(len(cell))[:, None], cell[..., 0], cell[..., 1]]


def _here(points: Points) -> tuple[Tensor, Tensor, Tensor]:
    """The cell of each place, how far it is from the goal's, and on which side the way goes on."""
    assert points.away is not None and points.side is not None
    cell = _cell(points.place, points.away.shape[1])
    return cell, _of_cells(points.away, cell), _of_cells(points.side, cell)


def _along(maze: Maze, place: Tensor, change: Tensor, axis: int) -> Tensor:
    """Places moved along one axis, less than a cell, as far as the walls let them."""
    cells, passage = maze.right.shape[1], (maze.right, maze.up)[axis]
    cell = _cell(place, cells)
    before = cell.clone()
    before[..., axis] = (before[..., axis] - 1).clamp(min=0)
    low = cell[..., axis] / cells - 0.5
    high = low + 1 / cells
    past_high, past_low = _of_cells(passage, cell) > 0, (_of_cells(passage, before) > 0) & (cell[..., axis] > 0)
    moved = place[..., axis] + change
    moved = torch.where(past_high, moved, torch.minimum(moved, high - _THICK))
    moved = torch.where(past_low, moved, torch.maximum(moved, low + _THICK))
    return torch.stack([moved, place[..., 1]] if axis == 0 else [place[..., 0], moved], -1)
