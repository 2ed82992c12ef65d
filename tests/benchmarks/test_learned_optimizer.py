"""The benchmark's numbers are those of the evaluation, of torch's optimizers and of the learned rule itself."""

import dataclasses
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, evaluate, learners, recipes
from quickstudy.functional import SGD
from quickstudy.likelihood import Gaussian, LogLoss
from quickstudy.nn import MLP, CoordinateLSTM, Point
from quickstudy.runs.run import Run
from quickstudy.task import stack_tasks
from quickstudy.tasks import Quadratics

FILE = Path(__file__).parents[2] / "benchmarks" / "learned_optimizer.py"


def losses(network: nn.Module, optimizer: torch.optim.Optimizer, task: object, steps: int) -> Tensor:
    x, y = task.support.x, task.support.y  # type: ignore[attr-defined]
    found = []
    for _ in range(steps + 1):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(network(x), y)
        found.append(loss.detach())
        torch.autograd.backward(loss)
        optimizer.step()
    return torch.stack(found)


def test_the_baselines_are_torchs_own(benchmark: ModuleType) -> None:
    problems = Quadratics(5).sample(2)
    start = Point(5)
    baselines = {
        benchmark.Nesterov(0.05): lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True),
        benchmark.Adam(0.1): lambda p: torch.optim.Adam(p, 0.1),
        SGD(0.1): lambda p: torch.optim.SGD(p, 0.1),
    }
    for rule, make in baselines.items():
        found = benchmark.curves(start, rule, problems, Gaussian(), 12)
        for n in range(2):
            network = Point(5)
            network.load_state_dict(start.state_dict())
            expected = losses(network, make(network.parameters()), problems[n], 12)
            torch.testing.assert_close(found[n], expected, rtol=1e-4, atol=1e-5)


def test_its_losses_are_the_evaluates(benchmark: ModuleType) -> None:
    rule = CoordinateLSTM(4)
    nn.init.normal_(rule.head.weight, std=0.2)
    learner = learners.LearnedOptimizer(Point(5), rule, steps=7, window=7, likelihood=Gaussian())
    source, plan = Quadratics(5), Quadratics(5).plan(6, torch.Generator().manual_seed(0))

    class Same(Quadratics):
        def plan(self, batch: int, generator: torch.Generator | None = None) -> object:  # type: ignore[override]
            return plan

    report = evaluate(learner, Same(5), tasks=6)
    found = benchmark.curves(learner.network, rule, source.gather(plan), Gaussian(), 7)[:, -1]
    torch.testing.assert_close(found, torch.tensor(report.scores), rtol=1e-4, atol=1e-5)


def test_classes_are_evaluated_by_cross_entropy(benchmark: ModuleType) -> None:
    x, labels = torch.randn(9, 4), torch.arange(9) % 3
    examples = Examples.of(x, labels)
    network = nn.Linear(4, 3)
    found = benchmark.curves(network, SGD(0.1), stack_tasks([Task(examples, examples)]), LogLoss(), 1)
    torch.testing.assert_close(found[0, 0], nn.functional.cross_entropy(network(x), labels).detach())


def test_a_rule_moves_to_a_wider_network(benchmark: ModuleType) -> None:
    rule = CoordinateLSTM(4)
    nn.init.normal_(rule.head.weight)
    learner = learners.LearnedOptimizer(MLP(4, (3,), outputs=2), rule, steps=7, window=7)
    wide = benchmark.widened(learner, 9)
    assert torch.equal(wide.rule.head.weight, rule.head.weight) and wide.network.layers[0].out_features == 9
    one, other = benchmark.starts(wide, range(2))
    assert one.head.weight.shape == (2, 9) and not torch.equal(one.head.weight, other.head.weight)


def test_the_table_of_a_run(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "GRID", (1e-4, 0.05, 0.5, 50.0))
    arguments = {"horizon": 4, "window": 2, "windows": 2, "batch": 2, "steps": 1, "val_tasks": 2}
    assert dataclasses.is_dataclass(recipes.learned_optimizer(**arguments))
    for _ in Run(tmp_path / "run", "learned_optimizer", arguments).train():
        pass
    image = tmp_path / "curves.png"
    benchmark.main([str(tmp_path / "run"), "--tasks", "5", "--starts", "2", "--steps", "12", "--figure", str(image)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "quadratics of 10 dimensions: loss after 12 steps, 5 problems from each of 2 starts"
    assert [line.split("|")[1].split(",")[0].strip() for line in lines[3:]] == ["learned", "Adam", "SGD", "Nesterov momentum"]
    assert all("of 10 problems" in line for line in lines[4:])
    assert image.stat().st_size > 5000
