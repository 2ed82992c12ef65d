"""Many images read into rows: the broken ones are collected and named together, and the others are kept if requested."""

import logging
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from quickstudy.datasets.image_rows import kept
from quickstudy.errors import Argument, DataError
from quickstudy.inputs.images import Images

__all__ = ["ImageReading", "OnError"]

OnError = Literal["raise", "skip"]

_log = logging.getLogger("quickstudy")
_NAMED = 20


class ImageReading:
    """Images of one data set being read.

    Args:
        reads: how each becomes a row.
        on_error: "raise" names all broken images at the end, "skip" leaves them out (each is named in the log).
        keep: for how many rows there is room; 0: each image is only tried.

    Raises:
        DataError: another ``on_error``.
    """

    def __init__(self, reads: Images, on_error: OnError, *, keep: int) -> None:
        if on_error not in ("raise", "skip"):
            raise DataError(f'on_error={on_error!r}: give "raise", or "skip" to leave broken images out.')
        self.reads, self.on_error, self.keep = reads, on_error, keep
        self.broken: list[str] = []
        self._read = 0
        self._x = torch.empty(keep, *reads.shape, dtype=torch.uint8)  # memory is taken when a row is written

    def add(self, opened: Callable[[], Any]) -> bool:
        """Reads what ``opened`` gives; whether it is an image."""
        try:
            row = self.reads(opened())
        except DataError as error:
            self.fault(str(error))
            return False
        if self.keep:
            self._put(kept(row))
        return True

    def _put(self, row: Tensor) -> None:
        """As 8-bit values, as long as all are such."""
        if row.dtype != torch.uint8 and self._x.dtype == torch.uint8:
            wide = torch.empty(self._x.shape, dtype=row.dtype)
            wide[: self._read] = self.reads.scaled(self._x[: self._read])
            self._x = wide
        self._x[self._read] = row if row.dtype == self._x.dtype else self.reads.scaled(row)
        self._read += 1

    def fault(self, reason: str) -> None:
        """Notes one that is no image."""
        self.broken.append(reason)
        if self.on_error == "skip":
            _log.warning("left out: %s", reason)

    def check(self, where: str) -> None:
        """Raises:
        DataError: some are broken, and ``on_error`` is "raise".
        """
        if not self.broken or self.on_error == "skip":
            return
        if len(self.broken) == 1:
            raise DataError(f"{self.broken[0]} (With ", Argument("on_error", "skip"), " the others are kept.)")
        shown = "\n  ".join(self.broken[:_NAMED])
        more = f"\n  and {len(self.broken) - _NAMED:,} more" if len(self.broken) > _NAMED else ""
        raise DataError(
            f"{len(self.broken):,} images of {where} cannot be read (with ",
            Argument("on_error", "skip"),
            f" the others are kept):\n  {shown}{more}",
        )

    def rows(self) -> Tensor:
        """All rows, as 8-bit values where all are such."""
        return self._x[: self._read]
