"""An encoder applied to the rows of an index: in eval mode, without a graph, its features checked before they are stored."""

import copy
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import DataError, LearnerError, ShapeError
from quickstudy.functional.tree import leading, map_leaves, to
from quickstudy.task import Inputs

__all__ = ["Encoding", "encoding"]

_PROBED = 8
_SAME = 2e-3
"""Of the largest feature: what rounding, on another device or in half precision, may change."""
_LONG = 3.0


@dataclass(frozen=True)
class Encoding:
    """An encoder and the rows it encodes.

    Args:
        index: the rows.
        encoder: in eval mode, on its device.
        device: of the encoder.
        dtype: of the features to keep.
        probed: numbers of a few rows, spread over all.
        probe: their features.
    """

    index: ClassIndex
    encoder: nn.Module
    device: torch.device
    dtype: torch.dtype
    probed: Tensor
    probe: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a row of features."""
        return tuple(self.probe.shape[1:])

    def features(self, rows: Tensor) -> Tensor:
        """Checked features of rows by number, on the CPU."""
        found = _checked(self.encoder(to(self.index.gather(rows), self.device)), len(rows), type(self.encoder).__name__)
        if found.shape[1:] != self.shape:
            raise ShapeError(
                f"{type(self.encoder).__name__} gives features of shape {tuple(found.shape[1:])} for some rows and {self.shape} "
                "for others. Bring all rows to one size first."
            )
        found = found.to("cpu", self.dtype).contiguous()
        bad = ~torch.isfinite(found).reshape(len(found), -1).all(1)
        if bad.any():
            row = int(rows[bad.nonzero()[0, 0]])
            small = "; float16 holds up to 65,504: take dtype=torch.float32" if self.dtype == torch.float16 else ""
            label = self.index.classes[int(self.index.labels[row])]
            raise DataError(
                f"{type(self.encoder).__name__} makes NaN or infinite features of {int(bad.sum())} rows of {self.index.name}, "
                f'the first is row {row} of class "{label}". Check its weights, and this row{small}.'
            )
        return found

    def pieces(self, start: int, batch: int, progress: Callable[[int, int], None] | None) -> Iterator[Tensor]:
        """Features of the rows from ``start`` on, ``batch`` at a time."""
        count = len(self.index)
        with _told(f"encoding {self.index.name}", count, progress) as tell:
            for low in range(start, count, batch):
                yield self.features(torch.arange(low, min(low + batch, count)))
                tell(min(low + batch, count))

    def agrees(self, rows: Tensor, kept: Tensor) -> bool:
        """Whether kept features of the probed rows among ``rows`` are what the encoder makes of them."""
        chosen = torch.isin(self.probed, rows)
        return kept.shape == self.probe[chosen].shape and _same(kept, self.probe[chosen])


@contextmanager
def encoding(index: ClassIndex, encoder: nn.Module, device: torch.device | str | None, dtype: torch.dtype) -> Iterator[Encoding]:
    """The encoder made ready, and probed; afterwards each of its parts is in the mode it was in.

    Args:
        index: rows to encode.
        encoder: left where it is: another device gets a copy.
        device: where to encode; None: where the encoder is.
        dtype: of the features to keep.

    Raises:
        LearnerError: features change from call to call, or depend on the other rows.
        ShapeError: the output is no tensor with a row for each row.
    """
    home = next((p.device for p in [*encoder.parameters(), *encoder.buffers()]), torch.device("cpu"))
    place = home if device is None else torch.device(device)
    used = encoder if place == home else copy.deepcopy(encoder).to(place)
    modes = [(part, part.training) for part in used.modules()]
    used.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng():
            count = min(_PROBED, len(index))
            probed = torch.arange(count) * (len(index) - 1) // (count - 1)
            probe = _probe(to(index.gather(probed), place), used)
            yield Encoding(index, used, place, dtype, probed, probe.to("cpu", dtype))
    finally:
        for part, mode in modes:
            part.training = mode


def _probe(x: Inputs, encoder: nn.Module) -> Tensor:
    """Features of a few rows, if the encoder is a function of each row alone."""
    name = type(encoder).__name__
    count = leading(x)
    found = _checked(encoder(x), count, name)
    if not _same(found, _checked(encoder(x), count, name)):
        raise LearnerError(
            f"{name} gives different features at each call, even in eval mode. Is a dropout always on? "
            "Make it depend on self.training."
        )
    if not _same(found[:2], _checked(encoder(map_leaves(lambda leaf: leaf[:2], x)), 2, name)):
        raise LearnerError(
            f"the features that {name} gives to a row depend on the other rows. If it has batch norms, build them with "
            "track_running_stats=True."
        )
    return found


def _checked(features: Any, rows: int, name: str) -> Tensor:
    if not isinstance(features, Tensor):
        raise ShapeError(
            f"{name} gives a {type(features).__name__}. A feature cache needs one tensor: "
            "wrap the encoder in a module that returns it."
        )
    if features.ndim < 2 or len(features) != rows or not features.is_floating_point():
        scene = f"{str(features.dtype).removeprefix('torch.')} of shape {tuple(features.shape)}"
        raise ShapeError(f"{name} gives {scene} for {rows} rows. A feature cache needs floating-point features (rows, D).")
    return features


def _same(a: Tensor, b: Tensor) -> bool:
    """Equal up to rounding; what is not finite is another check's matter."""
    a, b = a.float(), b.float()
    if not (torch.isfinite(a).all() and torch.isfinite(b).all()):
        return True
    return bool((a - b).abs().max() <= _SAME * b.abs().max())


@contextmanager
def _told(what: str, count: int, progress: Callable[[int, int], None] | None) -> Iterator[Callable[[int], None]]:
    """A function that reports progress; in a terminal a bar appears after a while."""
    if progress is not None or not sys.stderr.isatty():
        yield lambda done: progress(done, count) if progress is not None else None
        return
    from rich.console import Console
    from rich.progress import Progress

    began = time.monotonic()
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=count)

    def tell(done: int) -> None:
        if time.monotonic() - began > _LONG and not bar.live.is_started:
            bar.start()
        bar.update(task, completed=done)

    try:
        yield tell
    finally:
        bar.stop()
