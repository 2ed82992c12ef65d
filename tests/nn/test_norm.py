"""Exact norms equal stock ones, keep their names, ignore padding, and can be recorded and replayed."""

import copy
import inspect

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, learners
from quickstudy.errors import LearnerError, ShapeError
from quickstudy.nn import Frozen, NormedByExample, Settled, norm

LAYERS = {
    "batch": (nn.BatchNorm1d(6), (5, 6)),
    "batch, positions": (nn.BatchNorm1d(6, eps=1e-3), (5, 6, 4)),
    "batch, images": (nn.BatchNorm2d(6), (5, 6, 3, 2)),
    "batch, volumes": (nn.BatchNorm3d(6), (5, 6, 3, 2, 2)),
    "batch, not affine": (nn.BatchNorm2d(6, affine=False), (5, 6, 3, 2)),
    "layer": (nn.LayerNorm(6), (5, 6)),
    "layer, two axes": (nn.LayerNorm([6, 3]), (5, 6, 3)),
    "layer, no bias": (nn.LayerNorm(6, bias=False), (5, 6)),
    "layer, not affine": (nn.LayerNorm(6, elementwise_affine=False), (5, 6)),
    "instance": (nn.InstanceNorm1d(6), (5, 6, 4)),
    "instance, images": (nn.InstanceNorm2d(6, affine=True), (5, 6, 3, 2)),
}

if "bias" in inspect.signature(nn.BatchNorm1d).parameters:  # newer PyTorch
    LAYERS["batch, no bias"] = (nn.BatchNorm1d(6, bias=False), (5, 6))


def moved(layer: nn.Module) -> nn.Module:
    layer = copy.deepcopy(layer).double()
    with torch.no_grad():
        for weight in layer.parameters():
            weight.add_(torch.randn_like(weight))
    return layer


@pytest.mark.parametrize("name", LAYERS)
def test_it_equals_the_stock_layer_in_training(name: str) -> None:
    stock, shape = moved(LAYERS[name][0]).train(), LAYERS[name][1]
    exact = norm.convert(stock)
    assert type(exact) is not type(stock)
    assert dict(exact.named_parameters()).keys() == dict(stock.named_parameters()).keys()
    x = torch.randn(shape, dtype=torch.float64) * 3 + 1
    torch.testing.assert_close(exact(x), stock(x))
    for mask in (None, torch.ones(len(x), dtype=torch.float64)):
        with norm.recording(mask) as kept:
            torch.testing.assert_close(exact(x), stock(x))
        with norm.replaying(kept):
            torch.testing.assert_close(exact(x), stock(x))


@pytest.mark.parametrize("name", [name for name in LAYERS if name.startswith("batch")])
def test_padding_counts_neither_in_mean_nor_in_variance(name: str) -> None:
    exact, shape = norm.convert(moved(LAYERS[name][0])), LAYERS[name][1]
    x = torch.randn(shape, dtype=torch.float64)
    litter = torch.cat([x[:2], 100 * torch.randn_like(x), x[2:]])
    mask = torch.tensor([1.0] * 2 + [0.0] * 5 + [1.0] * 3, dtype=torch.float64)
    with norm.recording(torch.ones(5, dtype=torch.float64)):
        expected = exact(x)
    with norm.recording(mask):
        torch.testing.assert_close(exact(litter)[mask.bool()], expected)


