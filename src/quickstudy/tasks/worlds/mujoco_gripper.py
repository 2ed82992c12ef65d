"""The gripper and its bars in MuJoCo: two fingers squeeze, the palm rises, and how the bar hangs says how the try ended.

Source: Todorov, Erez & Tassa, 2012, MuJoCo: a physics engine for model-based control.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.errors import MissingExtra
from quickstudy.tasks.worlds.gripper import FORCES, OUTCOMES, Bars

__all__ = ["MujocoGripper"]

_THICK, _PAD, _FINGER, _GAP = 0.015, 0.02, 0.005, 0.01
_RISE, _CLOSING, _RISING, _HOLDING = 0.15, 0.1, 0.5, 0.2
_STEP = 0.004
_STEEP, _LOST = math.radians(12), 0.03

# The bar's inertial frame stands beside its own at first: else MuJoCo takes them for one, and no centre of mass can be moved.
_WORLD = f"""
<mujoco>
  <option timestep="{_STEP}" integrator="implicitfast" cone="elliptic" impratio="10"/>
  <worldbody>
    <geom name="floor" type="plane" size="2 2 0.1"/>
    <body name="bar" pos="0 0 {_THICK}">
      <freejoint/>
      <inertial pos="0.01 0 0" mass="0.5" diaginertia="0.001 0.001 0.001"/>
      <geom name="bar" type="box" size="0.1 {_THICK} {_THICK}" priority="1"/>
    </body>
    <body name="palm" pos="0 0 {_THICK}" gravcomp="1">
      <inertial pos="0 0 0" mass="1" diaginertia="0.01 0.01 0.01"/>
      <joint name="rise" type="slide" axis="0 0 1"/>
      <body name="left" pos="0 {_THICK + _FINGER + _GAP} 0" gravcomp="1">
        <joint name="left" type="slide" axis="0 -1 0" damping="5"/>
        <geom type="box" size="{_PAD} {_FINGER} {_THICK * 0.8}" mass="0.1"/>
      </body>
      <body name="right" pos="0 -{_THICK + _FINGER + _GAP} 0" gravcomp="1">
        <joint name="right" type="slide" axis="0 1 0" damping="5"/>
        <geom type="box" size="{_PAD} {_FINGER} {_THICK * 0.8}" mass="0.1"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position joint="rise" kp="5000" kv="300"/>
    <motor joint="left"/>
    <motor joint="right"/>
  </actuator>
</mujoco>
"""


class MujocoGripper:
    """The bars of the planar gripper, grasped in a simulator of rigid bodies: the same things are hidden, and the same is seen.

    Fingers of 4 cm squeeze the bar, the palm rises by 15 cm and holds still. The bar slips if it is then 3 cm below the palm, and
    tilts if it leans by more than 12°; it is crushed where the force is above its crushing force, since bodies are rigid. A
    grasp ends in one way for certain, so that chances are 0 or 1. About five milliseconds a grasp.

    Raises:
        MissingExtra: mujoco is not installed.
    """

    name = "MuJoCo"

    def __init__(self) -> None:
        try:
            import mujoco
        except ImportError as error:
            raise MissingExtra('this gripper needs mujoco. Install it: pip install "quickstudy[robots]"') from error
        self._engine: Any = mujoco
        self.model: Any = mujoco.MjModel.from_xml_string(_WORLD)
        self.data: Any = mujoco.MjData(self.model)
        self._bar, self._palm = self.model.body("bar").id, self.model.body("palm").id
        self._shape = self.model.geom("bar").id

    def chances(self, bars: Bars, grasp: Tensor) -> Tensor:
        """As of `gripper.chances`, for grasps (B, 2) or (B, C, 2)."""
        flat = grasp.reshape(len(grasp), -1, 2)
        ends = torch.zeros(*flat.shape[:2], len(OUTCOMES), dtype=grasp.dtype)
        for number in range(len(flat)):
            one = Bars(*[part[number : number + 1] for part in bars])
            for place, wanted in enumerate(flat[number].tolist()):
                ends[number, place, self._ended(one, *wanted)] = 1
        return ends.view(*grasp.shape[:-1], len(OUTCOMES))

    def step(self, bars: Bars, grasp: Tensor, luck: Tensor) -> tuple[Bars, Tensor]:
        """As of `gripper.step`; luck decides nothing."""
        return bars, self.chances(bars, grasp)

    def _ended(self, bar: Bars, place: float, force: float) -> int:
        """The number of the outcome."""
        newtons = FORCES[0] + (FORCES[1] - FORCES[0]) * force
        if newtons > float(bar.crush):
            return OUTCOMES.index("crushed")
        at = place * float(bar.length) / 2
        self._placed(bar, at)
        self._lifted(newtons)
        turn, where = self.data.xmat[self._bar].reshape(3, 3), self.data.xpos[self._bar]
        held = where + turn @ np.array([at, 0, 0])
        if self.data.xpos[self._palm][2] - held[2] > _LOST:
            return OUTCOMES.index("slips")
        leaning = math.asin(max(-1.0, min(1.0, float(turn[2, 0]))))
        if abs(leaning) > _STEEP:
            return OUTCOMES.index("tilts left" if leaning > 0 else "tilts right")
        return OUTCOMES.index("lifted")

    def _placed(self, bar: Bars, at: float) -> None:
        """The bar on the floor and the open gripper around it."""
        model, half, mass = self.model, float(bar.length) / 2, float(bar.mass)
        model.geom_size[self._shape] = [half, _THICK, _THICK]
        model.geom_friction[self._shape, 0] = float(bar.friction)
        model.geom_rbound[self._shape] = math.hypot(half, _THICK, _THICK)
        model.geom_aabb[self._shape] = [0, 0, 0, half, _THICK, _THICK]
        model.body_mass[self._bar] = mass
        model.body_ipos[self._bar] = [float(bar.centre) * half, 0, 0]
        across, along = mass * 2 * _THICK**2 / 3, mass * (half**2 + _THICK**2) / 3
        model.body_inertia[self._bar] = [across, along, along]
        model.body_pos[self._palm, 0] = at
        self._engine.mj_setConst(model, self.data)
        self._engine.mj_resetData(model, self.data)

    def _lifted(self, newtons: float) -> None:
        """Squeezes, rises evenly, and holds."""
        data = self.data
        data.ctrl[1:] = newtons
        for count in range(round((_CLOSING + _RISING + _HOLDING) / _STEP)):
            share = (count * _STEP - _CLOSING) / _RISING
            data.ctrl[0] = _RISE * min(max(share, 0.0), 1.0)
            self._engine.mj_step(self.model, data)
