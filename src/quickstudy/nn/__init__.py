"""Networks that know nothing of tasks, and what runs them inside an inner loop."""

from quickstudy.nn import film, norm
from quickstudy.nn.context import FiLMContext, InputContext
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.film import FiLM
from quickstudy.nn.mlp import MLP

__all__ = ["MLP", "Conv4", "FiLM", "FiLMContext", "InputContext", "film", "norm"]
