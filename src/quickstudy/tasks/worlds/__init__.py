"""Worlds: simulated people and things whose hidden numbers differ from task to task."""

from quickstudy.tasks.worlds.users import TRAITS, SimulatedUsers, UserPlan

__all__ = ["TRAITS", "SimulatedUsers", "UserPlan"]
