"""Learners and adapted predictors as programs for elsewhere: ONNX and torch.export, each with a self-test."""

from quickstudy.export.checking import check, notes
from quickstudy.export.exporting import Exported, export_onnx, export_pt2
from quickstudy.export.notes import Loss
from quickstudy.export.state_inputs import state_inputs
from quickstudy.export.trials import Deviation

__all__ = ["Deviation", "Exported", "Loss", "check", "export_onnx", "export_pt2", "notes", "state_inputs"]
