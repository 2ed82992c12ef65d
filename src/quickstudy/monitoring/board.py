"""A run's log in TensorBoard: every number a scalar, on the outer step where it was measured."""

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quickstudy.errors import ArtefactError, MissingExtra
from quickstudy.monitoring.history import Log
from quickstudy.monitoring.table import scalars

__all__ = ["Board"]


class Board:
    """Copies a log, as far as it has come, into event files for TensorBoard; each point is written once.

    The files follow the log: where that is another one (a resume has cut it back), they are written anew, and a TensorBoard
    that is looking forgets what it has seen.

    Args:
        folder: of the run; the files are in its folder ``tensorboard``.

    Raises:
        MissingExtra: TensorBoard is not installed.
        ArtefactError: a link stands in place of that folder.
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtra('images in TensorBoard need it. Install it: pip install "quickstudy[monitor]"') from error
        self._make = SummaryWriter
        self.folder = Path(folder) / "tensorboard"
        if self.folder.is_symlink():
            raise ArtefactError(f"{self.folder} is a link, and the files behind it are not ours to replace. Remove the link.")
        self.log = Log(Path(folder) / "log.jsonl")
        self._begun = 0
        self._writer: Any = None
        self._time = 0.0

    def follow(self) -> int:
        """Writes what the log has gained since the last call; returns how many points.

        Raises:
            ArtefactError: the files cannot be written.
        """
        lines = self.log.read()
        if self._begun != self.log.times_begun:
            self._begin(sum(line.get("seconds", 0.0) for line in lines))
        if not lines:
            return 0
        count = sum(self._write(line) for line in lines)
        self._writer.flush()
        return count

    def close(self) -> None:
        """Writes what is left, and closes the files."""
        self.follow()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self._begun = 0

    def _begin(self, seconds: float) -> None:
        """Starts over; steps that were taken before are dated back by the seconds that they took."""
        self._begun = self.log.times_begun
        if self._writer is not None:
            self._writer.close()
        try:
            for old in self.folder.glob("events.out.tfevents.*"):
                with contextlib.suppress(FileNotFoundError):
                    old.unlink()
            self._writer = self._make(str(self.folder), purge_step=0)
        except OSError as error:
            raise ArtefactError(
                f"{self.folder} cannot be written to ({error.strerror}). Free some space or change its permissions."
            ) from error
        self._time = time.time() - seconds

    def _write(self, line: Mapping[str, Any]) -> int:
        from tensorboard.compat.proto.summary_pb2 import Summary

        found = scalars(line)
        self._time += found.get("seconds", 0.0)
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in found.items()]
        if values:
            self._writer.file_writer.add_summary(Summary(value=values), line["step"], walltime=min(self._time, time.time()))
        return len(values)
