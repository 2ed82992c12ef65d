"""Pure tensor functions, one idea a file."""

from quickstudy.functional.binary import Binary
from quickstudy.functional.boxes import TrueBoxes, box_iou, box_means, suppressed, window_grid
from quickstudy.functional.closed_form import LinearModel, Start, answered, balanced, ridge, started
from quickstudy.functional.distances import class_means, cosine_distance, squared_distance
from quickstudy.functional.edit_rules import EditRules, applied, edit_rules
from quickstudy.functional.implicit import ConjugateGradients, Neumann, implicit
from quickstudy.functional.log_sign import log_sign
from quickstudy.functional.logistic import logistic
from quickstudy.functional.logistic_mode import Mode, logistic_mode
from quickstudy.functional.mahalanobis import Ellipsoids, ellipsoids, mahalanobis_distance
from quickstudy.functional.mixing import BetaShare, Mixed, mix
from quickstudy.functional.one_of import OneOf
from quickstudy.functional.overlap import soft_iou
from quickstudy.functional.pairs import by_class, pair_contrastive, pair_cross_entropy, pair_squared_error
from quickstudy.functional.policy_gradient import PolicyGradient, advantages
from quickstudy.functional.spelled import Spelled, candidates
from quickstudy.functional.starts import as_given, redrawn
from quickstudy.functional.unroll import SGD, Adam, descend, gradient
from quickstudy.functional.windows import MeanLogLoss, Windows, mean_loss

__all__ = [
    "SGD",
    "Adam",
    "BetaShare",
    "Binary",
    "ConjugateGradients",
    "EditRules",
    "Ellipsoids",
    "LinearModel",
    "MeanLogLoss",
    "Mixed",
    "Mode",
    "Neumann",
    "OneOf",
    "PolicyGradient",
    "Spelled",
    "Start",
    "TrueBoxes",
    "Windows",
    "advantages",
    "answered",
    "applied",
    "as_given",
    "balanced",
    "box_iou",
    "box_means",
    "by_class",
    "candidates",
    "class_means",
    "cosine_distance",
    "descend",
    "edit_rules",
    "ellipsoids",
    "gradient",
    "implicit",
    "log_sign",
    "logistic",
    "logistic_mode",
    "mahalanobis_distance",
    "mean_loss",
    "mix",
    "pair_contrastive",
    "pair_cross_entropy",
    "pair_squared_error",
    "redrawn",
    "ridge",
    "soft_iou",
    "squared_distance",
    "started",
    "suppressed",
    "window_grid",
]
