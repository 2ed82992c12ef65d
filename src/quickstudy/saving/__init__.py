"""Learners, predictors and training states to disk and back."""

from quickstudy.saving.checkpoint import altered, load, save
from quickstudy.saving.older import completed, modern
from quickstudy.saving.training import load_training, restore_training, save_training, training_state, write_training

__all__ = [
    "altered",
    "completed",
    "load",
    "load_training",
    "modern",
    "restore_training",
    "save",
    "save_training",
    "training_state",
    "write_training",
]
