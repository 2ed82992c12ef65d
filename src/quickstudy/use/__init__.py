"""Learners in use: your own examples read, their predictor evaluated on them, extended and asked."""

from quickstudy.use.answers import Answer, answers, answers_of
from quickstudy.use.calibrated import calibrated, open_tasks, own_threshold, tasks_threshold
from quickstudy.use.evidence import Evidence, evidence
from quickstudy.use.feature_map import feature_map
from quickstudy.use.marked_support import OUTSIDE, marked_support
from quickstudy.use.marking import Marked, Mention, marked, told
from quickstudy.use.masked_support import BACKGROUND, masked_support
from quickstudy.use.masking import Drawn, drawn, mask_path, write_mask
from quickstudy.use.mislabelled import Suspect, mislabelled
from quickstudy.use.own_report import OwnReport, own_report
from quickstudy.use.own_support import LeftOut, folds_of, kept_support, left_out, predicted_by_others
from quickstudy.use.queries import Query, fault_of, queries_of_files, queries_of_lines, queries_of_rows, queries_of_texts
from quickstudy.use.shots_curve import CurvePoint, shots_curve, what_more_brings
from quickstudy.use.support_set import TABLES, Roles, SupportSet, is_table, named_column, support_set
from quickstudy.use.text_files import entries, is_text, text_of
from quickstudy.use.updated import updated

__all__ = [
    "BACKGROUND",
    "OUTSIDE",
    "TABLES",
    "Answer",
    "CurvePoint",
    "Drawn",
    "Evidence",
    "LeftOut",
    "Marked",
    "Mention",
    "OwnReport",
    "Query",
    "Roles",
    "SupportSet",
    "Suspect",
    "answers",
    "answers_of",
    "calibrated",
    "drawn",
    "entries",
    "evidence",
    "fault_of",
    "feature_map",
    "folds_of",
    "is_table",
    "is_text",
    "kept_support",
    "left_out",
    "marked",
    "marked_support",
    "mask_path",
    "masked_support",
    "mislabelled",
    "named_column",
    "open_tasks",
    "own_report",
    "own_threshold",
    "predicted_by_others",
    "queries_of_files",
    "queries_of_lines",
    "queries_of_rows",
    "queries_of_texts",
    "shots_curve",
    "support_set",
    "tasks_threshold",
    "text_of",
    "told",
    "updated",
    "what_more_brings",
    "write_mask",
]
