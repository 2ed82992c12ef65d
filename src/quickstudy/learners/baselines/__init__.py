"""Traditional learners, the baselines on the same tasks: without meta-training, or with ordinary pre-training."""

from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.learners.baselines.from_scratch import FromScratch
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.learners.baselines.nearest_neighbours import NearestNeighbours

__all__ = ["FineTune", "FromScratch", "LogisticRegression", "NearestCentroid", "NearestNeighbours"]
