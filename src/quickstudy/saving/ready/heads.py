"""The heads that come with the package: meta-learned constants for a pretrained backbone, in files of kilobytes.

`benchmarks/ready_heads.py` makes the files. They were trained on caltech_fs, photos of Caltech-101 (Fei-Fei Li, M. Andreetto,
M. Ranzato & P. Perona, CC BY 4.0), and on CLINC150 (S. Larson et al., Clinc, CC BY 3.0); neither is in them.
"""

from pathlib import Path
from typing import Any

from quickstudy.errors import ArgumentError, nearest
from quickstudy.learner import Learner
from quickstudy.saving.checkpoint import load

__all__ = ["HEADS", "head"]

HEADS = {"images": "efficientnet-lite0", "texts": "minilm"}
"""The backbone of each ready head."""


def head(name: str) -> Learner[Any]:
    """A learner that is ready for your own examples: no meta-training is needed.

    ``images`` is `LogisticByShots` on whitened features of EfficientNet-Lite0, for colour photos; ``texts`` the same learner on
    mapped features of MiniLM, for English sentences. It may be trained on.

    Args:
        name: ``images`` or ``texts``.

    Raises:
        ArgumentError: there is no such head.
        MissingExtra: the package with the weights of its backbone is not installed.

    >>> HEADS
    {'images': 'efficientnet-lite0', 'texts': 'minilm'}
    """
    if name not in HEADS:
        raise ArgumentError(f"there is no ready head {name!r}.{nearest(name, list(HEADS))} There are: {', '.join(HEADS)}.")
    found: Learner[Any] = load(Path(__file__).with_name(f"{name}.safetensors"))
    return found
