"""A self-test: inputs with the outputs that PyTorch gave, and how far another program may be from them."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import safetensors.torch
import torch
from torch import Tensor

from quickstudy.errors import ArtefactError
from quickstudy.likelihood import ABSENT

__all__ = ["LOGITS", "PROBABILITIES", "Deviation", "Trial", "deviation", "from_text", "to_text"]

LOGITS = 1e-4
"""The largest deviation of logits, values and states, as a share of their range."""

PROBABILITIES = 1e-5
"""The largest deviation of a probability."""


@dataclass(frozen=True)
class Trial:
    """Inputs of a program, and what it must give, each tensor by name."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


@dataclass(frozen=True)
class Deviation:
    """How far outputs are from the expected ones.

    Args:
        logits: largest deviation of logits, values or states, as a share of their range.
        probabilities: largest deviation of a probability; 0 where there are none.
    """

    logits: float
    probabilities: float = 0.0

    def within(self, logits: float = LOGITS, probabilities: float = PROBABILITIES) -> bool:
        """Whether both are small enough; what is no number is not."""
        return self.logits <= logits and self.probabilities <= probabilities

    def __str__(self) -> str:
        return f"{self.logits:.1e} of the range, {self.probabilities:.1e} in probabilities"


def deviation(trials: Sequence[Trial], found: Sequence[Mapping[str, Tensor]]) -> Deviation:
    """How far ``found`` is from the outputs of the trials; infinite where shapes differ, or outputs or numbers are missing.

    The range of a tensor is ``max − min`` over all trials, without the logits of absent classes; its largest size, where all its
    numbers are equal.

    >>> wanted = Trial({}, {"logits": torch.tensor([0.0, 2.0, -1e4]), "probabilities": torch.tensor([0.5])})
    >>> print(deviation([wanted], [{"logits": torch.tensor([0.0, 2.01, -1e4]), "probabilities": torch.tensor([0.75])}]))
    5.0e-03 of the range, 2.5e-01 in probabilities
    """
    worst = {"logits": 0.0, "probabilities": 0.0}
    for name in sorted({name for trial in trials for name in trial.outputs}):
        pairs = [
            (other.get(name), trial.outputs[name]) for trial, other in zip(trials, found, strict=True) if name in trial.outputs
        ]
        share = "probabilities" if name == "probabilities" else "logits"
        scale = 1.0 if share == "probabilities" else _range([wanted for _, wanted in pairs])
        worst[share] = max(worst[share], *(_apart(mine, wanted) / scale for mine, wanted in pairs))
    return Deviation(worst["logits"], worst["probabilities"])


def _apart(mine: Tensor | None, wanted: Tensor) -> float:
    if mine is None or mine.shape != wanted.shape:
        return math.inf
    if not wanted.numel():
        return 0.0
    gap = float(torch.where(mine == wanted, 0.0, mine.double() - wanted.double()).abs().max())
    return math.inf if math.isnan(gap) else gap


def _range(tensors: Sequence[Tensor]) -> float:
    flat = torch.cat([tensor.double().reshape(-1) for tensor in tensors])
    flat = flat[(flat > ABSENT / 2) & flat.isfinite()]
    if not flat.numel():
        return 1.0
    return float(flat.max() - flat.min()) or float(flat.abs().max()) or 1.0


def to_text(trials: Sequence[Trial]) -> str:
    """Trials as text (safetensors in base64); the same trials give the same text."""
    tensors = {
        f"{number}/{side}/{name}": tensor.detach().contiguous().clone()
        for number, trial in enumerate(trials)
        for side, named in (("in", trial.inputs), ("out", trial.outputs))
        for name, tensor in named.items()
    }
    return base64.b64encode(safetensors.torch.save(tensors)).decode("ascii")


def from_text(text: str) -> list[Trial]:
    """The inverse of `to_text`.

    Raises:
        ArtefactError: it is none.
    """
    try:
        tensors = safetensors.torch.load(base64.b64decode(text, validate=True))
        sides: dict[int, dict[str, dict[str, Tensor]]] = {}
        for key, tensor in tensors.items():
            number, side, name = key.split("/", 2)
            sides.setdefault(int(number), {"in": {}, "out": {}})[side][name] = tensor
        found = [Trial(side["in"], side["out"]) for _, side in sorted(sides.items())]
        if not found or not all(trial.outputs for trial in found):
            raise ValueError("no outputs")
    except (safetensors.SafetensorError, LookupError, TypeError, ValueError) as error:
        raise ArtefactError(f"the self-test is damaged ({error}). Export again.") from error
    return found
