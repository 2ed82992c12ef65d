"""scikit-learn estimators over any learner."""

from quickstudy.estimators.chosen import NAMES, Build
from quickstudy.estimators.few_shot import EXPECTED_FAILED_CHECKS, FewShotClassifier, FewShotRegressor

__all__ = ["EXPECTED_FAILED_CHECKS", "NAMES", "Build", "FewShotClassifier", "FewShotRegressor"]
