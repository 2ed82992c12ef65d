"""Matching networks are a softmax over the support set; their contexts are PyTorch's own recurrent cells."""

import math

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, learners
from quickstudy.errors import LearnerError
from quickstudy.functional import cosine_distance, squared_distance
from quickstudy.nn import QueryContext, SupportContext
from quickstudy.nn.recurrent import LSTMCell


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_with_squared_distance_and_one_shot_it_is_a_prototypical_network(scale: float) -> None:
    support = Examples.of(torch.randn(5, 8, dtype=torch.float64), torch.tensor([3, 1, 4, 0, 2]))
    x = torch.randn(20, 8, dtype=torch.float64)
    matching = learners.MatchingNet(nn.Flatten(), distance=squared_distance, scale=scale).double()
    torch.testing.assert_close(matching(support)(x), learners.ProtoNet(nn.Flatten(), scale=scale).double()(support)(x))


def test_probabilities_are_shares_of_the_attention() -> None:
    """``Σ_i softmax_i(s cos(f(x), f(x_i))) y_i``, with unequal shots and a row of padding."""
    x, labels = torch.randn(9, 6, dtype=torch.float64), torch.tensor([0, 0, 0, 0, 1, 2, 2, 1, 0])
    support = Examples(x, nn.functional.one_hot(labels).double(), torch.tensor([1.0] * 8 + [0.0], dtype=torch.float64))
    queries = torch.randn(7, 6, dtype=torch.float64)
    cosines = nn.functional.cosine_similarity(queries[:, None], x[:8], dim=-1)
    expected = (4 * cosines).softmax(-1) @ support.y[:8]
    found = learners.MatchingNet(nn.Flatten(), scale=4.0).double()(support).probabilities(queries)
    torch.testing.assert_close(found, expected)


def test_without_a_scale_cosine_is_never_sure() -> None:
    """The best of all supports, one cosine 1 and four of −1: ``e / (e + 4/e)``."""
    key = torch.randn(1, 8)
    support = Examples.of(torch.cat([key, -key.expand(4, -1)]), torch.arange(5))
    p = learners.MatchingNet(nn.Flatten(), scale=1.0)(support).probabilities(key)
    assert float(p[0, 0]) == pytest.approx(math.e / (math.e + 4 / math.e), abs=1e-5)


def test_a_hopeless_query_still_teaches() -> None:
    """Where probabilities are zero in single precision, a clipped logarithm would have no gradient."""
    encoder = nn.Linear(2, 2)
    learner = learners.MatchingNet(encoder, distance=squared_distance, scale=1.0)
    support = Examples.of(torch.tensor([[0.0, 0.0], [90.0, 0.0]]), torch.tensor([0, 1]))
    state = learner.adapt(support.replace(learner.encode(support.x)))
    loss = nn.functional.cross_entropy(learner.predict(state, learner.encode(torch.tensor([[-40.0, 0.0]]))), torch.tensor([1]))
    (grad,) = torch.autograd.grad(loss, encoder.weight)
    assert 100 < float(loss.detach()) < math.inf
    assert bool(grad.isfinite().all()) and float(grad.norm()) > 1


def copied(cell: LSTMCell, gates: Tensor) -> Tensor:
    """Rows of our gates (input, forget, output, candidate) in PyTorch's order (input, forget, candidate, output)."""
    i, f, o, g = gates.chunk(4)
    return torch.cat([i, f, g, o])


def test_the_support_context_is_a_bidirectional_lstm_with_a_skip() -> None:
    context, baseline = SupportContext(4), nn.LSTM(4, 4, bidirectional=True)
    with torch.no_grad():
        for cell, end in ((context.forwards, ""), (context.backwards, "_reverse")):
            weight = copied(cell, cell.gates.weight)
            getattr(baseline, f"weight_ih_l0{end}").copy_(weight[:, :4])
            getattr(baseline, f"weight_hh_l0{end}").copy_(weight[:, 4:])
            getattr(baseline, f"bias_ih_l0{end}").copy_(copied(cell, cell.gates.bias))
            getattr(baseline, f"bias_hh_l0{end}").zero_()
    x = torch.randn(6, 4)
    outputs, _ = baseline(x)
    torch.testing.assert_close(context(x, torch.ones(6)), x + outputs[:, :4] + outputs[:, 4:])
    padded = context(torch.cat([x[:2], torch.randn(1, 4), x[2:]]), torch.tensor([1.0, 1, 0, 1, 1, 1, 1]))
    torch.testing.assert_close(padded[[0, 1, 3, 4, 5, 6]], x + outputs[:, :4] + outputs[:, 4:])


def test_the_query_context_is_the_papers_recursion() -> None:
    context, baseline = QueryContext(4, steps=3), nn.LSTMCell(8, 4)
    with torch.no_grad():
        weight = copied(context.cell, context.cell.gates.weight)
        baseline.weight_ih.copy_(weight[:, :8])
        baseline.weight_hh.copy_(weight[:, 8:])
        baseline.bias_ih.copy_(copied(context.cell, context.cell.gates.bias))
        baseline.bias_hh.zero_()
    x, support = torch.randn(3, 4), torch.randn(5, 4)
    h, c = torch.zeros(3, 4), torch.zeros(3, 4)
    for _ in range(3):
        read = torch.stack([((support @ row).softmax(0)[:, None] * support).sum(0) for row in h])
        h, c = baseline(torch.cat([x, read], 1), (h, c))
        h = h + x
    padding = torch.cat([support, torch.randn(2, 4)]), torch.tensor([1.0] * 5 + [0.0] * 2)
    torch.testing.assert_close(context(x, support, torch.ones(5)), h)
    torch.testing.assert_close(context(x, *padding), h)


def test_only_a_support_context_makes_order_matter() -> None:
    assert not learners.MatchingNet(nn.Flatten(), query_context=QueryContext(4)).facts.ordered
    assert learners.MatchingNet(nn.Flatten(), SupportContext(4), distance=cosine_distance).facts.ordered


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_scale_that_is_not_positive_is_refused(scale: float) -> None:
    with pytest.raises(LearnerError, match="positive|finite"):
        learners.MatchingNet(nn.Flatten(), scale=scale)
