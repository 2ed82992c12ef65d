"""What recipes are made of: their data, tasks, backbone and outer loop, and how their arguments become flags."""

from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.problem import Problem, open_problem
from quickstudy.recipes.parts.recipe import Recipe, by_adam
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.tasks import Tasks, few_shot, sinusoids

__all__ = ["Data", "Outer", "Problem", "Recipe", "Sizes", "Tasks", "by_adam", "few_shot", "open_problem", "recipe", "sinusoids"]
