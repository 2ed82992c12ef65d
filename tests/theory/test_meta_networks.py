"""Meta Networks' gradients, fast weights and memory where they can be had by hand."""

import pytest
import torch
from torch import nn

from quickstudy import Examples, learners
from quickstudy.errors import LearnerError
from quickstudy.functional.log_sign import log_sign
from quickstudy.nn import Augmented, AugmentedMLP

D, H, N = 5, 6, 3


def learner() -> learners.MetaNetworks:
    base, keys = (AugmentedMLP(D, (H,), outputs=N) for _ in range(2))
    return learners.MetaNetworks(nn.Identity(), base, keys, hidden=4).double()


def examples(rows: int) -> Examples:
    return Examples.of(torch.randn(rows, D, dtype=torch.float64), torch.arange(rows) % N, N)


def test_gradients_are_those_of_single_examples() -> None:
    """The last layer's is ``(p − y) hᵀ``."""
    made, support = learner(), examples(6)
    found = made.adapt(support).weights["blocks.1.weight"]
    hidden = made.base.features(support.x)
    gradients = ((made.base(support.x).softmax(1) - support.y)[:, :, None]) * hidden[:, None]
    torch.testing.assert_close(found, made.by_example.layers(log_sign(gradients, 7.0))[..., 0])


def test_where_fast_weights_are_zero_the_slow_network_speaks() -> None:
    made, support, x = learner(), examples(3), torch.randn(4, D, dtype=torch.float64)
    with torch.no_grad():
        for weight in made.by_example.layers[-1].parameters():
            weight.zero_()
    torch.testing.assert_close(made(support)(x), made.base(x).detach())


def test_every_query_reads_its_own_mixture() -> None:
    made, support, x = learner(), examples(6), torch.randn(4, D, dtype=torch.float64)
    state = made.adapt(support)
    keys = made.keys.features(x, state.key_weights)
    attention = nn.functional.cosine_similarity(keys[:, None], state.keys[None], dim=-1).softmax(1)
    for row in range(4):
        mixed = {name: (attention[row].view(-1, 1, 1) * w).sum(0) for name, w in state.weights.items()}
        torch.testing.assert_close(made.predict(state, x)[row], made.base(x[row : row + 1], mixed)[0])


def test_the_key_network_is_moved_by_what_the_recurrent_network_says_last() -> None:
    made, support = learner(), examples(3)
    memory = made.by_task.init(made.keys.slow)
    for row in range(3):
        loss = nn.functional.cross_entropy(made.keys(support.x[row : row + 1]), support.labels[row : row + 1])
        gradients = torch.autograd.grad(loss, list(made.keys.slow.values()))
        said, memory = made.by_task(dict(zip(made.keys.slow, gradients, strict=True)), memory)
    state = made.adapt(support)
    for name, weight in state.key_weights.items():
        torch.testing.assert_close(weight, said[name])
    torch.testing.assert_close(state.keys, made.keys.features(support.x, said))


def test_both_sides_of_a_layer_pass_their_own_activation() -> None:
    network, x = AugmentedMLP(D, (H,), outputs=N).double(), torch.randn(2, D, dtype=torch.float64)
    fast = {name: torch.randn_like(w) for name, w in network.slow.items()}
    hidden = (x @ network.slow["blocks.0.0.weight"].mT).relu() + (x @ fast["blocks.0.0.weight"].mT).relu()
    expected = hidden @ (network.slow["blocks.1.weight"] + fast["blocks.1.weight"]).mT
    torch.testing.assert_close(network(x, fast), expected)


def test_batch_norm_and_single_blocks_are_refused() -> None:
    with pytest.raises(LearnerError, match="batch norm has no batch"):
        Augmented([nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), nn.Linear(2, 2)])
    with pytest.raises(LearnerError, match="at least two blocks"):
        Augmented([nn.Linear(2, 2)])
