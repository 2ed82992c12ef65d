"""The server under load: 50 clients at once, adapting and predicting, beside the bare call of PyTorch and beside LitServe.

Every server runs on one core and the clients on another. LitServe wraps the same predictors: it collects requests into batches
and asks each task's predictor once for all of its queries in the batch. Blocks of ours and of LitServe alternate, because a busy
machine is never the same twice; beside requests a second stand those a second of CPU time, which others disturb less.

    python -m venv peer && peer/bin/pip install -e '.[serve,text,vision]' litserve
    python benchmarks/serve_load.py --litserve peer/bin/python
"""

import argparse
import asyncio
import base64
import io
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image

from quickstudy import learners, nn, save
from quickstudy.inputs.columns import Columns
from quickstudy.learner import Learner
from quickstudy.saving.ready.heads import head
from quickstudy.serve.client import Client
from quickstudy.serve.limits import Limits
from quickstudy.serve.raw import examples_of, inputs_of

SERVER_CORE, CLIENT_CORE = {0}, {1}
WORDS = [
    "card",
    "bank",
    "rain",
    "sun",
    "train",
    "ticket",
    "refund",
    "bill",
    "cold",
    "hot",
    "lost",
    "stolen",
    "wrong",
    "late",
    "please",
    "tomorrow",
    "account",
    "my",
    "the",
    "is",
    "where",
]
COLUMNS = [f"measure {n}" for n in range(16)]
WAYS, SHOTS = 3, 5


def of_rows() -> Learner[Any]:
    torch.manual_seed(0)
    luck = np.random.default_rng(0)
    learner = learners.ProtoNet(nn.MLP(len(COLUMNS), (64, 64)))
    learner.reads = Columns.fitted({name: luck.normal(size=50).tolist() for name in COLUMNS})
    return learner


KINDS: dict[str, Callable[[], Learner[Any]]] = {"rows": of_rows, "texts": lambda: head("texts"), "images": lambda: head("images")}


