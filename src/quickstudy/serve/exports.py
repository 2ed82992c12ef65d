"""Exports as jobs: a task becomes a file in a thread of its own, and the file stays in the data base beside the task."""

import logging
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from quickstudy.errors import LearnerError, TaskError, UserError
from quickstudy.learner import Predictor
from quickstudy.serve.database import Database
from quickstudy.serve.kept import Kept
from quickstudy.serve.limits import Busy, Limits
from quickstudy.serve.served import Served
from quickstudy.serve.stored import StoredTask, is_id

__all__ = ["ExportJob", "Exports", "Wanted"]

_log = logging.getLogger(__name__)
_WAITING, _DONE, _FAILED = "waiting", "done", "failed"
_GIVEN_UP = 900.0
"""Seconds after which a job that is not done counts as one whose process ended."""

_TABLE = sa.table(
    "exports",
    *[sa.column(name) for name in ("id", "task", "number", "form", "status", "error", "created", "bytes")],
    sa.column("content", sa.LargeBinary),
)


@dataclass(frozen=True)
class Wanted:
    """What an export shall be.

    Args:
        form: onnx, or pt2 (torch.export).
        int8: weights of 8 bits, of ONNX.
    """

    form: Literal["onnx", "pt2"] = "onnx"
    int8: bool = False

    @property
    def name(self) -> str:
        """As the data base has it."""
        return f"{self.form}-int8" if self.int8 else self.form


@dataclass(frozen=True)
class ExportJob:
    """A job as a client sees it: waiting, done or failed; of a failed one the reason, of a done one the size of its file."""

    export: str
    version: int
    format: str
    status: str
    error: str | None
    bytes: int | None
    created: float


class Exports:
    """Jobs of all tasks; one at a time is done in this process, and any process answers for it.

    Args:
        database: where jobs and files live.
        kept: predictors of tasks.
        limits: how many may wait.
    """

    def __init__(self, database: Database, kept: Kept, limits: Limits) -> None:
        self._database, self._kept, self._limits = database, kept, limits
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="export")
        self._places = threading.Semaphore(limits.exports)

    def ask(self, served: Served, stored: StoredTask, number: int, wanted: Wanted) -> ExportJob:
        """The job that exports a version of a task; asked for twice, it is the same one. A failed one is tried again.

        Raises:
            UserError: there is no such version, or 8 bits were asked for of another format than ONNX.
            Busy: too many wait.
        """
        if wanted.int8 and wanted.form != "onnx":
            raise UserError('weights of 8 bits are of ONNX. Leave "int8" out, or ask for the format "onnx".')
        predictor = self._kept.load(served, stored.id, number)
        if not self._places.acquire(blocking=False):
            raise Busy(f"{self._limits.exports} exports wait already. Try again in a while.")
        new = False
        try:
            job, new = self._entered(stored.id, number, wanted)
        finally:
            if not new:
                self._places.release()
        if new:
            self._worker.submit(self._done, job.export, predictor, wanted)
        return job

    def _entered(self, task: str, number: int, wanted: Wanted) -> tuple[ExportJob, bool]:
        """The job, and whether it is new."""
        same = (_TABLE.c.task == task) & (_TABLE.c.form == wanted.name)
        job = ExportJob(uuid.uuid4().hex, number, wanted.name, _WAITING, None, None, time.time())
        row = {"id": job.export, "task": task, "number": number, "form": job.format, "status": job.status, "created": job.created}
        try:
            with self._database.writing() as connection:
                known = _found(connection, same & (_TABLE.c.number == number))
                if known is not None and known.status != _FAILED:
                    return known, False
                connection.execute(sa.delete(_TABLE).where(same))  # files of earlier versions have had their time
                connection.execute(sa.insert(_TABLE).values(**row))
        except sa.exc.IntegrityError as error:
            raise TaskError(f"there is no task {task}. It may have been deleted.") from error
        return job, True

    def about(self, task: str, export: str) -> ExportJob:
        """A job of a task.

        Raises:
            TaskError: there is none.
        """
        known = is_id(export)
        with self._database.reading() as connection:
            found = _found(connection, (_TABLE.c.task == task) & (_TABLE.c.id == export)) if known else None
        if found is None:
            raise TaskError(f"the task {task} has no export {export[:40]!r}. A later one of the same format replaces it.")
        return found

    def file(self, task: str, export: str) -> tuple[ExportJob, bytes]:
        """A job that is done, and its file.

        Raises:
            TaskError: there is no such job.
            LearnerError: it is not done.
        """
        job = self.about(task, export)
        if job.status != _DONE:
            raise LearnerError(f"this export is {job.status}{f': {job.error}' if job.error else '. Ask again in a while.'}")
        with self._database.reading() as connection:
            content = connection.execute(sa.select(_TABLE.c.content).where(_TABLE.c.id == export)).scalar()
        if content is None:
            raise TaskError(f"the export {export} is gone.")
        return job, bytes(content)

    def close(self) -> None:
        """Ends the one that runs, and those that wait."""
        self._worker.shutdown(cancel_futures=True)

    def _done(self, export: str, predictor: Predictor, wanted: Wanted) -> None:
        found: dict[str, Any]
        try:
            content = _exported(predictor, wanted)
            found = {"status": _DONE, "content": content, "bytes": len(content)}
        except UserError as error:
            found = {"status": _FAILED, "error": str(error)}
        except Exception as error:
            _log.error("an export failed: %s", type(error).__name__)
            found = {"status": _FAILED, "error": "this server could not write the program. Its log has the kind of error."}
        finally:
            self._places.release()
        try:
            with self._database.writing() as connection:
                connection.execute(sa.update(_TABLE).where(_TABLE.c.id == export).values(**found))
        except sa.exc.SQLAlchemyError as error:
            _log.error("an export could not be kept: %s", type(error).__name__)


def _found(connection: sa.Connection, where: Any) -> ExportJob | None:
    columns = [column for column in _TABLE.c if column.name not in ("content", "task")]
    row = connection.execute(sa.select(*columns).where(where)).mappings().first()
    if row is None:
        return None
    status, error = row["status"], row["error"]
    if status == _WAITING and time.time() - row["created"] > _GIVEN_UP:
        status, error = _FAILED, "the process that made it ended. Ask for it again."
    return ExportJob(row["id"], row["number"], row["form"], status, error, row["bytes"], row["created"])


def _exported(predictor: Predictor, wanted: Wanted) -> bytes:
    from quickstudy.export.exporting import export_onnx, export_pt2

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"task.{wanted.form}"
        if wanted.form == "onnx":
            export_onnx(predictor, path, int8=wanted.int8)
        else:
            export_pt2(predictor, path)
        return path.read_bytes()
