"""Neural processes: a network's code of the support set conditions a distribution over functions."""

from quickstudy.learners.process.attentive_process import AttentiveProcess
from quickstudy.learners.process.conditional_neural_process import ConditionalNeuralProcess

__all__ = [
    "AttentiveProcess",
    "ConditionalNeuralProcess",
]
