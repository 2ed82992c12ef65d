"""Exports as jobs: they end in a file that answers as the server does, live in the data base, and belong to one key."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient

from quickstudy import load
from quickstudy.errors import LearnerError
from quickstudy.export.checking import check, notes
from quickstudy.serve import exports
from quickstudy.serve.client import Client
from quickstudy.serve.database import Database
from quickstudy.serve.limits import Limits
from quickstudy.serve.sessions import Sessions
from serve.scene import ROWS, TEXTS, client, on_a_port, served


def ended(http: TestClient, address: str, export: str) -> dict[str, Any]:
    for _ in range(3000):
        found: dict[str, Any] = http.get(f"{address}/exports/{export}").json()
        if found["status"] != "waiting":
            return found
        time.sleep(0.05)
    raise AssertionError("it does not end")


def test_a_task_becomes_a_program_that_answers_as_the_server_does(tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    with client(tmp_path) as http:
        task = http.post("/v1/learners/rows/tasks", json={"examples": ROWS}).json()["task"]
        address = f"/v1/learners/rows/tasks/{task}"
        asked = http.post(f"{address}/exports", json={})
        job = asked.json()
        assert asked.status_code == 202, asked.text
        assert job["version"] == 1 and job["format"] == "onnx" and job["error"] is None
        done = ended(http, address, job["export"])
        assert done["status"] == "done", done
        file = http.get(f"{address}/exports/{job['export']}/file")
        assert file.status_code == 200 and len(file.content) == done["bytes"]
        assert file.headers["content-disposition"] == f'attachment; filename="rows-{task[:8]}.onnx"'
        (tmp_path / "task.onnx").write_bytes(file.content)
        assert check(tmp_path / "task.onnx").within() and notes(tmp_path / "task.onnx")["classes"] == ["no", "yes"]
        said = http.post(f"{address}/predict", json={"queries": [{"row": {"age": 62, "sex": "m"}}]}).json()["answers"][0]
        (tmp_path / "p").write_bytes(http.get(f"{address}/predictor").content)
        reads = load(tmp_path / "p").reads
        x = reads.batch([{"age": 62, "sex": "m"}]).numpy()
        _, probabilities = ort.InferenceSession(tmp_path / "task.onnx").run(None, {"x": x})
        assert probabilities[0].tolist() == pytest.approx(list(said["probabilities"].values()), abs=1e-5)
        assert http.post(f"{address}/exports", json={}).json() == done, "asked for again, it is the same one"
    with client(tmp_path) as http:
        assert http.get(f"{address}/exports/{job['export']}/file").content == file.content, "it outlives the process"
        more = [{"row": {"age": 90, "sex": "f"}, "label": "old"}]
        assert http.post(f"{address}/examples", json={"examples": more}).json()["version"] == 2
        second = http.post(f"{address}/exports", json={"format": "onnx"}).json()
        assert second["version"] == 2 and second["export"] != job["export"]
        assert http.get(f"{address}/exports/{job['export']}").status_code == 404, "a later version replaces it"
        assert http.post(f"{address}/exports", json={"version": 7}).status_code == 404


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The program that is made waits until this is called."""
    gate = threading.Event()

    def made(predictor: Any, wanted: Any) -> bytes:
        gate.wait(60)
        if wanted.form == "pt2":
            raise ZeroDivisionError("of a secret")
        return b"program"

    monkeypatch.setattr(exports, "_exported", made)
    yield gate.set
    gate.set()


def test_a_job_waits_off_the_event_loop_and_others_are_answered(tmp_path: Path, held: Callable[[], None]) -> None:
    with client(tmp_path, Limits(exports=2)) as http:
        tasks = [http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}).json()["task"] for _ in range(3)]
        at = [f"/v1/learners/texts/tasks/{task}" for task in tasks]
        first = http.post(f"{at[0]}/exports", json={}).json()
        assert first["status"] == "waiting" and http.post(f"{at[0]}/exports", json={}).json() == first
        found = http.get(f"{at[0]}/exports/{first['export']}/file")
        assert found.status_code == 409 and "this export is waiting. Ask again in a while." in found.json()["error"]
        assert http.post(f"{at[0]}/predict", json={"queries": [{"text": "a card"}]}).status_code == 200
        assert http.post(f"{at[1]}/exports", json={}).status_code == 202
        refused = http.post(f"{at[2]}/exports", json={})
        assert refused.status_code == 503 and "2 exports wait already" in refused.json()["error"]
        held()
        assert ended(http, at[0], first["export"])["bytes"] == len(b"program")
        assert http.get(f"{at[1]}/exports/{first['export']}").status_code == 404, "it is of another task"
        assert http.delete(at[0]).status_code == 204
        assert http.get(f"{at[0]}/exports/{first['export']}").status_code == 404


def test_a_failure_is_said_and_tried_again(tmp_path: Path, held: Callable[[], None]) -> None:
    held()
    with client(tmp_path) as http:
        task = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}).json()["task"]
        address = f"/v1/learners/texts/tasks/{task}"
        job = http.post(f"{address}/exports", json={"format": "pt2"}).json()
        found = ended(http, address, job["export"])
        assert found["status"] == "failed" and "secret" not in found["error"] and "could not write" in found["error"]
        assert http.get(f"{address}/exports/{job['export']}/file").status_code == 409
        again = http.post(f"{address}/exports", json={"format": "pt2"}).json()
        assert again["status"] == "waiting" and again["export"] != job["export"]
        wrong = http.post(f"{address}/exports", json={"format": "pt2", "int8": True})
        assert wrong.status_code == 400 and "8 bits are of ONNX" in wrong.json()["error"]
        assert http.post(f"{address}/exports", json={"format": "zip"}).status_code == 422


def test_a_job_of_a_process_that_ended_is_said(tmp_path: Path, held: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    with client(tmp_path) as http:
        task = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}).json()["task"]
        address = f"/v1/learners/texts/tasks/{task}"
        job = http.post(f"{address}/exports", json={}).json()
        monkeypatch.setattr(exports, "_GIVEN_UP", 0.0)
        found = http.get(f"{address}/exports/{job['export']}").json()
        assert found["status"] == "failed" and "the process that made it ended" in found["error"]
        held()


def test_each_key_sees_its_own_exports_alone(tmp_path: Path, held: Callable[[], None]) -> None:
    held()
    with client(tmp_path) as http:
        keys = [Database(f"sqlite:///{tmp_path}/tasks.db").new_key(name) for name in ("ann", "bob")]
        ann, bob = ({"Authorization": f"Bearer {key}"} for key in keys)
        task = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}, headers=ann).json()["task"]
        address = f"/v1/learners/texts/tasks/{task}/exports"
        job = http.post(address, json={}, headers=ann).json()["export"]
        assert http.get(f"{address}/{job}", headers=ann).status_code == 200
        for who, status in ((bob, 404), ({}, 401)):
            assert http.post(address, json={}, headers=who).status_code == status
            assert http.get(f"{address}/{job}", headers=who).status_code == status
            assert http.get(f"{address}/{job}/file", headers=who).status_code == status


def test_the_client_waits_for_the_file(tmp_path: Path, held: Callable[[], None]) -> None:
    held()
    torch.manual_seed(0)
    sessions = Sessions({"texts": served()["texts"]}, Database(f"sqlite:///{tmp_path}/tasks.db"))
    with on_a_port(sessions) as address:
        asked = Client(address)
        task = asked.adapt("texts", TEXTS)["task"]
        assert asked.export("texts", task) == b"program"
        with pytest.raises(LearnerError, match="could not write the program"):
            asked.export("texts", task, form="pt2")
