"""Sources of tasks: drawn from data, or synthetic with a known answer."""

from quickstudy.tasks.augmented_images import AugmentedImages
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.choices import Choices
from quickstudy.tasks.copy import Copy
from quickstudy.tasks.curriculum import Curriculum, growing
from quickstudy.tasks.detecting import Detecting
from quickstudy.tasks.disjoint import DisjointClasses, DisjointRows
from quickstudy.tasks.diverse import Diverse, class_points
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.fixed_columns import FixedColumns
from quickstudy.tasks.forecasts import Forecasts
from quickstudy.tasks.image_augmentations import Erase, Warp
from quickstudy.tasks.interactive import Interactive
from quickstudy.tasks.lists import load_tasks, save_tasks
from quickstudy.tasks.meta_aug import Grown, MetaAug, Permuted, Scaled, Shifted
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.named_data import Sources
from quickstudy.tasks.one_hot_sinusoid import OneHotSinusoid
from quickstudy.tasks.open_data import Opened, Reading, open_data
from quickstudy.tasks.open_set import OpenSet
from quickstudy.tasks.other_inputs import other_inputs
from quickstudy.tasks.quadratics import Quadratics
from quickstudy.tasks.retrievals import Retrievals
from quickstudy.tasks.samplers import Balanced, ClassSampler, EachOnce, Hard
from quickstudy.tasks.seasonal_units import SeasonalUnits
from quickstudy.tasks.segmenting import Segmenting
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.sizes import meta_dataset_sizes
from quickstudy.tasks.source import Plan, TaskSource
from quickstudy.tasks.spelled_forms import SpelledForms
from quickstudy.tasks.supervised import Supervised
from quickstudy.tasks.tagging import Tagging
from quickstudy.tasks.task_mixing import MLTI, MetaMix
from quickstudy.tasks.transactions import transactions
from quickstudy.tasks.unsplit import Unsplit
from quickstudy.tasks.visits import Visits
from quickstudy.tasks.worlds.grasping import Grasping
from quickstudy.tasks.worlds.navigation import Navigation
from quickstudy.tasks.worlds.users import SimulatedUsers
from quickstudy.tasks.yes_or_no import YesOrNo

__all__ = [
    "MLTI",
    "AugmentedImages",
    "Balanced",
    "ByTask",
    "Choices",
    "ClassSampler",
    "Copy",
    "Curriculum",
    "Detecting",
    "DisjointClasses",
    "DisjointRows",
    "Diverse",
    "EachOnce",
    "Erase",
    "FewShot",
    "FixedColumns",
    "Forecasts",
    "Grasping",
    "Grown",
    "Hard",
    "Interactive",
    "MetaAug",
    "MetaMix",
    "Mixture",
    "Navigation",
    "OneHotSinusoid",
    "OpenSet",
    "Opened",
    "Permuted",
    "Plan",
    "Quadratics",
    "Reading",
    "Retrievals",
    "Scaled",
    "SeasonalUnits",
    "Segmenting",
    "Shifted",
    "SimulatedUsers",
    "Sinusoid",
    "Sources",
    "SpelledForms",
    "Supervised",
    "Tagging",
    "TaskSource",
    "Unsplit",
    "Visits",
    "Warp",
    "YesOrNo",
    "class_points",
    "growing",
    "load_tasks",
    "meta_dataset_sizes",
    "open_data",
    "other_inputs",
    "save_tasks",
    "transactions",
]
