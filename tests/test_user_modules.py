"""Any network of a user's, unmodified, as MAML's network and as ProtoNet's encoder: it trains, is evaluated and predicts."""

import copy
import logging
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Learner, datasets, evaluate, learners, load, save, train
from quickstudy.errors import LearnerError
from quickstudy.tasks import FewShot

WAYS, SIZE = 3, 8


def source() -> FewShot:
    """Images of 1×8×8 whose classes are patterns under noise."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(20).repeat_interleave(10)
    x = torch.randn(20, 1, SIZE, SIZE, generator=generator)[labels] + 0.7 * torch.randn(200, 1, SIZE, SIZE, generator=generator)
    return FewShot(datasets.from_arrays(x, labels), WAYS, 2, 4)


class Recurrent(nn.Module):
    """Reads an image row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTM(SIZE, 12, batch_first=True), nn.Linear(12, WAYS)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.cell(x[:, 0])[0][:, -1])
        return outputs


class Attention(nn.Module):
    """Rows are tokens of a stock transformer, dropout included."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(SIZE, 2, 16, 0.1, batch_first=True)
        self.body = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(SIZE, WAYS)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.body(x[:, 0]).mean(1))
        return outputs


class Residual(nn.Module):
    """Convolutions with batch norm and a shared activation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(a, 4, 3, padding=1) for a in (1, 4))
        self.norms, self.act = nn.ModuleList(nn.BatchNorm2d(4) for _ in range(2)), nn.ReLU(inplace=True)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, WAYS))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.act(self.norms[0](self.first(x)))
        outputs: Tensor = self.head(self.act(hidden + self.norms[1](self.second(hidden))))
        return outputs


def flat(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(SIZE * SIZE, 16), *layers, nn.Linear(16, WAYS))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "batch norm": lambda: flat(nn.BatchNorm1d(16), nn.ReLU()),
    "batch norm without running averages": lambda: flat(nn.BatchNorm1d(16, track_running_stats=False), nn.ReLU()),
    "layer norm": lambda: flat(nn.LayerNorm(16), nn.GELU()),
    "group and instance norm": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True), nn.SiLU(), nn.Flatten(), nn.Linear(144, WAYS)
    ),
    "dropout": lambda: flat(nn.Dropout(0.3), nn.ReLU(inplace=True), nn.AlphaDropout(0.1)),
    "residual": Residual,
    "lstm": Recurrent,
    "attention": Attention,
    "weight norm": lambda: flat(nn.utils.parametrizations.weight_norm(nn.Linear(16, 16)), nn.Tanh()),
    "spectral norm": lambda: flat(nn.utils.parametrizations.spectral_norm(nn.Linear(16, 16)), nn.Tanh()),
}

kinds: dict[str, Callable[[nn.Module], Learner]] = {  # type: ignore[type-arg]
    "MAML": lambda network: learners.MAML(network, inner_lr=0.1, inner_steps=2),
    "first-order MAML": lambda network: learners.MAML(network, inner_lr=0.1, first_order=True),
    "Reptile": lambda network: learners.Reptile(network, test_steps=5),
    "ProtoNet": learners.ProtoNet,
    "FromScratch": lambda network: learners.FromScratch(network, steps=3),
    "FineTune": lambda network: learners.FineTune(network, features=WAYS, classes=20, steps=3),
}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "quickstudy")


@pytest.mark.parametrize("kind", kinds)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_stock_network_serves_every_learner(name: str, kind: str) -> None:
    network = NETWORKS[name]()
    given = copy.deepcopy(network)
    learner, tasks = kinds[kind](network), source()
    if kind not in ("FromScratch", "FineTune"):
        before = [p.detach().clone() for p in learner.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(learner.parameters(), 0.01)
        for record in train(learner, tasks, steps=2, batch=2, optimizer=optimizer):
            assert 0 < record.gradient_norm < 1e4
        moved = [not torch.equal(p, q) for p, q in zip((p for p in learner.parameters() if p.requires_grad), before, strict=True)]
        assert all(moved) or sum(moved) >= len(moved) - 4, "only a bias before a norm, or of attention's keys, may stand still"
    if kind == "ProtoNet" and "without running" in name:
        with pytest.raises(LearnerError, match="track_running_stats=True"):
            evaluate(learner, tasks, tasks=4)
        return
    kept = {key: value.clone() for key, value in learner.state_dict().items()}
    report = evaluate(learner, tasks, tasks=4)
    assert len(report.scores) == 4 and all(0 <= score <= 1 for score in report.scores)
    assert all(value.equal(kept[key]) for key, value in learner.state_dict().items()), "evaluating changed the learner"
    task = tasks.sample(1)[0]
    predictor = learner(task.support, classes=("a", "b", "c"))
    probabilities = predictor.probabilities(task.query.x)
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(12))
    assert set(predictor.names(task.query.x)) <= {"a", "b", "c"}
    if kind not in ("ProtoNet", "FineTune"):  # these two keep the network itself; the others train a copy
        assert all(a.equal(b) for a, b in zip(network.state_dict().values(), given.state_dict().values(), strict=True))


@pytest.mark.parametrize("kind", ["MAML", "ProtoNet", "FineTune"])
def test_a_users_network_is_saved_and_filled(kind: str, tmp_path: pytest.TempPathFactory) -> None:
    learner = kinds[kind](Residual()).eval()
    task = source().sample(1)[0]
    predictor = learner(task.support, classes=("a", "b", "c"))
    save(predictor, f"{tmp_path}/predictor.safetensors")
    loaded = load(f"{tmp_path}/predictor.safetensors", like=kinds[kind](Residual()))
    assert torch.equal(loaded(task.query.x), predictor(task.query.x)) and loaded.classes == ("a", "b", "c")


def test_support_statistics_make_queries_independent_of_each_other() -> None:
    learner = learners.MAML(Residual(), inner_lr=0.1)
    task = source().sample(1)[0]
    predictor = learner(task.support)
    alone = torch.cat([predictor(x[None]) for x in task.query.x])
    torch.testing.assert_close(predictor(task.query.x), alone, rtol=1e-4, atol=1e-5)
    seen = learners.MAML(Residual(), inner_lr=0.1, norm="batch")(task.support)
    assert not torch.allclose(seen(task.query.x)[:4], seen(task.query.x[:4]), atol=1e-3)