def thing(kind: str, luck: random.Random) -> dict[str, Any]:
    """A raw thing as a request holds it."""
    if kind == "rows":
        return {"row": {name: round(luck.gauss(0, 1), 3) for name in COLUMNS}}
    if kind == "texts":
        return {"text": " ".join(luck.choices(WORDS, k=luck.randint(4, 12)))}
    content = io.BytesIO()
    pixels = np.random.default_rng(luck.randrange(10**6)).integers(0, 256, (160, 200, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(content, "JPEG")
    return {"image": base64.b64encode(content.getvalue()).decode()}


def support(kind: str, luck: random.Random) -> list[dict[str, Any]]:
    names = luck.sample(WORDS, WAYS)
    return [thing(kind, luck) | {"label": name} for name in names for _ in range(SHOTS)]


class Connection:
    """One client of HTTP/1.1 that keeps its connection, with as little work as there can be."""

    def __init__(self, port: int) -> None:
        self.port, self.reader, self.writer = port, None, None

    async def post(self, path: str, content: bytes) -> tuple[int, bytes]:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        self.writer.write(head.encode() + content)
        found = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(found.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(found[9:12]), await self.reader.readexactly(length)


@dataclass
class Load:
    """What came of a block: milliseconds of each request by kind, statuses, tasks that were acknowledged."""

    seconds: float = 0.0
    cpu: float = 0.0
    times: dict[str, list[float]] = field(default_factory=lambda: {"adapt": [], "predict": []})
    statuses: dict[int, int] = field(default_factory=dict)
    tasks: list[str] = field(default_factory=list)

    def rate(self, kind: str = "predict") -> float:
        return len(self.times[kind]) / self.seconds

    def told(self, kind: str = "predict") -> str:
        found = np.array(self.times[kind])
        each = f"{self.rate(kind):7.0f}/s, p50 {np.percentile(found, 50):6.1f} ms, p99 {np.percentile(found, 99):6.1f} ms"
        return each + (f", {len(found) / self.cpu:7.0f} in a second of CPU" if kind == "predict" and self.cpu else "")


async def sent(load: Load, kind: str, connection: Connection, path: str, body: bytes) -> Any:
    began = time.perf_counter()
    status, content = await connection.post(path, body)
    load.times[kind].append((time.perf_counter() - began) * 1e3)
    load.statuses[status] = load.statuses.get(status, 0) + 1
    return json.loads(content) if status < 300 else {}


def loaded(server: "Server", clients: int, seconds: float, client: Callable[[Load, int, float], Awaitable[None]]) -> Load:
    """All clients at once, for so many seconds."""
    load = Load()

    async def work() -> None:
        end = time.perf_counter() + seconds
        await asyncio.gather(*(client(load, number, end) for number in range(clients)))

    before, began = server.cpu(), time.perf_counter()
    asyncio.run(work())
    load.seconds, load.cpu = time.perf_counter() - began, server.cpu() - before
    return load


class Server:
    """A process on the servers' core, and its port."""

    def __init__(self, words: list[str], ready_at: str) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = ["taskset", "-c", ",".join(map(str, SERVER_CORE)), *[word.replace("PORT", str(self.port)) for word in words]]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}{ready_at}", timeout=5).read()
                return
            except OSError:
                assert self.process.poll() is None, "the server ended"
                time.sleep(0.1)
        raise RuntimeError("the server did not start")

    def family(self) -> list[int]:
        """The process and all below it."""
        found = [self.process.pid]
        for parent in found:
            below = Path(f"/proc/{parent}/task").glob("*/children")
            found += [int(child) for path in below for child in path.read_text().split()]
        return found

    def cpu(self) -> float:
        """Seconds of CPU time so far."""
        ticks = [Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[11:13] for number in self.family()]
        return sum(int(tick) for pair in ticks for tick in pair) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        for number in reversed(self.family()):
            os.kill(number, 9)
        self.process.wait()


def mixed(kind: str, clients: int, seconds: float, server: Server) -> Load:
    """Each client makes a task, asks it, adds to it, and now and then makes another: one in 20 requests adapts."""

    async def client(load: Load, number: int, end: float) -> None:
        luck, connection, at = random.Random(number), Connection(server.port), f"/v1/learners/{kind}/tasks"
        questions = [json.dumps({"queries": [thing(kind, luck)]}).encode() for _ in range(20)]
        bodies = [json.dumps({"examples": support(kind, luck)}).encode() for _ in range(3)]
        task = ""
        while time.perf_counter() < end:
            if not task or luck.random() < 0.05:
                more = luck.random() < 0.5 and task
                found = await sent(load, "adapt", connection, f"{at}/{task}/examples" if more else at, luck.choice(bodies))
                task = found.get("task", task)
                load.tasks += [task] if found and not more else []
            else:
                await sent(load, "predict", connection, f"{at}/{task}/predict", luck.choice(questions))

    return loaded(server, clients, seconds, client)


def lost(server: Server, kind: str, tasks: list[str]) -> int:
    """How many tasks that were acknowledged are not listed."""
    return len(set(tasks) - {each["task"] for each in Client(f"http://127.0.0.1:{server.port}").tasks(kind)})


def predicting(clients: int, seconds: float, server: Server, calls: list[tuple[str, list[bytes]]]) -> Load:
    """Each client asks its own task."""

    async def client(load: Load, number: int, end: float) -> None:
        connection, luck = Connection(server.port), random.Random(number)
        path, bodies = calls[number % len(calls)]
        while time.perf_counter() < end:
            await sent(load, "predict", connection, path, luck.choice(bodies))

    return loaded(server, clients, seconds, client)


def bare(learner: Learner[Any], kind: str, seconds: float = 3.0) -> float:
    """Predictions a second of one predictor that is called in Python, one query after the other."""
    luck = random.Random(0)
    made, names = examples_of(support(kind, luck), learner, Limits())
    predictor = learner(made, names)
    x = inputs_of([thing(kind, luck)], predictor.reads, Limits())
    predictor(x)
    count, began = 0, time.process_time()
    while time.process_time() - began < seconds:
        predictor.probabilities(x)
        count += 1
    return count / (time.process_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0, help="of mixed load")
    parser.add_argument("--block", type=float, default=10.0, help="seconds of each block beside LitServe")
    parser.add_argument("--rounds", type=int, default=3, help="blocks of each")
    parser.add_argument("--litserve", default="", help="a Python with LitServe and quickstudy")
    parser.add_argument(
        "--peer", nargs="*", default=[], help="LitServe's most requests of a batch, seconds it waits for more, fast"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    os.sched_setaffinity(0, CLIENT_CORE)
    for kind in given.kinds:
        with tempfile.TemporaryDirectory() as folder:
            measure(kind, Path(folder), given)


def measure(kind: str, folder: Path, given: argparse.Namespace) -> None:
    """All of one kind of inputs."""
    learner = KINDS[kind]().eval()
    save(learner, folder / "learner")
    serve = [
        sys.executable,
        "-c",
        "from quickstudy_cli import main; main()",
        "serve",
        f"{kind}={folder}/learner",
        "--port",
        "PORT",
    ]
    with closing(Server([*serve, "--database", f"sqlite:///{folder}/mixed.db"], "/v2/health/ready")) as server:
        load = mixed(kind, given.clients, given.seconds, server)
        print(f"\n{kind}: bare call of PyTorch {bare(learner, kind):.0f} predictions in a second of CPU")
        print(f"{kind}, mixed for {load.seconds:.0f} s by {given.clients} clients")
        print(f"{kind}: predict {load.told()}; adapt {load.told('adapt')}")
        print(f"{kind}: statuses {load.statuses}, lost tasks {lost(server, kind, load.tasks)} of {len(load.tasks)}", flush=True)
    if not given.litserve:
        return
    luck = random.Random(1)
    tasks = [support(kind, luck) for _ in range(given.tasks)]
    (folder / "tasks.json").write_text(json.dumps(tasks))
    things = [[thing(kind, luck) for _ in range(10)] for _ in tasks]
    peer = [given.litserve, str(Path(__file__).with_name("serve_peer.py")), str(folder), kind, "PORT", *given.peer]
    with (
        closing(Server([*serve, "--database", f"sqlite:///{folder}/t.db"], "/v2/health/ready")) as ours,
        closing(Server(peer, "/health")) as other,
    ):
        ids = []
        for task in tasks:
            request = urllib.request.Request(f"http://127.0.0.1:{ours.port}/v1/learners/{kind}/tasks", method="POST")
            request.data, request.headers = json.dumps({"examples": task}).encode(), {"Content-Type": "application/json"}
            ids.append(json.loads(urllib.request.urlopen(request).read())["task"])
        asks = [[json.dumps({"queries": [each]}).encode() for each in mine] for mine in things]
        calls = [(f"/v1/learners/{kind}/tasks/{task}/predict", bodies) for task, bodies in zip(ids, asks, strict=True)]
        theirs = [
            ("/predict", [json.dumps({"task": n, "query": each}).encode() for each in mine]) for n, mine in enumerate(things)
        ]
        ratios = []
        for number in range(given.rounds + 1):  # the first is for caches alone
            seconds = given.block if number else 2.0
            a = predicting(given.clients, seconds, ours, calls)
            b = predicting(given.clients, seconds, other, theirs)
            assert set(a.statuses) | set(b.statuses) == {200}, (a.statuses, b.statuses)
            if number:
                ratios.append((a.rate() / b.rate(), len(a.times["predict"]) / a.cpu / (len(b.times["predict"]) / b.cpu)))
                print(
                    f"{kind}, block {number}: quickstudy {a.told()}; LitServe {b.told()}; ratio {ratios[-1][0]:.2f}", flush=True
                )
        found, by_cpu = (median(ratio[n] for ratio in ratios) for n in (0, 1))
        print(f"{kind}: median ratio {found:.2f} a second, {by_cpu:.2f} a second of CPU")


if __name__ == "__main__":
    main()
