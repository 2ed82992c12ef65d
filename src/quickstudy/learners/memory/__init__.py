"""Model-based learners: a network with a memory reads the support set and answers."""

from quickstudy.learners.memory.mann import MANN
from quickstudy.learners.memory.ntm import NeuralTuringMachine
from quickstudy.learners.memory.sequence_transducer import SequenceTransducer
from quickstudy.learners.memory.snail import SNAIL

__all__ = ["MANN", "SNAIL", "NeuralTuringMachine", "SequenceTransducer"]