def test_replayed_statistics_are_the_support_sets() -> None:
    exact = norm.convert(moved(nn.BatchNorm1d(3)))
    support, query = torch.randn(9, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    with norm.recording(torch.ones(9, dtype=torch.float64)) as kept:
        exact(support)
    with norm.replaying(kept):
        together, alone = exact(query), torch.cat([exact(row[None]) for row in query])
    torch.testing.assert_close(together, alone)
    weight, bias = exact.get_parameter("weight"), exact.get_parameter("bias")
    normal = (query - support.mean(0)) / (support.var(0, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(together, normal * weight + bias)


def test_a_layer_that_is_called_twice_keeps_two_sets_of_statistics() -> None:
    layer = nn.BatchNorm1d(3)
    network = norm.convert(nn.Sequential(layer, nn.Linear(3, 3), layer)).double()
    x = torch.randn(8, 3, dtype=torch.float64)
    with norm.recording(torch.ones(8, dtype=torch.float64)) as kept:
        expected = network(x)
    assert len(kept) == 2
    with norm.replaying(kept):
        torch.testing.assert_close(network(x), expected)


def test_convert_copies_and_keeps_names_weights_and_what_is_frozen() -> None:
    network = nn.Sequential(
        nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ModuleDict({"inner": nn.LayerNorm(3)})["inner"], nn.GroupNorm(1, 3)
    )
    network[1].weight.requires_grad_(False)
    exact = norm.convert(network)
    before, after = dict(network.named_parameters()), dict(exact.named_parameters())
    assert before.keys() == after.keys()
    assert all(after[name].equal(w) and after[name] is not w for name, w in before.items())
    assert [name for name, w in after.items() if not w.requires_grad] == ["1.weight"]
    assert isinstance(network[1], nn.BatchNorm1d) and "1.running_mean" in network.state_dict()
    assert not list(exact.buffers()) and "BatchNorm(1, eps=1e-05, affine=True)" in repr(exact)
    assert next(norm.convert(network.double()).parameters()).dtype == torch.float64


def test_a_single_row_cannot_be_normalised_by_itself() -> None:
    exact = norm.convert(nn.BatchNorm1d(3))
    with pytest.raises(ShapeError, match='norm="support"'):
        exact(torch.randn(1, 3))
    assert exact(torch.randn(1, 3, 5)).shape == (1, 3, 5)


class BatchNormAct2d(nn.BatchNorm2d):
    """As in timm, which efficientnets, mobilenets and second residual networks are built of."""

    def __init__(self, features: int, drop: nn.Module | None = None, act: nn.Module | None = None) -> None:
        super().__init__(features)
        self.drop, self.act = drop or nn.Identity(), act or nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        assert x.ndim == 4
        training = self.training or self.running_mean is None
        x = nn.functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training, self.momentum or 0.0, self.eps
        )
        outputs: Tensor = self.act(self.drop(x))
        return outputs


class Clamped(nn.BatchNorm1d):
    """Computes more than batch norm, in a way that nobody can know."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).clamp(-0.5, 0.5)


class Named(nn.InstanceNorm2d):
    """Instance norm under another name."""


@pytest.mark.parametrize("act", [nn.ReLU(inplace=True), nn.SiLU(), nn.PReLU()], ids=lambda act: type(act).__name__)
def test_a_norm_that_also_activates_goes_on_to(act: nn.Module) -> None:
    network = moved(nn.Sequential(nn.Conv2d(2, 6, 3), BatchNormAct2d(6, act=act), nn.Conv2d(6, 4, 1), BatchNormAct2d(4)))
    exact, x = norm.convert(network.train()), torch.randn(5, 2, 7, 7, dtype=torch.float64)
    assert type(exact[1]) is norm.BatchNorm and exact[1].name == "1"
    assert dict(exact.named_parameters()).keys() == dict(network.named_parameters()).keys()
    stock = network(x).detach()
    torch.testing.assert_close(exact(x), stock)
    assert float(stock.min()) == 0 and float(copy.deepcopy(exact)(x).detach().min()) == 0
    with norm.recording(torch.ones(5, dtype=torch.float64)) as kept:
        torch.testing.assert_close(exact(x), stock)
    with norm.replaying(kept):
        torch.testing.assert_close(exact(x[:1]), stock[:1])


def test_its_dropout_stays_too_and_follows_the_mode() -> None:
    network = nn.Sequential(nn.Conv2d(1, 3, 1), BatchNormAct2d(3, drop=nn.Dropout(0.5)))
    exact, x = norm.convert(network), torch.randn(4, 1, 9, 9)
    found = []
    for one in (network, exact):
        torch.manual_seed(0)
        found.append(one.train()(x))
    torch.testing.assert_close(found[1], found[0])
    assert float((exact.train()(x) == 0).float().mean()) > 0.6 and float((exact.eval()(x) == 0).float().mean()) < 0.6


def test_a_norm_that_computes_something_else_is_refused_by_name() -> None:
    network = nn.Sequential(nn.Linear(2, 3), Clamped(3))
    with pytest.raises(
        LearnerError, match=r"^1 \(Clamped\) is a BatchNorm1d that computes something else: .* apart.*nn\.Sequential"
    ):
        norm.convert(network)
    with pytest.raises(LearnerError, match=r"^the network \(Clamped\)"):
        norm.convert(network[1])
    with pytest.raises(LearnerError, match=r"^1 \(Clamped\)"):
        Settled(network)
    with pytest.raises(LearnerError, match=r"holds parts of its own \(parametrizations\)"):
        norm.convert(nn.utils.parametrizations.weight_norm(nn.BatchNorm1d(3)))
    assert type(norm.convert(Named(3, affine=True))) is norm.InstanceNorm


def test_other_exchanges_keep_the_activation() -> None:
    network = nn.Sequential(nn.Conv2d(2, 6, 3), moved(BatchNormAct2d(6)).float())
    x = torch.randn(5, 2, 7, 7)
    network(x)
    torch.testing.assert_close(Settled(network)(x), network.eval()(x))
    assert float(NormedByExample(network)(x).detach().min()) == 0


def test_frozen_parts_are_never_touched() -> None:
    body = nn.Sequential(
        nn.Linear(2, 3), nn.BatchNorm1d(3), nn.LayerNorm(3), nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))
    )
    x = 3 * torch.randn(50, 2) + 1
    body.train()(x)
    network = nn.Sequential(Frozen(body), nn.BatchNorm1d(3))
    for exchanged in (norm.convert(network), NormedByExample(network).network, Settled(network).network):
        assert torch.equal(exchanged[0](x), network[0](x)), "features of a frozen part"
        assert [type(part) for part in exchanged[0].modules()] == [type(part) for part in network[0].modules()]
        assert type(exchanged[1]) is not nn.BatchNorm1d
    learner = learners.MAML(nn.Sequential(Frozen(body), nn.Linear(3, 2)), inner_lr=0.1).train()
    adapted = learner.adapt(Examples.of(x, torch.arange(50) % 2))
    assert adapted.weights.keys() == {"1.weight", "1.bias"} and not adapted.statistics
    wanted = nn.functional.linear(body.eval()(x), adapted.weights["1.weight"], adapted.weights["1.bias"])
    torch.testing.assert_close(learner.predict(adapted, x), wanted)


def test_hooks_stay_and_lazy_networks_are_refused() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    network[1].register_forward_hook(lambda layer, inputs, outputs: outputs + 1)
    x = torch.randn(5, 2)
    torch.testing.assert_close(norm.convert(network)(x), network(x))
    with pytest.raises(LearnerError, match=r"^0\.weight has no size yet"):
        norm.convert(nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d()))
