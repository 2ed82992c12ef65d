"""Several processes end with the weights that one ends with, and a run survives the death of any of them."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from quickstudy import Examples, datasets, learners, train
from quickstudy.cli.launching import Machines
from quickstudy.errors import LearnerError, MissingExtra, RunError, TaskError
from quickstudy.execution.processes import Processes
from quickstudy.learner import Learner
from quickstudy.nn import MLP
from quickstudy.runs.run import Run
from quickstudy.storage.artefact import read
from quickstudy.tasks import FewShot

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent)}
STEPS, BATCH = 12, 5
MINUTES = 60.0
"""Far more than anything here takes: it ends a hang, it measures nothing."""


def source() -> FewShot:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(12).repeat_interleave(10)
    x = torch.randn(12, 6, generator=generator)[labels] + 0.5 * torch.randn(120, 6, generator=generator)
    return FewShot(datasets.from_arrays(x, labels), 3, 2, 4)


def contestants() -> dict[str, Learner[Any]]:
    """An inner loop, an encoder, and one whose second layer nobody uses."""
    torch.manual_seed(1)
    partly = nn.ModuleDict({"used": MLP(6, (8,)), "unused": nn.Linear(2, 2)})
    partly.forward = lambda x: partly["used"](x)  # type: ignore[method-assign]
    return {
        "maml": learners.MAML(MLP(6, (12,), outputs=3), inner_lr=0.3),
        "proto": learners.ProtoNet(MLP(6, (12,))),
        "partly": learners.ProtoNet(partly),
    }


def trained(fabric: Any, wrong: float = 0.0) -> dict[str, Any]:
    """Weights and losses of each; the weights of all processes but the first begin ``wrong``."""
    found = {}
    for name, learner in contestants().items():
        with torch.no_grad():
            for weight in learner.parameters():
                weight += wrong
        optimizer = torch.optim.AdamW(learner.parameters(), 0.01, weight_decay=0.1)  # which moves what has a gradient of zero
        records = list(train(learner, source(), steps=STEPS, batch=BATCH, optimizer=optimizer, clip=0.5, fabric=fabric))
        found[name] = (learner.state_dict(), [(r.loss, r.gradient_norm) for r in records])
    return found


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    call = [sys.executable, script, *map(str, arguments)]
    return subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)


def test_two_processes_end_with_the_weights_of_one(tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(
        "import sys, torch\nfrom lightning_fabric import Fabric\nfrom test_processes import trained\n"
        "torch.set_num_threads(1)\nfabric = Fabric(accelerator='cpu', devices=2, strategy='ddp')\nfabric.launch()\n"
        "torch.save(trained(fabric, wrong=float(fabric.global_rank)), f'{sys.argv[1]}/{fabric.global_rank}')\n"
    )
    process = python(str(script), tmp_path)
    told = process.communicate(timeout=MINUTES * 5)[1]
    assert process.returncode == 0, told
    alone, first, second = trained(None), torch.load(tmp_path / "0"), torch.load(tmp_path / "1")
    for name, (weights, records) in alone.items():
        assert first[name][1] == second[name][1], "records differ between processes"
        assert torch.tensor(first[name][1]).allclose(torch.tensor(records), rtol=1e-4, atol=1e-6)
        for key, weight in weights.items():
            assert torch.equal(first[name][0][key], second[name][0][key])
            torch.testing.assert_close(first[name][0][key], weight, rtol=0, atol=1e-5)
    before = contestants()["partly"].state_dict()
    assert all(torch.equal(before[key], first["partly"][0][key]) for key in before if "unused" in key)


SCRIPT = """
import os, sys, torch
torch.set_num_threads(1)
import quickstudy.runs.keeping as keeping
import quickstudy.runs.run as run
from quickstudy_cli import main
keeping._SAVE_SECONDS, train = 0.0, run.Run.train

