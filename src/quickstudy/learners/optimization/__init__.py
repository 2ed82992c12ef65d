"""Optimization-based learners: an initialisation, a step or an optimizer is learned."""

from quickstudy.learners.optimization.maml import MAML
from quickstudy.learners.optimization.reptile import Reptile

__all__ = ["MAML", "Reptile"]
