"""What hypernetworks, CNAPs and Simple CNAPs are where one can say it in closed form."""

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, learners
from quickstudy.errors import LearnerError
from quickstudy.nn import (
    MLP,
    NormedByExample,
    PairEncoder,
    SetEncoder,
    Settled,
    WrittenFiLM,
    WrittenHead,
    WrittenInTurn,
    WrittenLowRank,
    WrittenNetwork,
    norm,
)
from quickstudy.task import pad


def task(ways: int = 4) -> tuple[Examples, Tensor]:
    x = torch.randn(3 * ways, 5, dtype=torch.float64)
    return Examples.of(x, torch.arange(3 * ways) % ways), torch.randn(7, 5, dtype=torch.float64)


def body_of(width: int = 6) -> nn.Module:
    return nn.Sequential(nn.Linear(5, width), nn.BatchNorm1d(width), nn.ReLU())


def reader() -> SetEncoder:
    return SetEncoder(MLP(5, (8,)), nn.Linear(8, 4))


class Itself(nn.Module):
    """The residual of a prototypical network's weights, ``2 c = c + c``."""

    def forward(self, means: Tensor) -> Tensor:
        return means


class SquaredNorm(nn.Module):
    """The bias of a prototypical network."""

    def forward(self, means: Tensor) -> Tensor:
        return -(means**2).sum(-1, keepdim=True)


def zeroed(network: MLP) -> MLP:
    """With a last layer of zeros."""
    assert isinstance(network.head, nn.Linear)
    nn.init.zeros_(network.head.weight)
    nn.init.zeros_(network.head.bias)
    return network


def test_a_hypernetwork_whose_head_is_the_class_mean_is_a_prototypical_network() -> None:
    support, x = task()
    encoder = MLP(5, (6,)).double()
    written = learners.HyperNetwork(encoder, WrittenHead(Itself(), SquaredNorm()))
    torch.testing.assert_close(written(support).probabilities(x), learners.ProtoNet(encoder)(support).probabilities(x))


def test_writers_of_zeros_give_prototypes_as_weights_and_no_bias() -> None:
    """``w = c + f(c)`` with f = 0: logits are dot products with the class means."""
    support, x = task()
    encoder = MLP(5, (6,)).double()
    head = WrittenHead(zeroed(MLP(6, (8,), outputs=6)), zeroed(MLP(6, (8,), outputs=1))).double()
    rows = learners.HyperNetwork(encoder, head)(support)
    means = torch.stack([encoder(support.x[support.labels == n]).mean(0) for n in range(4)])
    torch.testing.assert_close(rows.state.numbers.weight, means, check_dtype=True)
    assert not rows.state.numbers.bias.any()
    torch.testing.assert_close(rows(x), (encoder(x) @ means.mT).detach())


def test_cnaps_starts_near_prototypes_of_the_network_itself() -> None:
    """Scales near zero leave the network as it is, to their size; scales of zero exactly, whatever the code says."""
    support, x = task()
    network = nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6), nn.ReLU()).double()
    writers = zeroed(MLP(6, (8,), outputs=6)), zeroed(MLP(6, (8,), outputs=1))
    learner = learners.CNAPs(network, reader(), *writers, code=4).double()
    means = torch.stack([network(support.x[support.labels == n]).mean(0) for n in range(4)])
    expected = (network(x) @ means.mT).detach()
    first = learner(support)(x)
    assert 0 < float((first - expected).abs().max()) < 0.05 * float(expected.abs().max())
    with torch.no_grad():
        learner.body.film.scale.zero_()
    torch.testing.assert_close(learner(support)(x), expected)


def test_cnaps_is_the_hypernetwork_that_writes_film_and_a_head() -> None:
    support, x = task()
    cnaps = learners.CNAPs(body_of(), reader(), nn.Linear(6, 6), nn.Linear(6, 1), code=4).double()
    parts = WrittenInTurn(WrittenFiLM(body_of(), reader(), code=4), WrittenHead(nn.Linear(6, 6), nn.Linear(6, 1)))
    hyper = learners.HyperNetwork(nn.Identity(), parts).double()
    hyper.written.load_state_dict(cnaps.state_dict())
    torch.testing.assert_close(hyper(support)(x), cnaps(support)(x), rtol=0, atol=0)


@pytest.mark.parametrize("ways", [2, 5])
def test_renaming_the_classes_permutes_cnaps_outputs(ways: int) -> None:
    support, x = task(ways)
    learner = learners.CNAPs(body_of(), reader(), nn.Linear(6, 6), nn.Linear(6, 1), code=4).double()
    order = torch.randperm(ways)
    renamed = Examples(support.x, support.y[:, order], support.mask)
    torch.testing.assert_close(learner(renamed)(x), learner(support)(x)[:, order])


