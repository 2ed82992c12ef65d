"""A program as an ONNX model: named inputs, outputs and free axes, notes inside, nothing of the machine that made it."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import Argument, ArtefactError, LearnerError, MissingExtra
from quickstudy.export.graphs import Graph, quiet
from quickstudy.export.trials import Trial
from quickstudy.storage.artefact import versions
from quickstudy.storage.outputs import SOFTWARE

__all__ = ["answers_of", "onnx_model", "session_of", "smaller", "with_notes"]

_LARGEST = 2**31 - 2**20
"""Bytes that a protobuf file may have, nearly."""


def onnx_model(graph: Graph) -> Any:
    """The model, without notes.

    Raises:
        MissingExtra: onnx or onnxscript is not installed.
        LearnerError: an operation has no counterpart in ONNX.
    """
    _needed("onnx", "onnxscript")
    try:
        made = _converted(graph, optimize=True)
    except Exception:  # the optimiser knows fewer programs than the exporter
        try:
            made = _converted(graph, optimize=False)
        except Exception as error:  # of the exporter, which knows no common error
            operation = re.search(r"No ONNX function found for <OpOverload\(op='([\w.]+)'", str(error) + _last_line(error))
            reason = f"ONNX has no operation for {operation[1]}" if operation else _last_line(error)
            raise LearnerError(f"this program cannot be written as ONNX ({reason}). Export it for PyTorch: pt2.") from error
    model = made.model_proto
    _name_axes(model, graph)
    _forget(model)
    return model


def _converted(graph: Graph, *, optimize: bool) -> Any:
    names = {"input_names": list(graph.inputs), "output_names": list(graph.outputs)}
    with quiet(), torch.no_grad():
        return torch.onnx.export(graph.program, **names, verbose=False, dynamo=True, optimize=optimize)  # type: ignore[arg-type]


def with_notes(model: Any, notes: Mapping[str, str]) -> bytes:
    """The model's file, with notes by name.

    Raises:
        LearnerError: it is larger than an ONNX file can be.
    """
    del model.metadata_props[:]
    for name, text in notes.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = name, text
    if model.ByteSize() > _LARGEST:
        raise LearnerError(f"the model has {model.ByteSize():,} bytes, more than one ONNX file can hold. Use a smaller backbone.")
    return bytes(model.SerializeToString(deterministic=True))


def smaller(model: Any) -> Any:
    """The model with weights of 8 bits, whose inputs are quantised as they come (dynamic quantisation of onnxruntime).

    Raises:
        LearnerError: it has no weights that can be.
    """
    _needed("onnx", "onnxruntime")
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "small.onnx"
        quantize_dynamic(
            model, path, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gemm", "Gather"]
        )
        found = onnx.load(path)
    if not any(node.op_type in ("MatMulInteger", "DynamicQuantizeLinear") for node in found.graph.node):
        raise LearnerError(
            "this program has no matrix of weights that could be kept in 8 bits. Leave ", Argument("int8"), " out."
        )
    found.producer_name, found.producer_version = SOFTWARE, versions()[SOFTWARE]
    return found


def session_of(content: bytes | Path) -> Any:
    """An ONNX model, ready to run on one thread of the processor.

    Raises:
        MissingExtra: onnxruntime is not installed.
        ArtefactError: it is no model that onnxruntime can run.
    """
    _needed("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    given = str(content) if isinstance(content, Path) else content
    try:
        return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime, which knows no common error
        raise ArtefactError(f"onnxruntime cannot run this model ({_last_line(error)}). Export again.") from error


def answers_of(session: Any, trials: Sequence[Trial]) -> list[dict[str, Tensor]]:
    """What a model gives for the inputs of each trial.

    Raises:
        ArtefactError: it does not take them.
    """
    names = [output.name for output in session.get_outputs()]
    taken = {given.name for given in session.get_inputs()}
    found = []
    for trial in trials:
        try:
            given = {name: tensor.numpy() for name, tensor in trial.inputs.items() if name in taken}
            values = session.run(None, given)
        except Exception as error:  # of onnxruntime, which knows no common error
            raise ArtefactError(f"onnxruntime cannot run this model ({_last_line(error)}). Export again.") from error
        found.append({name: torch.as_tensor(value) for name, value in zip(names, values, strict=True)})
    return found


def _name_axes(model: Any, graph: Graph) -> None:
    """Free axes are called by what their size follows, instead of by symbols."""
    words: dict[str, str] = {}
    for given in model.graph.input:
        for axis, size in enumerate(given.type.tensor_type.shape.dim):
            if size.dim_param and axis in graph.axes.get(given.name, {}):
                words[size.dim_param] = size.dim_param = graph.axes[given.name][axis]
    for output in model.graph.output:
        for size in output.type.tensor_type.shape.dim:
            size.dim_param = words.get(size.dim_param, size.dim_param) if size.dim_param else size.dim_param
    del model.graph.value_info[:]


def _forget(model: Any) -> None:
    """Takes away where in whose files each operation was written."""
    model.producer_name, model.producer_version, model.doc_string = SOFTWARE, versions()[SOFTWARE], ""
    model.graph.doc_string, model.graph.name = "", "prediction"
    for part in [model.graph, *model.functions]:
        del part.metadata_props[:]
        for node in part.node:
            del node.metadata_props[:]
            node.doc_string = ""


def _needed(*packages: str) -> None:
    for package in packages:
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtra(
                f'exporting to ONNX needs the package "{package}". Install it: pip install "quickstudy[export]"'
            ) from error


def _last_line(error: BaseException) -> str:
    """The cause at the bottom, in one short line."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line if len(line) <= 200 else f"{line[:200]}…"
