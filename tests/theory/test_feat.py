"""FEAT is a prototypical network with one layer of attention between the prototypes."""

import pytest
import torch
from torch import nn

from quickstudy import Examples, Task, learners
from quickstudy.errors import LearnerError, ShapeError
from quickstudy.nn import SelfAttention


def task() -> Task:
    x, labels = torch.randn(15, 8, dtype=torch.float64), torch.tensor([0, 1, 2, 2, 0, 1, 2, 0, 0, 1, 1, 2, 2, 0, 1])
    return Task(Examples.of(x[:5], labels[:5]), Examples.of(x[5:], labels[5:]))


def test_without_attention_it_is_a_prototypical_network() -> None:
    """Zero output and no norm leave the prototypes as they are; 1/τ is then the scale."""
    attention = SelfAttention(8)
    attention.norm = nn.Identity()
    nn.init.zeros_(attention.output.weight)
    nn.init.zeros_(attention.output.bias)
    given = task()
    found = learners.FEAT(nn.Flatten(), attention, temperature=4.0).double()(given.support)(given.query.x)
    proto = learners.ProtoNet(nn.Flatten(), scale=0.25).double()
    torch.testing.assert_close(found, proto(given.support)(given.query.x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("heads", [1, 2])
def test_the_attention_is_that_of_torch(heads: int) -> None:
    layer, baseline = SelfAttention(8, heads=heads, dropout=0.0), nn.MultiheadAttention(8, heads)
    with torch.no_grad():
        baseline.in_proj_weight.copy_(torch.cat([layer.queries.weight, layer.keys.weight, layer.values.weight]))
        baseline.in_proj_bias.zero_()
        baseline.out_proj.load_state_dict(layer.output.state_dict())
    x, sees = torch.randn(5, 8), torch.ones(5, 5)
    sees[:, 3] = 0
    expected, _ = baseline(x, x, x, attn_mask=sees == 0, need_weights=False)
    torch.testing.assert_close(layer(x, sees), nn.functional.layer_norm(x + expected, (8,)), rtol=1e-4, atol=1e-5)


def test_a_class_without_examples_is_not_looked_at() -> None:
    given, learner = task(), learners.FEAT(nn.Flatten(), SelfAttention(8)).double().eval()
    two = Examples.of(given.support.x[given.support.labels < 2], given.support.labels[given.support.labels < 2])
    three = Examples(two.x, nn.functional.pad(two.y, (0, 1)), two.mask)
    torch.testing.assert_close(learner(three)(given.query.x)[:, :2], learner(two)(given.query.x))


def test_the_contrastive_term_attends_within_classes() -> None:
    """Class by class: attention among its own examples, their mean, and every example against these means."""
    given, learner = task(), learners.FEAT(nn.Flatten(), SelfAttention(8), contrast=0.5, contrast_temperature=2.0).double().eval()
    x, y = torch.cat([given.support.x, given.query.x]), torch.cat([given.support.labels, given.query.labels])
    with torch.no_grad():
        means = []
        for n in range(3):
            mine = x[y == n]
            means.append(learner.attention(mine, torch.ones(len(mine), len(mine))).mean(0))
        expected = nn.functional.cross_entropy(-((x[:, None] - torch.stack(means)) ** 2).sum(-1) / 2.0, y)
        torch.testing.assert_close(learner.contrastive(given), expected)
        plain = learner.likelihood.nll(learner(given.support)(given.query.x), given.query.y, given.query.mask)
        torch.testing.assert_close(learner.objective(given), plain + 0.5 * expected)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(LearnerError, match="temperature"):
        learners.FEAT(nn.Flatten(), SelfAttention(8), temperature=0.0)
    with pytest.raises(ShapeError, match="heads"):
        SelfAttention(8, heads=3)
