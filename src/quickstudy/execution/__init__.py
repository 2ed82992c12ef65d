"""How work on many tasks is carried out: batching, compiling, vmap safety, processes, memory."""

from quickstudy.execution.batching import Precision, Strategy, choose, encode_tasks, meta_gradient, over_tasks, trimmed
from quickstudy.execution.compiling import Losses, Program, program
from quickstudy.execution.footprint import adaptation_peak, peak_of
from quickstudy.execution.processes import Fabric, Processes
from quickstudy.execution.vmap_safety import Objectives, inside, trial, unsafe_layer, unsafe_layers, warn_once

__all__ = [
    "Fabric",
    "Losses",
    "Objectives",
    "Precision",
    "Processes",
    "Program",
    "Strategy",
    "adaptation_peak",
    "choose",
    "encode_tasks",
    "inside",
    "meta_gradient",
    "over_tasks",
    "peak_of",
    "program",
    "trial",
    "trimmed",
    "unsafe_layer",
    "unsafe_layers",
    "warn_once",
]
