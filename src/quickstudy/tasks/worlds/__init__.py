"""Worlds: simulated people and things whose hidden numbers differ from task to task."""

from quickstudy.tasks.worlds.demonstrations import DemonstrationPlan, Demonstrations
from quickstudy.tasks.worlds.grasping import Grasping, GraspPlan, grasps
from quickstudy.tasks.worlds.gripper import OUTCOMES, Bars, Gripper, PlanarGripper, chances, reset, step
from quickstudy.tasks.worlds.mazes import Maze, mazes
from quickstudy.tasks.worlds.metaworld_robot import MetaworldArm
from quickstudy.tasks.worlds.mujoco_gripper import MujocoGripper
from quickstudy.tasks.worlds.navigation import TARGETS, Navigation, NavigationPlan
from quickstudy.tasks.worlds.points import Points
from quickstudy.tasks.worlds.robot import GymnasiumRobot, Robot
from quickstudy.tasks.worlds.users import TRAITS, SimulatedUsers, UserPlan

__all__ = [
    "OUTCOMES",
    "TARGETS",
    "TRAITS",
    "Bars",
    "DemonstrationPlan",
    "Demonstrations",
    "GraspPlan",
    "Grasping",
    "Gripper",
    "GymnasiumRobot",
    "Maze",
    "MetaworldArm",
    "MujocoGripper",
    "Navigation",
    "NavigationPlan",
    "PlanarGripper",
    "Points",
    "Robot",
    "SimulatedUsers",
    "UserPlan",
    "chances",
    "grasps",
    "mazes",
    "reset",
    "step",
]
