"""The one-file MAML and `learners.MAML` are the same algorithm: adapted weights, objectives and meta-gradients agree."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from quickstudy import Examples, Task, learners
from quickstudy.execution.batching import Strategy, meta_gradient
from quickstudy.likelihood import Gaussian

FILE = Path(__file__).parents[2] / "examples" / "maml_from_scratch.py"


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("maml_from_scratch", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.network.double()
    return module


def waves(example: ModuleType) -> tuple[Tensor, ...]:
    return tuple(side.double() for side in example.sample_tasks(4, torch.Generator().manual_seed(3)))


def ours(example: ModuleType, steps: int) -> learners.MAML:
    """The library's MAML around a copy of the example's network; a normal likelihood of variance ½ has the square's gradient."""
    return learners.MAML(example.network, inner_lr=example.INNER_LR, inner_steps=steps, likelihood=Gaussian()).train()


def test_it_needs_nothing_but_torch() -> None:
    lines = [line.split()[1] for line in FILE.read_text().splitlines() if line.startswith(("import ", "from "))]
    assert {name.split(".")[0] for name in lines} == {"math", "torch"}


@pytest.mark.parametrize("steps", [1, 3])
def test_adapted_weights_agree(example: ModuleType, steps: int) -> None:
    x, y, _, _ = (side[0] for side in waves(example))
    mine = example.adapt(dict(example.network.named_parameters()), x, y, steps)
    state = ours(example, steps).adapt(Examples.of(x, y))
    assert mine.keys() == state.weights.keys()
    for name, weight in mine.items():
        torch.testing.assert_close(state.weights[name], weight, rtol=1e-12, atol=1e-14)
        assert not weight.equal(example.network.get_parameter(name))


@pytest.mark.parametrize("strategy", ["loop", "vmap"])
@pytest.mark.parametrize("steps", [1, 3])
def test_objectives_and_meta_gradients_agree(example: ModuleType, steps: int, strategy: Strategy) -> None:
    support_x, support_y, query_x, query_y = waves(example)
    mask = torch.ones(support_x.shape[:2], dtype=torch.float64)
    tasks = Task(Examples(support_x, support_y, mask), Examples(query_x, query_y, mask))
    learner = ours(example, steps)
    objectives = meta_gradient(learner, tasks, strategy=strategy)
    mine = example.outer_objective(dict(example.network.named_parameters()), waves(example), steps)
    mine.backward()
    constant = Gaussian().nll(query_y[0], query_y[0], mask[0])  # the likelihood's ½ log 2πv
    torch.testing.assert_close(objectives.mean() - constant, mine.detach())
    for name, weight in example.network.named_parameters():
        torch.testing.assert_close(learner.network.get_parameter(name).grad, weight.grad, rtol=1e-10, atol=1e-13)


def test_it_runs_and_learns(example: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """A short outer loop already puts one inner step ahead of none."""
    example.network.float()
    example.STEPS = 150
    example.main()
    *_, none, _, _, ten = [float(line.rpartition(" ")[2]) for line in capsys.readouterr().out.splitlines()]
    assert ten < 0.8 * none
