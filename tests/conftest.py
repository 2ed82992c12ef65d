"""What all tests share: few threads, fixed seeds, a cache of built data that follows the code, and the way to real data."""

import gc
import hashlib
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest
import torch

from quickstudy.execution.seeding import seed_generators

ROOT = Path(__file__).parents[1]

torch.set_num_threads(1)  # small tensors: a second thread costs more than it brings, and sums keep one order


def pytest_configure(config: pytest.Config) -> None:
    """Data built by tests is kept beside pytest's own cache, and built anew whenever the code that builds it has changed."""
    if "QUICKSTUDY_CACHE" in os.environ:
        return
    code = b"".join(path.read_bytes() for path in sorted((ROOT / "src/quickstudy/datasets").glob("*.*")))
    kept = ROOT / ".pytest_cache" / "quickstudy"
    wanted = kept / hashlib.sha256(code).hexdigest()[:12]
    for old in kept.glob("*"):
        if old != wanted:
            shutil.rmtree(old, ignore_errors=True)
    os.environ["QUICKSTUDY_CACHE"] = str(wanted)


def pytest_collection_finish() -> None:
    """What is there by now, thousands of tests and all they import, stays: no collection of garbage looks through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own list of code that may run is neither read nor written."""
    monkeypatch.setenv("QUICKSTUDY_CONFIG", str(tmp_path_factory.getbasetemp() / "settings"))


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The command line answers signals in a way of its own, for as long as its process lives; here that is one test."""
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(kind) for kind in kinds]
    yield
    for kind, handler in zip(kinds, before, strict=True):
        if signal.getsignal(kind) is not handler:
            signal.signal(kind, handler)


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """Every test starts from the same global random state and float type, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)
    seed_generators(0)
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


@pytest.fixture(scope="session")
def data_path() -> Path:
    """The folder of real data sets; tests that need one are skipped without it."""
    named = os.environ.get("QUICKSTUDY_DATA")
    if not named:
        pytest.skip("needs real data: put omniglot/images_*.zip of its authors into FOLDER and set QUICKSTUDY_DATA=FOLDER")
    path = Path(named)
    if not path.is_dir():
        pytest.fail(f"QUICKSTUDY_DATA names {path}, which is no folder. Correct it or unset it.")
    return path


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The command line in this process: exit status, output, errors on one line."""
    from quickstudy_cli import main

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["quickstudy", *map(str, words)])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        found = capsys.readouterr()
        return status, found.out, " ".join(found.err.split())

    return run
