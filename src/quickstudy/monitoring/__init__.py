"""Monitoring of meta-training: adaptation between inner steps, a run's log, tables and TensorBoard."""

from quickstudy.monitoring.board import Board
from quickstudy.monitoring.curve import AdaptationCurve, adaptation_curve, alike
from quickstudy.monitoring.history import History, Log, Validated
from quickstudy.monitoring.probe import Monitor, Probe
from quickstudy.monitoring.table import csv_text, rows, scalars

__all__ = [
    "AdaptationCurve",
    "Board",
    "History",
    "Log",
    "Monitor",
    "Probe",
    "Validated",
    "adaptation_curve",
    "alike",
    "csv_text",
    "rows",
    "scalars",
]
