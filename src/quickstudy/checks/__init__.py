"""The contract battery: what every learner and every source of tasks promises, checked on yours."""

from quickstudy.checks.contract import BATTERY, check_learner
from quickstudy.checks.gradient import check_metagradient
from quickstudy.checks.record import Checks, Point
from quickstudy.checks.scene import Training
from quickstudy.checks.sources import check_source

__all__ = ["BATTERY", "Checks", "Point", "Training", "check_learner", "check_metagradient", "check_source"]
