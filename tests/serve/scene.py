"""What tests of the server share: learners of all kinds of inputs, a data base in a file, a client, a server on a port."""

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import uvicorn
from fastapi.testclient import TestClient
from PIL import Image
from torch import nn

from quickstudy import learners
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.texts import Texts
from quickstudy.learner import Learner
from quickstudy.serve.database import Database
from quickstudy.serve.http import web
from quickstudy.serve.limits import Limits
from quickstudy.serve.sessions import Sessions
from quickstudy.serve.slow_clients import patient

TEXTS = [
    {"text": "my card is lost", "label": "cards"},
    {"text": "a stolen card", "label": "cards"},
    {"text": "will it rain", "label": "weather"},
    {"text": "rain today", "label": "weather"},
]
ROWS = [{"row": {"age": age, "sex": "f"}, "label": label} for age, label in ((30, "no"), (40, "no"), (60, "yes"), (70, "yes"))]


def served() -> dict[str, Learner[Any]]:
    """Learners by name."""
    torch.manual_seed(0)
    rows = Columns.fitted({"age": [30.0, 50.0], "sex": ["f", "m"]})
    found: dict[str, Learner[Any]] = {
        "texts": learners.R2D2(nn.Flatten(), penalty=1.0),
        "rows": learners.NearestCentroid(),
        "values": learners.ALPaCA(nn.Identity(), rows.width),
        "images": learners.ProtoNet(nn.Flatten()),
        "near": learners.NearestNeighbours(),
    }
    kinds = {"texts": Texts(width=128), "rows": rows, "values": rows, "images": Images((8, 8)), "near": Texts(width=128)}
    for name, learner in found.items():
        learner.reads = kinds[name]
    return found


@contextmanager
def client(folder: Path, limits: Limits = Limits(), **more: Any) -> Iterator[TestClient]:  # noqa: B008
    """A client of a server whose data base is in the folder."""
    sessions = Sessions(served() | more, Database(f"sqlite:///{folder}/tasks.db"), limits)
    try:
        with TestClient(web(sessions), raise_server_exceptions=False) as found:
            yield found
    finally:
        sessions.close()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def on_a_port(sessions: Sessions) -> Iterator[str]:
    """The address of a server in a thread, as the command runs it; the sessions are closed at the end."""
    config = uvicorn.Config(web(sessions), port=0, log_level="error", http=patient(sessions.limits.seconds))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        sessions.close()


def picture(seed: int, bright: bool) -> bytes:
    """A PNG of noise on a dark or a bright ground."""
    noise = np.random.default_rng(seed).integers(0, 60, (12, 12)).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise + (180 if bright else 0)).save(content, "PNG")
    return content.getvalue()
