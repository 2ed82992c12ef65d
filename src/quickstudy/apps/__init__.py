"""Applications, one file each: a source of tasks from real data, a recipe, its baselines, and words for the user."""

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.drug_discovery import drug_discovery
from quickstudy.apps.personalised_medicine import personalised_medicine
from quickstudy.apps.recommendation import recommendation

__all__ = ["Application", "Baseline", "Setting", "drug_discovery", "personalised_medicine", "recommendation"]