def test_simple_cnaps_without_film_is_the_mahalanobis_head() -> None:
    support, x = task()
    learner = learners.SimpleCNAPs(body_of(), reader(), code=4).double()
    plain = learners.MahalanobisProtoNet(learner.body.network)
    with norm.recording() as kept:
        learner.body.network(support.x)
    with norm.replaying(kept):
        baseline = plain(support)(x)
    assert not torch.allclose(learner(support)(x), baseline)
    with torch.no_grad():
        learner.body.film.linear.weight.zero_()
    torch.testing.assert_close(learner(support)(x), baseline)


def test_film_is_the_formula() -> None:
    support, x = task()
    network = nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6), nn.ReLU()).double()
    part = WrittenFiLM(network, reader(), code=4).double()
    gamma, beta = (part.film.scale * part.film.linear(part.reader(support))).chunk(2)
    normal = nn.functional.layer_norm(network[0](x), (6,))
    torch.testing.assert_close(part(part.write(support), x), ((1 + gamma) * normal + beta).relu())


@pytest.mark.parametrize("kind", [WrittenNetwork, WrittenLowRank])
def test_meta_training_starts_at_the_network_itself(kind: type[WrittenNetwork | WrittenLowRank]) -> None:
    support, x = task()
    network = MLP(5, (6,), outputs=4).double()
    part = kind(network, reader(), code=4).double()
    torch.testing.assert_close(part(part.write(support), x), network(x))


def test_a_whole_network_is_written() -> None:
    support, x = task()
    network = MLP(5, (6,), outputs=4).double()
    part = WrittenNetwork(network, PairEncoder(nn.Linear(9, 4)), code=4).double()
    nn.init.normal_(part.writer.weight, std=0.1)
    offset = part.writer(part.reader.each(torch.cat([support.x, support.y], 1)).mean(0))
    with torch.no_grad():
        nn.utils.vector_to_parameters(nn.utils.parameters_to_vector(network.parameters()) + offset, network.parameters())
    torch.testing.assert_close(part(part.write(support), x), network(x))


def test_low_rank_updates_have_that_rank_and_any_matrix_of_it() -> None:
    support, x = task()
    network = nn.Linear(5, 6, bias=False).double()
    part = WrittenLowRank(network, reader(), code=4, rank=2).double()
    target = torch.randn(6, 2, dtype=torch.float64) @ torch.randn(2, 5, dtype=torch.float64)
    left, values, right = torch.linalg.svd(target)
    with torch.no_grad():
        part.outputs.bias.copy_((left[:, :2] * values[:2]).flatten())
        part.inputs.weight.zero_()
        part.inputs.bias.copy_(right[:2].flatten())
    torch.testing.assert_close(part(part.write(support), x) - network(x), x @ target.mT)


def test_a_set_encoder_is_the_mean_of_real_rows() -> None:
    support, _ = task()
    encoder = SetEncoder(nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3)), nn.Linear(3, 2)).double()
    torch.testing.assert_close(encoder(pad(support, 20)), encoder(support))
    torch.testing.assert_close(encoder(support), encoder.after.bias)  # the norm inside centres the rows
    empty = Examples(support.x[:0], support.y[:0], support.mask[:0])
    plain = SetEncoder(nn.Linear(5, 3), nn.Linear(3, 2)).double()
    torch.testing.assert_close(plain(empty), plain.after.bias)
    torch.testing.assert_close(plain(support), plain.after(plain.each(support.x).mean(0)))


def test_settled_norms_are_batch_norms_in_eval_mode() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).double()
    for _ in range(3):
        network(2 + torch.randn(8, 1, 6, 6, dtype=torch.float64))
    x = torch.randn(2, 1, 6, 6, dtype=torch.float64)
    settled = Settled(network)
    torch.testing.assert_close(settled.train()(x), network.eval()(x))
    torch.testing.assert_close(norm.convert(settled)(x), network(x))
    with pytest.raises(LearnerError, match="without running averages"):
        Settled(nn.BatchNorm1d(3, track_running_stats=False))


def test_norms_by_example_know_no_batch() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4), nn.BatchNorm1d(4))
    x = torch.randn(5, 1, 6, 6)
    normed = NormedByExample(network)
    torch.testing.assert_close(normed(x)[:1], normed(x[:1]))
    maps = network[0](x)
    expected = (maps - maps.mean((1, 2, 3), keepdim=True)) / (maps.var((1, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(normed.network.get_submodule("1")(maps), expected)


def test_no_update_and_no_rank_are_refused() -> None:
    with pytest.raises(LearnerError, match="at least one of each|of at least 1"):
        WrittenLowRank(nn.Linear(5, 6), reader(), code=4, rank=0)
    with pytest.raises(LearnerError, match="no layer to modulate"):
        WrittenFiLM(nn.Linear(5, 6), reader(), code=4)
