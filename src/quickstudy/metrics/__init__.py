"""Metrics of predictions for a task's queries: functions ``metric(predicted, y)``, for ``evaluate(metrics=(…,))``."""

from quickstudy.metrics.boxes import COCO_OVERLAPS, average_precision, box_precision
from quickstudy.metrics.calibration import Reliability, abstention_auroc, calibration_error, ece, reliability
from quickstudy.metrics.candidates import hits_5, hits_10, hits_at, mrr, rank_ndcg
from quickstudy.metrics.classes import accuracy, auprc, auroc, delta_auprc, log_loss, macro_f1, mean_iou, recall_at_1_percent
from quickstudy.metrics.labels import exact_match, mean_average_precision, micro_f1
from quickstudy.metrics.masks import fb_iou, foreground_iou
from quickstudy.metrics.measure import Measure, measure, pooled
from quickstudy.metrics.predicted import Predicted, pool
from quickstudy.metrics.ranking import recall_10, recall_at
from quickstudy.metrics.rejection import NONE_OF_THESE, Threshold, threshold_of
from quickstudy.metrics.spans import SpanCounts, span_counts, span_f1, span_f1_bio, span_precision, span_recall
from quickstudy.metrics.temperature import Temperature, Tempered, temperature_of, untempered
from quickstudy.metrics.texts import chrf, edit_distance
from quickstudy.metrics.values import (
    coverage_90,
    coverage_95,
    gaussian_nll,
    mase,
    mean_absolute_error,
    mse,
    ndcg,
    ndcg_10,
    ndcg_at,
    width_90,
)

__all__ = [
    "COCO_OVERLAPS",
    "NONE_OF_THESE",
    "Measure",
    "Predicted",
    "Reliability",
    "SpanCounts",
    "Temperature",
    "Tempered",
    "Threshold",
    "abstention_auroc",
    "accuracy",
    "auprc",
    "auroc",
    "average_precision",
    "box_precision",
    "calibration_error",
    "chrf",
    "coverage_90",
    "coverage_95",
    "delta_auprc",
    "ece",
    "edit_distance",
    "exact_match",
    "fb_iou",
    "foreground_iou",
    "gaussian_nll",
    "hits_5",
    "hits_10",
    "hits_at",
    "log_loss",
    "macro_f1",
    "mase",
    "mean_absolute_error",
    "mean_average_precision",
    "mean_iou",
    "measure",
    "micro_f1",
    "mrr",
    "mse",
    "ndcg",
    "ndcg_10",
    "ndcg_at",
    "pool",
    "pooled",
    "rank_ndcg",
    "recall_10",
    "recall_at",
    "recall_at_1_percent",
    "reliability",
    "span_counts",
    "span_f1",
    "span_f1_bio",
    "span_precision",
    "span_recall",
    "temperature_of",
    "threshold_of",
    "untempered",
    "width_90",
]