def told(self, fabric, **options):
    for record in train(self, fabric, **options):
        yield record
        if fabric.global_rank == 1:
            print(record.step, os.getpid(), flush=True)

run.Run.train = told
main()
"""
ARGUMENTS = {"steps": 40, "batch": 4, "validations": 1}


def test_a_killed_process_ends_the_run_which_resumes(tmp_path: Path) -> None:
    """By the command line, in two processes: nothing hangs, the folder stays whole, and the run goes on from it."""
    script, folder, whole = tmp_path / "run.py", tmp_path / "run", tmp_path / "whole"
    script.write_text(SCRIPT)
    flags = ["--steps", 40, "--batch", 4, "--validations", 1, "--out", folder, "--devices", 2, "--accelerator", "cpu"]
    process = python(str(script), "train", "maml", "--data", "sinusoid", *flags)
    assert process.stdout is not None
    for line in process.stdout:
        if line.split()[:1] == ["20"]:
            os.kill(int(line.split()[1]), signal.SIGKILL)
            break
    told = process.communicate(timeout=MINUTES * 5)[1]
    assert process.returncode == -signal.SIGKILL or (
        process.returncode == 1 and "quickstudy: another process of this run has ended" in told
    ), told
    step = read(folder / "training.safetensors", ("training",)).description["step"]
    assert 18 <= step < 40 and not (folder / "best.safetensors").exists()
    resumed = list(Run(folder).train())
    assert resumed[0].step == step + 1
    list(Run(whole, "maml", {"data": "sinusoid"} | ARGUMENTS).train())
    for a, b in zip(*[read(f / "training.safetensors", ("training",)).tensors for f in (folder, whole)], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    steps, other = ([line["step"] for line in Run(f).history()] for f in (folder, whole))
    assert steps == other


class Twin:
    """A fabric of two processes, the other of which always finds the same as this one."""

    world_size, device, strategy = 2, torch.device("cpu"), Fabric(accelerator="cpu", devices=1).strategy

    def __init__(self, rank: int = 0) -> None:
        self.global_rank, self.told = rank, 0

    def all_reduce(self, data: Tensor, group: Any = None, reduce_op: Any = "mean") -> Any:
        assert reduce_op == "sum"
        self.told += 1
        return 2 * data

    def broadcast(self, obj: Any, src: int = 0) -> Any:
        return obj

    def autocast(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def to_device(self, obj: Any) -> Any:
        return obj


def test_one_collective_a_step_carries_gradients_and_running_averages() -> None:
    twin, learner = Twin(), learners.ProtoNet(nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4)))
    alone = learners.ProtoNet(nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4)))
    alone.load_state_dict(learner.state_dict())
    options: dict[str, Any] = {"steps": 3, "seed": 2}
    optimizer = torch.optim.SGD(learner.parameters(), 0.1)
    records = list(train(learner, source(), batch=4, optimizer=optimizer, fabric=twin, **options))
    assert twin.told == 3
    half = FirstHalf(source().index, 3, 2, 4)
    plain = list(train(alone, half, batch=4, optimizer=torch.optim.SGD(alone.parameters(), 0.1), **options))
    for a, b in zip(records, plain, strict=True):
        assert (a.loss, a.gradient_norm) == pytest.approx((b.loss, b.gradient_norm), rel=1e-6)
    for key, value in alone.state_dict().items():
        torch.testing.assert_close(learner.state_dict()[key], value)


class FirstHalf(FewShot):
    """The first half of each batch of tasks."""

    def gather(self, plan: Any) -> Any:
        return super().gather(plan[: len(plan) // 2])


def test_shares_are_whole_and_apart_and_seeds_differ() -> None:
    taken = []
    for rank in range(3):
        processes = Processes(None)
        processes.rank, processes.count = rank, 3
        taken.append(list(range(8))[processes.share(8)])
    assert [task for share in taken for task in share] == list(range(8))
    assert max(map(len, taken)) - min(map(len, taken)) == 1
    with pytest.raises(TaskError, match="batch=1: 2 processes need at least one task each"):
        Processes(Twin()).share(1)
    assert Processes(Twin(0)).seed(5) == 5 != Processes(Twin(1)).seed(5) == Processes(Twin(1)).seed(5)


class Watching(learners.ProtoNet):
    """Remembers what it computed in."""

    def encode(self, x: Tensor) -> Tensor:
        self.encoded = super().encode(x)
        return self.encoded

    def adapt(self, support: Examples) -> Any:
        self.adapted, self.automatic = support.x.dtype, torch.is_autocast_enabled("cpu")
        return super().adapt(support)


def test_mixed_precision_is_the_encoders_alone() -> None:
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    fabric.launch()
    learner = Watching(MLP(6, (12,)))
    records = list(
        train(learner, source(), steps=30, batch=4, optimizer=torch.optim.Adam(learner.parameters(), 0.01), fabric=fabric)
    )
    assert learner.encoded.dtype == torch.bfloat16 and learner.adapted == torch.float32 and not learner.automatic
    assert all(weight.dtype == torch.float32 for weight in learner.parameters()) and records[-1].loss < records[0].loss
    inner = [learners.MAML(MLP(6, (12,), outputs=3), inner_lr=0.3) for _ in range(2)]
    inner[1].load_state_dict(inner[0].state_dict())
    for maml, precise in zip(inner, (fabric, None), strict=True):
        list(train(maml, source(), steps=3, batch=4, optimizer=torch.optim.SGD(maml.parameters(), 0.1), fabric=precise))
    assert all(torch.equal(a, b) for a, b in zip(*[maml.parameters() for maml in inner], strict=True))
    with pytest.raises(LearnerError, match=r"precision 'bf16-true' is not supported: .* Choose one of 32-true, bf16-mixed"):
        Processes(Fabric(accelerator="cpu", devices=1, precision="bf16-true"))


class Broken(Twin):
    def all_reduce(self, data: Tensor, group: Any = None, reduce_op: Any = "mean") -> Any:
        raise RuntimeError("[file.cc:537] Read error: Connection reset by peer\nmore")


def test_a_lost_process_is_told() -> None:
    learner = learners.ProtoNet(MLP(6, (12,)))
    loop = train(learner, source(), steps=1, batch=4, optimizer=torch.optim.Adam(learner.parameters()), fabric=Broken())
    with pytest.raises(RunError, match=r"ended, so this one ends, too \(Read error: Connection reset by peer\)\. .*resume RUN"):
        next(loop)


def test_machines_that_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Machines().fabric() is None
    one = Machines(accelerator="cpu").fabric()
    assert one.world_size == 1 and one.device == torch.device("cpu")
    with pytest.raises(RunError, match=r"could not be started: .*Look at --devices"):
        Machines(devices="-3", accelerator="cpu").fabric()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    assert Machines().fabric() is None
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(MissingExtra, match=r'pip install "quickstudy\[scale\]"'):
        Machines(devices="2").fabric()


@pytest.mark.slow
def test_under_torchrun(tmp_path: Path) -> None:
    """Whose environment Fabric finds; the flags need not say it again."""
    programs = Path(sys.executable).parent
    options = ["train", "maml", "--data", "sinusoid", "--steps", "20", "--batch", "4", "--out", str(tmp_path / "two")]
    call = [str(programs / "torchrun"), "--nproc-per-node", "2", "--master-port", "29531", str(programs / "quickstudy"), *options]
    subprocess.run(call, check=True, env=ENVIRONMENT, timeout=MINUTES * 5, capture_output=True)
    list(Run(tmp_path / "one", "maml", {"data": "sinusoid", "steps": 20, "batch": 4}).train())
    for a, b in zip(*[read(tmp_path / f / "training.safetensors", ("training",)).tensors for f in ("one", "two")], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
