"""Parts that inner loops leave alone, learned noise that only inner steps see, and mixtures at a hidden layer."""

import copy

import pytest
import torch
from torch import Tensor, nn

from quickstudy import evaluate, learners, train
from quickstudy.errors import LearnerError
from quickstudy.execution.batching import meta_gradient
from quickstudy.functional.mixing import Mixed
from quickstudy.functional.unroll import gradient, is_inner
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MetaDropout, Mixing, Shared
from quickstudy.nn.fast import weights_of
from quickstudy.task import Task
from quickstudy.tasks import Sinusoid
from quickstudy.tasks.source import generator_of


def around(network: nn.Module, **arguments: float) -> learners.MAML:
    return learners.MAML(network, inner_lr=0.05, inner_steps=2, likelihood=Gaussian(), **arguments)


def hidden() -> nn.Linear:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Linear(1, 12)


def network(first: nn.Module) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(first, nn.Tanh(), nn.Linear(12, 1))


def received(learner: learners.MAML, tasks: Task, strategy: str = "loop") -> dict[str, Tensor]:
    learner.zero_grad()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        meta_gradient(learner.train(), tasks, strategy=strategy)  # type: ignore[arg-type]
    return {name: p.grad.clone() for name, p in learner.named_parameters() if p.grad is not None}


def test_no_inner_step_moves_a_shared_part_but_the_outer_loss_does() -> None:
    learner, tasks = around(network(Shared(hidden()))), Sinusoid().sample(2, generator_of(0))
    names = {"2.weight", "2.bias"}
    assert set(learner.adapt(tasks[0].support).weights) == names == set(weights_of(learner.network))
    for strategy in ("loop", "vmap"):
        found = received(learner, tasks, strategy)
        assert found["network.0.module.weight"].abs().max() > 0
    body, head = nn.Sequential(hidden(), nn.Tanh()), nn.Linear(12, 1)
    head.load_state_dict(learner.network[2].state_dict())
    anil = learners.ANIL(body, head, inner_lr=0.05, inner_steps=2, likelihood=Gaussian())
    expected = received(anil, tasks)  # with its first layer shared, MAML is ANIL
    torch.testing.assert_close(found["network.0.module.weight"], expected["encoder.0.weight"], rtol=1e-4, atol=1e-6)


def test_code_knows_that_it_stands_in_an_inner_step() -> None:
    seen = []
    gradient(lambda w: seen.append(is_inner()) or (w["a"] ** 2).sum(), {"a": torch.ones(1)})  # type: ignore[func-returns-value]
    assert seen == [True] and not is_inner()


@pytest.mark.parametrize("layer", [nn.Linear(3, 2), nn.Linear(3, 2, bias=False), nn.Conv2d(3, 4, 3, padding=1)])
def test_without_noise_it_is_the_plain_layer_at_first(layer: nn.Module) -> None:
    x = torch.randn(5, 3, 6, 6) if isinstance(layer, nn.Conv2d) else torch.randn(5, 3)
    for mode in (True, False):
        torch.testing.assert_close(MetaDropout(layer).train(mode)(x), layer(x))


def test_without_spread_it_is_plain_maml() -> None:
    """The noise network starts at a constant, so the first meta-gradient of all other weights is MAML's."""
    tasks = Sinusoid().sample(3, generator_of(0))
    quiet, plain = around(network(MetaDropout(hidden(), spread=0.0))), around(network(hidden()))
    found, expected = received(quiet, tasks), received(plain, tasks)
    for name, grad in expected.items():
        torch.testing.assert_close(found[name.replace("0.", "0.layer.")], grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("strategy", ["loop", "vmap"])
def test_noise_is_drawn_in_inner_steps_of_meta_training_alone(strategy: str) -> None:
    tasks = Sinusoid().sample(2, generator_of(0))
    learner = around(network(MetaDropout(hidden())))
    twice = [learner.train().adapt(tasks[0].support).weights["2.bias"] for _ in range(2)]
    assert not torch.equal(*twice)
    asked = [learner.predict(learner.eval().adapt(tasks[0].support), tasks[0].query.x) for _ in range(2)]
    assert torch.equal(*asked)
    state = learner.train().adapt(tasks[0].support)
    assert torch.equal(learner.predict(state, tasks[0].query.x), learner.predict(state, tasks[0].query.x))
    noise = received(learner, tasks, strategy)
    assert noise["network.0.noise.module.weight"].abs().max() > 0
    assert not any(name.startswith("0.noise") for name in state.weights)


def test_the_noise_is_the_softplus_of_a_normal() -> None:
    layer, x = MetaDropout(nn.Linear(1, 4000), spread=0.7), torch.ones(1, 1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        seen: list[Tensor] = []
        gradient(lambda w: seen.append(layer(x) / layer.layer(x)) or w["a"].sum(), {"a": torch.ones(1)})  # type: ignore[func-returns-value]
    drawn = seen[0].detach().expm1().log()  # the inverse of softplus
    assert abs(float(drawn.mean()) - 0.5413) < 0.05 and abs(float(drawn.std()) - 0.7) < 0.03


def test_meta_dropout_refuses_what_it_cannot_copy() -> None:
    with pytest.raises(LearnerError, match="single layers"):
        MetaDropout(nn.Sequential(nn.Linear(1, 1)))
    with pytest.raises(LearnerError, match="-1"):
        MetaDropout(nn.Linear(1, 1), spread=-1)


def test_meta_dropout_learns() -> None:
    learner = around(network(MetaDropout(hidden(), spread=0.3)))
    before = evaluate(learner, Sinusoid(), tasks=50).mean
    optimizer = torch.optim.Adam(learner.parameters(), 1e-2)
    for _ in train(learner, Sinusoid(), steps=80, batch=5, optimizer=optimizer):
        pass
    assert evaluate(learner, Sinusoid(), tasks=50).mean < 0.9 * before


def test_pairs_are_mixed_where_they_say() -> None:
    blocks = [nn.Sequential(nn.Linear(2, 5), nn.ReLU()), nn.Sequential(nn.Linear(5, 5), nn.ReLU()), nn.Linear(5, 3)]
    plain, mixing = nn.Sequential(*blocks), Mixing(copy.deepcopy(blocks))
    a, b, share = torch.randn(4, 2), torch.randn(4, 2), torch.tensor([0.1, 0.4, 0.7, 1.0])
    assert torch.equal(mixing(a), plain(a))
    for level in range(4):
        found = mixing(Mixed(a, b, share, torch.full((4,), level)))
        h = [torch.nn.Sequential(*blocks[:level])(x) if level else x for x in (a, b)]
        met = share[:, None] * h[0] + (1 - share[:, None]) * h[1]
        torch.testing.assert_close(found, torch.nn.Sequential(*blocks[level:])(met) if level < 3 else met)
        torch.testing.assert_close(found[3], plain(a)[3])
    rows = mixing(Mixed(a, b, share, torch.tensor([0, 1, 2, 3])))
    for row in range(4):
        alone = mixing(Mixed(a, b, share, torch.full((4,), row)))[row]
        torch.testing.assert_close(rows[row], alone)
    with pytest.raises(LearnerError, match="at least one block"):
        Mixing([])
