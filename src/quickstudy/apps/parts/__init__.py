"""What several applications share: how their data are read, and methods that their learners are compared with."""

from quickstudy.apps.parts.gated import gated_recipe
from quickstudy.apps.parts.pooled_methods import POOLED_METHODS
from quickstudy.apps.parts.text_methods import TEXT_METHODS

__all__ = ["POOLED_METHODS", "TEXT_METHODS", "gated_recipe"]
