"""A study in a database, shared by any number of processes, each of which may fail.

A process holds a lock of its own while it works. Whoever finds a running trial whose lock is free knows that its process is
gone, and has the trial tried again. Of processes on other machines, which share a data base server, Optuna's heartbeat says the
same after two minutes of silence; in an SQLite file its thread would only stand in the way of our own writing.
"""

import re
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.pool import NullPool

from quickstudy.errors import Argument, ArtefactError, RunError
from quickstudy.storage.files import locked

__all__ = ["Worker", "opened", "readable", "retry", "spent", "unavailable"]

_UNREADABLE = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What Optuna raises of rows that it did not write."""
_WORKER = re.compile(r"\.worker-[0-9a-f]{32}")
_HEARTBEAT, _GRACE, _PATIENCE = 30, 120, 300
_ATTEMPTS = 3


class Worker:
    """A process that works on studies from a folder: the lock that shows others that it is alive.

    Args:
        folder: where its lock is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.name = f".worker-{uuid.uuid4().hex}"

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Holds the lock; after an interruption the file remains, as a sign of it."""
        with locked(self.folder / self.name):
            yield
            self.leave()

    def leave(self) -> None:
        """Records that no trial of this process is unfinished."""
        (self.folder / self.name).unlink(missing_ok=True)

    def retry_abandoned(self, study: optuna.Study) -> None:
        """Has running trials of dead processes tried again."""
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if self._abandoned(trial):
                with suppress(ValueError):  # another process was faster
                    study.tell(trial.number, state=TrialState.FAIL)
                    retry(study, trial)

    def _abandoned(self, trial: FrozenTrial) -> bool:
        """Whether its process is gone: the lock that the trial names, which can only be one of ours in this folder, is free."""
        owner = trial.user_attrs.get("worker")
        if owner is None:  # its process died at birth, or is at it
            return trial.datetime_start is None or datetime.now() - trial.datetime_start > timedelta(seconds=_GRACE)
        name = str(owner).rpartition("/")[2]  # studies of version 0.1.0 hold whole paths
        path = self.folder / name
        if not _WORKER.fullmatch(name) or path.is_symlink() or not path.is_file():
            return False
        with suppress(ArtefactError), locked(path, wait=False, make=False) as dead:
            if dead:
                path.unlink(missing_ok=True)
            return dead
        return False


def retry(study: optuna.Study, trial: FrozenTrial) -> None:
    """Has a failed trial's arguments tried again, at most three times in all."""
    attempt = trial.user_attrs.get("attempt", 1)
    if trial.params and type(attempt) is int and 0 < attempt < _ATTEMPTS:
        study.enqueue_trial(trial.params, user_attrs={"attempt": attempt + 1})


def readable(study: optuna.Study, url: str) -> list[FrozenTrial]:
    """All trials of a study.

    Raises:
        RunError: Optuna cannot read them.
    """
    try:
        return study.get_trials(deepcopy=False)
    except _UNREADABLE as error:
        raise unavailable(url, error) from error


def spent(study: optuna.Study, before: int | None = None) -> int:
    """Trials that came to an end or are on their way, those of dead processes not counted.

    Args:
        study: whose.
        before: count only trials of lower numbers.
    """
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
    trials = study.get_trials(deepcopy=False, states=states)
    return sum(before is None or trial.number < before for trial in trials)


def opened(
    folder: Path, url: str, name: str, settings: Mapping[str, Any], *, higher_is_better: bool, sampler: BaseSampler
) -> optuna.Study:
    """The study of that name, made if it is not there.

    Args:
        folder: of the worker.
        url: of the data base, as SQLAlchemy takes it.
        name: of the study.
        settings: what all its trials have in common, in JSON.
        higher_is_better: of the score.
        sampler: of the trials to come.

    Raises:
        RunError: the data base cannot be opened, or the study is of something else.
    """
    try:
        with locked(folder / ".opening"):  # two processes at once would both make the tables
            study = optuna.create_study(
                storage=_storage(url),
                study_name=name,
                direction="maximize" if higher_is_better else "minimize",
                load_if_exists=True,
                sampler=sampler,
            )
            known = study.user_attrs.get("quickstudy")
            directions = [direction.name for direction in study.directions]
            if known is None:
                study.set_user_attr("quickstudy", dict(settings))
    except ArtefactError:
        raise
    except (sqlalchemy.exc.SQLAlchemyError, StorageInternalError, ImportError, RuntimeError, *_UNREADABLE) as error:
        raise unavailable(url, error) from error
    if known not in (None, dict(settings)) or directions != ["MAXIMIZE" if higher_is_better else "MINIMIZE"]:
        raise RunError(
            f"the study {name} in {_shown(url)} is of {_told(known)}, {'/'.join(directions).lower()}d, not {_told(settings)}. ",
            "Give another ",
            Argument("name"),
            ", or another ",
            Argument("folder"),
            ".",
        )
    return study


def unavailable(url: str, error: Exception) -> RunError:
    """The error for a database that is not available."""
    return RunError(
        f"the study in {_shown(url)} cannot be opened or written ({_first_line(error)}). Look at ",
        Argument("study"),
        " and ",
        Argument("folder"),
        ".",
    )


def _storage(url: str) -> RDBStorage:
    """The data base; tries again where another process makes the tables at this moment.

    A file's connections are closed as soon as they are not in use, so that none is left open at the end.
    """
    file = url.startswith("sqlite")
    held: dict[str, Any] = {"connect_args": {"timeout": _PATIENCE}, "poolclass": NullPool} if file else {"pool_pre_ping": True}
    for pause in (0.5, 2.0, None):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                return RDBStorage(
                    url,
                    engine_kwargs=held,
                    heartbeat_interval=None if file else _HEARTBEAT,
                    grace_period=None if file else _GRACE,
                    heartbeat_stale_trial_callback=None if file else retry,
                )
        except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.IntegrityError, sqlalchemy.exc.ProgrammingError):
            if pause is None:
                raise
            time.sleep(pause)
    raise AssertionError


def _shown(url: str) -> str:
    """A URL without its password."""
    try:
        return sqlalchemy.engine.make_url(url).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return "URL"


def _first_line(error: BaseException) -> str:
    """What went wrong at the bottom of it, on one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _told(settings: Any) -> str:
    """The settings as a person would give them; another program may have written anything in their place."""
    try:
        parts = [f"{name}={value}" for name, value in settings["fixed"].items()]
        parts += [f"{name} in {space}" for name, space in settings["space"].items()]
        shared = f"seed {settings['seed']} and {settings['validations']} validations a trial"
        return f"{settings['recipe']}({', '.join(parts)}) with {shared}"
    except (AttributeError, LookupError, TypeError):
        return "something else than a search of quickstudy"
