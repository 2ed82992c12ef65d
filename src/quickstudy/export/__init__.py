"""Learners and adapted predictors elsewhere: as ONNX, torch.export and MLflow, each with a self-test, and on a model hub."""

from quickstudy.export.answer_table import answer_table, example_table
from quickstudy.export.checking import check, notes
from quickstudy.export.exporting import Exported, export_onnx, export_pt2
from quickstudy.export.hub import FILE, from_hub, model_card, push_to_hub, write_folder
from quickstudy.export.mlflow_folder import export_mlflow, opened
from quickstudy.export.notes import Loss
from quickstudy.export.state_inputs import state_inputs
from quickstudy.export.trials import Deviation

__all__ = [
    "FILE",
    "Deviation",
    "Exported",
    "Loss",
    "answer_table",
    "check",
    "example_table",
    "export_mlflow",
    "export_onnx",
    "export_pt2",
    "from_hub",
    "model_card",
    "notes",
    "opened",
    "push_to_hub",
    "state_inputs",
    "write_folder",
]
