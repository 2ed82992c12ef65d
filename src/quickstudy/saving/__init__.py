"""Learners, predictors and training states to disk and back."""

from quickstudy.saving.checkpoint import altered, load, load_training, restore_training, save, save_training, training_state

__all__ = [
    "altered",
    "load",
    "load_training",
    "restore_training",
    "save",
    "save_training",
    "training_state",
]
