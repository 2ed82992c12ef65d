"""Worlds: simulated people and things whose hidden numbers differ from task to task."""

from quickstudy.tasks.worlds.grasping import Grasping, GraspPlan, grasps
from quickstudy.tasks.worlds.gripper import OUTCOMES, Bars, chances, reset, step
from quickstudy.tasks.worlds.users import TRAITS, SimulatedUsers, UserPlan

__all__ = [
    "OUTCOMES",
    "TRAITS",
    "Bars",
    "GraspPlan",
    "Grasping",
    "SimulatedUsers",
    "UserPlan",
    "chances",
    "grasps",
    "reset",
    "step",
]
