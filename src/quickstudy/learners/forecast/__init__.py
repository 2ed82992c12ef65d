"""Learners of series: the support set is the past, queries are steps of the future."""

from quickstudy.learners.forecast.attention_forecaster import AttentionForecaster
from quickstudy.learners.forecast.averaged_forecasts import AveragedForecasts
from quickstudy.learners.forecast.exponential_smoothing import ExponentialSmoothing
from quickstudy.learners.forecast.fitted_smoothing import FittedSmoothing

__all__ = ["AttentionForecaster", "AveragedForecasts", "ExponentialSmoothing", "FittedSmoothing"]
