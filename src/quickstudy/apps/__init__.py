"""Applications, one file each: a source of tasks from real data, a recipe, its baselines, and words for the user."""

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.customer_service import customer_service
from quickstudy.apps.dialog import dialog
from quickstudy.apps.drug_discovery import drug_discovery
from quickstudy.apps.genomics import genomics
from quickstudy.apps.human_robot_interaction import human_robot_interaction
from quickstudy.apps.image_classification import image_classification
from quickstudy.apps.image_classification_from_scratch import image_classification_from_scratch
from quickstudy.apps.intrusion_detection import intrusion_detection
from quickstudy.apps.machine_translation import machine_translation
from quickstudy.apps.market_analysis import market_analysis
from quickstudy.apps.medical_imaging import medical_imaging
from quickstudy.apps.named_entities import named_entities
from quickstudy.apps.navigation import navigation
from quickstudy.apps.navigation_mazes import navigation_mazes
from quickstudy.apps.new_hospital import new_hospital
from quickstudy.apps.object_detection import object_detection
from quickstudy.apps.object_manipulation import object_manipulation
from quickstudy.apps.personalised_medicine import personalised_medicine
from quickstudy.apps.rare_diagnosis import rare_diagnosis
from quickstudy.apps.recommendation import recommendation
from quickstudy.apps.recommendation_visits import recommendation_visits
from quickstudy.apps.robot_task_learning import robot_task_learning
from quickstudy.apps.satellite_imagery import satellite_imagery
from quickstudy.apps.semantic_segmentation import semantic_segmentation
from quickstudy.apps.sentiment import sentiment
from quickstudy.apps.text_classification import text_classification
from quickstudy.apps.translation_retrieval import translation_retrieval

__all__ = [
    "Application",
    "Baseline",
    "Setting",
    "customer_service",
    "dialog",
    "drug_discovery",
    "genomics",
    "human_robot_interaction",
    "image_classification",
    "image_classification_from_scratch",
    "intrusion_detection",
    "machine_translation",
    "market_analysis",
    "medical_imaging",
    "named_entities",
    "navigation",
    "navigation_mazes",
    "new_hospital",
    "object_detection",
    "object_manipulation",
    "personalised_medicine",
    "rare_diagnosis",
    "recommendation",
    "recommendation_visits",
    "robot_task_learning",
    "satellite_imagery",
    "semantic_segmentation",
    "sentiment",
    "text_classification",
    "translation_retrieval",
]
