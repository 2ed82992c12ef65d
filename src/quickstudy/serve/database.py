"""Tasks in a data base: SQLite in a file, or PostgreSQL, so that any process answers any task; what is there survives a crash."""

import hashlib
import json
import re
import secrets
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from quickstudy.errors import RunError, TaskError, UserError
from quickstudy.serve.limits import NotAllowed
from quickstudy.serve.stored import Bearer, StoredTask, StoredVersion, Taken, is_id

__all__ = ["Database"]

_MIGRATIONS = Path(__file__).parent / "migrations"
_migrating = threading.Lock()
"""Alembic's context is one for all threads of a process."""

_METADATA = sa.MetaData()
_TASKS = sa.Table(
    "tasks",
    _METADATA,
    *[sa.Column(name, kind) for name, kind in [("id", sa.String), ("namespace", sa.String), ("learner", sa.String)]],
    *[sa.Column(name, kind) for name, kind in [("digest", sa.String), ("created", sa.Float)]],
)
_VERSIONS = sa.Table(
    "versions",
    _METADATA,
    *[sa.Column(name, kind) for name, kind in [("task", sa.String), ("number", sa.Integer), ("state", sa.LargeBinary)]],
    *[sa.Column(name, kind) for name, kind in [("classes", sa.Text), ("examples", sa.Integer), ("created", sa.Float)]],
)
_KEYS = sa.Table(
    "keys", _METADATA, *[sa.Column(n, kind) for n, kind in [("hash", sa.String), ("namespace", sa.String), ("created", sa.Float)]]
)


class Database:
    """Tasks, versions and keys of all users, each user's in a namespace of its own.

    Args:
        url: as SQLAlchemy has it: ``sqlite:///tasks.db``, ``postgresql+psycopg://user@host/name``.

    Raises:
        RunError: no such data base, or one of a later version.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = sa.create_engine(url, pool_pre_ping=True, pool_size=20, max_overflow=20)
        except (sa.exc.ArgumentError, ImportError, TypeError) as error:
            raise RunError(f"{url!r} is no data base that can be opened here ({error}). Write sqlite:///FILE.") from error
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _as_durable)
            sa.event.listen(self._engine, "begin", _begun)
        self._writer = self._engine.execution_options(quickstudy_writes=True)
        try:
            self._migrate()
        except sa.exc.SQLAlchemyError as error:
            shown = self._engine.url.render_as_string(hide_password=True)
            raise RunError(f"the data base {shown} cannot be opened: {_reason(error)}. Check its address.") from error

    def _migrate(self) -> None:
        """Takes the schema to the last step; several processes may begin at once."""
        script = ScriptDirectory(str(_MIGRATIONS), version_locations=[str(_MIGRATIONS)])
        context = EnvironmentContext(Config(), script, fn=lambda revision, _: script._upgrade_revs("head", revision))
        with _migrating, self._writer.begin() as connection, context:
            if self._engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7281)"))
            context.configure(connection=connection, target_metadata=_METADATA, transactional_ddl=False)
            context.run_migrations()

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            with self._engine.connect() as connection:
                connection.execute(sa.select(sa.func.count()).select_from(_KEYS))
        except sa.exc.SQLAlchemyError:
            return False
        return True

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """A connection that reads."""
        return self._engine.connect()

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction: it is durable when its block ends."""
        return self._writer.begin()

    def close(self) -> None:
        """Lets all connections go."""
        self._engine.dispose()

    def new_key(self, namespace: str) -> str:
        """A key for a new namespace; only its hash is kept, so it is shown this once.

        Raises:
            TaskError: the namespace has a key already.
        """
        key = "qs_" + secrets.token_urlsafe(32)
        try:
            with self._writer.begin() as connection:
                connection.execute(_KEYS.insert().values(hash=_hash(key), namespace=namespace, created=time.time()))
        except sa.exc.IntegrityError as error:
            raise TaskError(f"{namespace!r} has a key already. Choose another name.") from error
        return key

    def has_keys(self) -> bool:
        """Whether anybody has a key; without any the server asks for none."""
        with self._engine.connect() as connection:
            return bool(connection.execute(sa.select(sa.func.count()).select_from(_KEYS)).scalar())

    def namespace(self, who: Bearer) -> str:
        """The namespace of whoever asks; "" where there are no keys.

        Raises:
            NotAllowed: no key, where there are some, or one that is not known.
        """
        with self._engine.connect() as connection:
            found = _namespaces(connection, [who])[who]
        if isinstance(found, NotAllowed):
            raise found
        return found

    def asked(self, asked: Sequence[tuple[str | Bearer, str]]) -> list[StoredTask | UserError]:
        """Tasks by who asks and identifier, all in one reading; an error for each that is not there or may not be asked."""
        bearers = list({who for who, _ in asked if isinstance(who, Bearer)})
        with self._engine.connect() as connection:
            spaces = _namespaces(connection, bearers)
            rows = connection.execute(_ASKED, {"tasks": list({task for _, task in asked if is_id(task)})}).all()
        there = {row[0]: (row[1], StoredTask(row[0], row[2], row[3], row[4], int(row[5]))) for row in rows}
        found: list[StoredTask | UserError] = []
        for who, task in asked:
            mine = spaces[who] if isinstance(who, Bearer) else who
            space, stored = there.get(task, (None, None))
            if isinstance(mine, NotAllowed):
                found.append(mine)
            else:
                found.append(stored if stored is not None and space == mine else _missing(task))
        return found

    def add_task(self, namespace: str, learner: str, digest: str, version: StoredVersion) -> str:
        """A new task with its first version; its identifier. It is durable when this returns."""
        task = uuid.uuid4().hex
        row = {"id": task, "namespace": namespace, "learner": learner, "digest": digest, "created": version.created}
        with self._writer.begin() as connection:
            connection.execute(_TASKS.insert().values(**row))
            connection.execute(_VERSIONS.insert().values(task=task, **_row(version)))
        return task

    def add_version(self, task: str, version: StoredVersion) -> None:
        """One more version of a task.

        Raises:
            Taken: this number is there already.
            TaskError: the task is gone.
        """
        try:
            with self._writer.begin() as connection:
                there = sa.select(_TASKS.c.id).where(_TASKS.c.id == task)
                if connection.execute(there).scalar() is None:
                    raise TaskError(f"there is no task {task}. It may have been deleted.")
                connection.execute(_VERSIONS.insert().values(task=task, **_row(version)))
        except sa.exc.IntegrityError as error:
            raise Taken(f"the task {task} was changed by someone else at the same time. Try again.") from error

    def task(self, namespace: str, task: str) -> StoredTask:
        """A task of a namespace.

        Raises:
            TaskError: there is none.
        """
        (found,) = self.asked([(namespace, task)])
        if isinstance(found, UserError):
            raise found
        return found

    def tasks(self, namespace: str, learner: str | None = None, *, after: str = "", most: int = 1000) -> list[StoredTask]:
        """Tasks of a namespace, by identifier.

        Args:
            namespace: whose.
            learner: of this learner alone.
            after: only those whose identifier comes after it: for the next page.
            most: how many.
        """
        if not re.fullmatch("[0-9a-f]*", after):
            return []
        last = sa.func.max(_VERSIONS.c.number).label("last")
        asked = sa.select(_TASKS, last).join(_VERSIONS, _VERSIONS.c.task == _TASKS.c.id).group_by(*_TASKS.c)
        asked = asked.where(_TASKS.c.namespace == namespace, _TASKS.c.id > after)
        asked = asked if learner is None else asked.where(_TASKS.c.learner == learner)
        with self._engine.connect() as connection:
            rows = connection.execute(asked.order_by(_TASKS.c.id).limit(most)).mappings().all()
        return [StoredTask(r["id"], r["learner"], r["digest"], r["created"], int(r["last"])) for r in rows]

    def version(self, task: str, number: int) -> StoredVersion:
        """One version of a task.

        Raises:
            TaskError: there is none.
        """
        asked = sa.select(_VERSIONS).where(_VERSIONS.c.task == task, _VERSIONS.c.number == number)
        with self._engine.connect() as connection:
            row = connection.execute(asked).mappings().first()
        if row is None:
            raise TaskError(f"the task {task} has no version {number}.")
        classes = None if row["classes"] is None else tuple(json.loads(row["classes"]))
        return StoredVersion(int(row["number"]), bytes(row["state"]), classes, int(row["examples"]), float(row["created"]))

    def delete(self, namespace: str, task: str) -> None:
        """Deletes a task with all its versions.

        Raises:
            TaskError: there is none.
        """
        self.task(namespace, task)
        with self._writer.begin() as connection:
            connection.execute(_VERSIONS.delete().where(_VERSIONS.c.task == task))
            connection.execute(_TASKS.delete().where(_TASKS.c.id == task))


