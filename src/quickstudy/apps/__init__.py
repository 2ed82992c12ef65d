"""Applications, one file each: a source of tasks from real data, a recipe, its baselines, and words for the user."""

from quickstudy.apps.application import Application, Baseline, Setting

__all__ = ["Application", "Baseline", "Setting"]
