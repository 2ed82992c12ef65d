"""The server as a process: it starts by the command, survives kill -9 with all that it acknowledged, and shares a data base."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from quickstudy import learners, save
from quickstudy.errors import RunError, TaskError
from quickstudy.inputs.texts import Texts
from quickstudy.serve.client import Client
from quickstudy.serve.limits import NotAllowed
from serve.scene import TEXTS, free_port

Call = Callable[..., tuple[int, str, str]]

COMMAND = [sys.executable, "-c", "from quickstudy_cli import main; main()"]


@contextmanager
def running(folder: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of the learner in the folder, and its address."""
    port = free_port()
    words = [*COMMAND, "serve", f"texts={folder / 'learner'}", "--port", str(port)]
    words += ["--database", f"sqlite:///{folder}/tasks.db", *flags]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, env=os.environ)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if httpx.get(f"{address}/v2/health/ready").status_code == 200:
                    break
            except httpx.TransportError:
                assert process.poll() is None, process.stdout and process.stdout.read()
                time.sleep(0.1)
        else:
            pytest.fail("the server did not start")
        yield process, address
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    learner = learners.NearestCentroid()
    learner.reads = Texts(width=128)
    save(learner, tmp_path / "learner")
    return tmp_path


def test_what_was_acknowledged_survives_a_kill_and_two_processes_share_it(folder: Path) -> None:
    with running(folder) as (first, address):
        tasks = [httpx.post(f"{address}/v1/learners/texts/tasks", json={"examples": TEXTS}).json()["task"] for _ in range(5)]
        with running(folder) as (_, other):
            ask = {"queries": [{"text": "a card"}]}
            said = [httpx.post(f"{at}/v1/learners/texts/tasks/{tasks[0]}/predict", json=ask).json() for at in (address, other)]
            assert said[0] == said[1] and said[0]["answers"][0]["class"] == "cards"
            more = {"examples": [{"text": "pay", "label": "bills"}]}
            assert httpx.post(f"{other}/v1/learners/texts/tasks/{tasks[0]}/examples", json=more).json()["version"] == 2
            assert httpx.get(f"{address}/v1/learners/texts/tasks/{tasks[0]}").json()["classes"] == ["cards", "weather", "bills"]
        first.send_signal(signal.SIGKILL)
        first.wait()
    with running(folder) as (_, address):
        assert sorted(each["task"] for each in httpx.get(f"{address}/v1/learners/texts/tasks").json()) == sorted(tasks)


def test_a_key_is_printed_once_and_then_asked_for_and_the_page_holds(folder: Path, call: Call) -> None:
    database = f"sqlite:///{folder}/tasks.db"
    with running(folder) as (process, address):
        page = (Path(__file__).parents[2] / "docs/serve.md").read_text()
        (block,) = re.findall(r"^```curl\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        task, said = "", []
        for line in block.replace("\n  ", " ").splitlines():
            words = shlex.split(line.replace("http://127.0.0.1:8000", address).replace("TASK", task))
            done = subprocess.run(words, capture_output=True, text=True, timeout=60)
            said.append(done.stdout)
            assert done.returncode == 0 and "error" not in done.stdout, done
            task = task or json.loads(done.stdout)["task"]
        assert json.loads(said[1])["answers"][0]["class"] == "cards" and json.loads(said[4])["version"] == 2
        status, key, _ = call("serve", "--add-key", "ann", "--database", database)
        assert status == 0 and key.startswith("qs_")
        assert call("serve", "--add-key", "ann", "--database", database)[0] == 1
        client = Client(address, key.strip())
        with pytest.raises(NotAllowed, match="asks for a key"):
            Client(address).learners()
        assert client.learners()[0]["name"] == "texts" and client.tasks("texts") == []
        made = client.adapt("texts", TEXTS)
        assert client.predict("texts", made["task"], [{"text": "a card"}])[0]["class"] == "cards"
        assert client.about("texts", made["task"])["examples"] == 4
        client.delete("texts", made["task"])
        with pytest.raises(TaskError, match="may have been deleted"):
            client.about("texts", made["task"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) in (0, -signal.SIGTERM, 143)
    with pytest.raises(RunError, match="does not answer"):
        client.learners()