_LAST = sa.select(sa.func.max(_VERSIONS.c.number)).where(_VERSIONS.c.task == _TASKS.c.id).scalar_subquery()
_ASKED = sa.select(_TASKS.c.id, _TASKS.c.namespace, _TASKS.c.learner, _TASKS.c.digest, _TASKS.c.created, _LAST).where(
    _TASKS.c.id.in_(sa.bindparam("tasks", expanding=True))
)
_KNOWN = sa.select(_KEYS.c.hash, _KEYS.c.namespace).where(_KEYS.c.hash.in_(sa.bindparam("hashes", expanding=True)))
_ANY = sa.select(_KEYS.c.hash).limit(1)


def _namespaces(connection: sa.Connection, bearers: Sequence[Bearer]) -> dict[Bearer, str | NotAllowed]:
    hashes = {who: _hash(who.key) for who in bearers if who.key is not None}
    rows = connection.execute(_KNOWN, {"hashes": list(hashes.values())}).all() if hashes else []
    known = {str(row[0]): str(row[1]) for row in rows}
    found: dict[Bearer, str | NotAllowed] = {}
    for who in bearers:
        if who.key is not None:
            found[who] = known.get(hashes[who], NotAllowed("this key is not known here."))
        elif connection.execute(_ANY).scalar() is None:
            found[who] = ""
        else:
            found[who] = NotAllowed("this server asks for a key. Send it as a header: Authorization: Bearer KEY.")
    return found


def _missing(task: str) -> TaskError:
    return TaskError(f"there is no task {task}. It may have been deleted, or belong to another key.")


def _row(version: StoredVersion) -> dict[str, Any]:
    classes: Sequence[str] | None = version.classes
    return {
        "number": version.number,
        "state": version.state,
        "classes": None if classes is None else json.dumps(list(classes)),
        "examples": version.examples,
        "created": version.created,
    }


def _as_durable(connection: Any, record: Any) -> None:
    """Readers beside one writer, who waits for others; what was committed is on the disk."""
    del record
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begun(connection: sa.Connection) -> None:
    """A transaction that will write takes its turn at once; one that reads sees the data base as it is now."""
    writes = connection.get_execution_options().get("quickstudy_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0].rstrip(".")
