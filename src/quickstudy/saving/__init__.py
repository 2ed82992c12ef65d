"""Learners, predictors and training states to disk and back."""

from quickstudy.saving import ready
from quickstudy.saving.checkpoint import altered, load, records_of, save, saved_bytes
from quickstudy.saving.kept import kept_description, kept_support, kept_threshold, kept_tree
from quickstudy.saving.left_out import left_out, made_whole, refuse_other_weights, whole_weights
from quickstudy.saving.older import completed, modern
from quickstudy.saving.states import digest_of, predictor_of, state_bytes
from quickstudy.saving.training import load_training, restore_training, save_training, training_state, write_training

__all__ = [
    "altered",
    "completed",
    "digest_of",
    "kept_description",
    "kept_support",
    "kept_threshold",
    "kept_tree",
    "left_out",
    "load",
    "load_training",
    "made_whole",
    "modern",
    "predictor_of",
    "ready",
    "records_of",
    "refuse_other_weights",
    "restore_training",
    "save",
    "save_training",
    "saved_bytes",
    "state_bytes",
    "training_state",
    "whole_weights",
    "write_training",
]
