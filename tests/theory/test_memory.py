"""Memories: an NTM that turns its tape, the bound of least recent usage, a causal network that sees no future."""

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, learners
from quickstudy.checks import check_source
from quickstudy.errors import LearnerError, ShapeError, TaskError
from quickstudy.functional.addressing import content_weights, interpolate, least_used, sharpen, shift
from quickstudy.learner import Learner
from quickstudy.nn import LRUA, NTM, CausalNet, FeedForward, LSTMCell
from quickstudy.nn.recurrent import read
from quickstudy.task import Task
from quickstudy.tasks import Copy
from quickstudy.tasks.source import generator_of

DOUBLE = torch.float64


def turning(slots: int, step: int) -> NTM:
    """A machine that is told nothing: it looks for the one-hot row of the slot where it stood, moves on and looks sharply."""
    cell = NTM(FeedForward(1 + slots, 1), slots, slots=slots, width=slots, writes=1).double()
    with torch.no_grad():
        for weight in cell.parameters():
            weight.zero_()
        parts = dict(
            zip(["key", "beta", "gate", "moves", "gamma", "erase", "add"], cell.emit.bias.split(cell.parts), strict=True)
        )
        parts["key"][:slots] = torch.eye(slots)[0]  # the reader's key; the writer keeps a zero key
        parts["beta"][:] = 1e4
        parts["gate"][:] = 1e4
        parts["moves"].view(2, 3)[:, 1 + step] = 1e4
        parts["gamma"][:] = 1e4
        parts["erase"][:] = -1e4
        cell.first_place[:, 0] = 1e4
    return cell


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_content_without_doubt_and_a_shift_rotate_a_one_hot_memory(step: int) -> None:
    """β → ∞, γ → ∞, g = 1, s = e_step: a key that equals row 0 reads row 0 + step, exactly."""
    slots = 5
    cell = turning(slots, step)
    tape = cell.start()._replace(memory=torch.eye(slots, dtype=DOUBLE))
    _, after = cell(torch.zeros(1, dtype=DOUBLE), tape)
    torch.testing.assert_close(after.heads[0], torch.eye(slots, dtype=DOUBLE)[step])
    torch.testing.assert_close(after.reads, torch.eye(slots, dtype=DOUBLE)[step])
    torch.testing.assert_close(after.memory, tape.memory)


def test_location_alone_walks_around_the_ring() -> None:
    """g = 0, s = e_{+1}: each step moves on by one slot, and after a whole turn the head is where it was."""
    weights = first = torch.eye(4, dtype=DOUBLE)[:1]
    one, closed = torch.tensor([[0.0, 0.0, 1.0]], dtype=DOUBLE), torch.zeros(1, 1, dtype=DOUBLE)
    for turn in range(1, 5):
        found = content_weights(torch.ones(1, 4, dtype=DOUBLE), torch.eye(4, dtype=DOUBLE), 3.0)
        weights = shift(interpolate(closed, found, weights), one)
        torch.testing.assert_close(weights, first.roll(turn, -1))


def test_shift_is_a_circular_convolution() -> None:
    weights, moves = torch.rand(2, 3, 7, dtype=DOUBLE), torch.rand(2, 3, 5, dtype=DOUBLE)
    expected = sum(moves[..., place, None] * weights.roll(place - 2, -1) for place in range(5))
    torch.testing.assert_close(shift(weights, moves), expected)


def test_sharpening_is_a_power_that_does_not_underflow() -> None:
    weights = torch.rand(3, 6, dtype=DOUBLE).softmax(-1)
    power = torch.tensor([[1.0], [2.5], [20.0]], dtype=DOUBLE)
    torch.testing.assert_close(sharpen(weights, power), weights**power / (weights**power).sum(-1, keepdim=True))
    torch.testing.assert_close(sharpen(weights.float(), power.float() * 1e4).sum(-1), torch.ones(3))


def test_content_is_a_softmax_of_cosines_and_an_empty_slot_resembles_nothing() -> None:
    keys, memory = torch.randn(3, 4, dtype=DOUBLE), torch.randn(6, 4, dtype=DOUBLE)
    cosines = nn.functional.cosine_similarity(keys[:, None], memory, dim=-1)
    torch.testing.assert_close(content_weights(keys, memory, 2.0), (2 * cosines).softmax(-1), rtol=1e-4, atol=1e-6)
    memory[2] = 1e-6
    assert float(content_weights(keys, memory, 100.0)[:, 2].max()) < float(content_weights(keys, memory, 100.0).max())


def test_writing_erases_and_adds_head_by_head() -> None:
    """M (1 − w eᵀ) for each writing head in turn, then all that is added."""
    cell = NTM(FeedForward(1 + 3, 4), 2, slots=6, width=3, writes=2).double()
    memory, places = torch.randn(6, 3, dtype=DOUBLE), torch.rand(2, 6, dtype=DOUBLE)
    erase, add = torch.rand(2, 3, dtype=DOUBLE), torch.randn(2, 3, dtype=DOUBLE)
    expected = memory
    for head in range(2):
        expected = expected * (1 - torch.outer(places[head], erase[head]))
    expected = expected + places.mT @ add
    torch.testing.assert_close(cell._write(memory, places, erase.flatten(), add.flatten()), expected)


def test_usage_adds_up_to_its_bound() -> None:
    """Each of n heads reads and writes a weight of one: Σ u_t = 2n (1 − γ^t) / (1 − γ), below 2n / (1 − γ)."""
    cell = LRUA(LSTMCell(3 + 2 * 4, 8), 2, slots=7, width=4, heads=2, decay=0.8).double()
    state = cell.start()._replace(read_weights=torch.full((2, 7), 1 / 7, dtype=DOUBLE))
    for step in range(1, 60):
        _, state = cell(torch.randn(3, dtype=DOUBLE), state)
        assert float(state.usage.sum().detach()) == pytest.approx(4 * (1 - 0.8**step) / 0.2)
        assert float(state.usage.sum().detach()) <= 4 / 0.2 + 1e-9


def test_each_head_owns_another_of_the_least_used_slots() -> None:
    owned = least_used(torch.tensor([0.5, 0.1, 0.9, 0.0, 0.3]), 3)
    assert owned.argmax(-1).tolist() == [3, 1, 4] and owned.sum(-1).tolist() == [1, 1, 1]


def test_the_least_used_slot_is_wiped_before_it_is_written() -> None:
    """With the gate shut, what is written stands alone in its slot."""
    cell = LRUA(LSTMCell(3 + 4, 8), 2, slots=5, width=4, heads=1).double()
    with torch.no_grad():
        cell.emit.bias[8] = -1e4
    usage = torch.tensor([3.0, 0.5, 2.0, 1.0, 4.0], dtype=DOUBLE)
    state = cell.start()._replace(memory=torch.randn(5, 4, dtype=DOUBLE), usage=usage)
    x = torch.randn(3, dtype=DOUBLE)
    hidden, _ = cell.controller(torch.cat([x, state.reads]), state.controller)
    added = cell.emit(torch.cat([hidden, x]))[4:8].tanh()
    _, after = cell(x, state)
    torch.testing.assert_close(after.memory[1], added)
    rows = [0, 2, 3, 4]
    torch.testing.assert_close(after.memory[rows], state.memory[rows])


def causal(inputs: int = 3) -> CausalNet:
    return CausalNet(inputs, 2, length=8, filters=4, attentions=((4, 3), (5, 4))).double()


def test_snail_sees_no_future_and_all_of_the_past() -> None:
    """∂ out_t / ∂ in_s is zero for s > t and nowhere zero for s ≤ t."""
    net, x = causal(), torch.randn(8, 3, dtype=DOUBLE)
    slopes = torch.autograd.functional.jacobian(net, x).abs().sum((1, 3))
    assert bool((slopes.triu(1) == 0).all()) and bool((slopes.tril() + torch.ones(8, 8).triu(1) > 0).all())


def test_convolutions_alone_reach_over_the_whole_length() -> None:
    """⌈log₂ T⌉ dilations 1, 2, 4 …: the last of T steps feels the first, and of T + 1 steps with T a power of two it does not."""
    blocks = causal().blocks[1:4]
    assert [getattr(block, "dilation", None) for block in blocks] == [1, 2, 4]

    def last(x: Tensor) -> Tensor:
        for block in blocks:
            x = block(x)
        return x[-1]

    width = blocks[0].inputs
    slopes = [torch.autograd.functional.jacobian(last, torch.randn(steps, width, dtype=DOUBLE)) for steps in (8, 9)]
    assert float(slopes[0][:, 0].abs().sum()) > 0 and float(slopes[1][:, 0].abs().sum()) == 0


def test_a_query_is_the_last_step_of_the_whole_sequence() -> None:
    net, x = causal(), torch.randn(8, 3, dtype=DOUBLE)
    count = torch.tensor(5.0, dtype=DOUBLE)
    found = net.append(x[5:], net.features(x[:5]), count)
    expected = torch.stack([net(torch.cat([x[:5], query[None]]))[-1] for query in x[5:]])
    torch.testing.assert_close(found, expected)


def test_mann_names_each_example_before_it_hears_its_label() -> None:
    """An answer depends on labels before it and on no later one; the label comes one step late."""
    learner = learners.MANN(nn.Flatten(), LRUA(LSTMCell(2 * 4 + 3 + 2 * 4, 8), 3, slots=7, width=4, heads=2)).double()
    x, labels = torch.randn(6, 4, dtype=DOUBLE), torch.eye(3, dtype=DOUBLE)[torch.tensor([0, 1, 2, 0, 1, 2])]

    def said(y: Tensor) -> Tensor:
        examples = Examples(x, y, y.new_ones(6))
        return learner._present(learner._start(examples), examples)[0]

    slopes = torch.autograd.functional.jacobian(said, labels).abs().sum((1, 3))
    assert bool((slopes.triu(0) == 0).all()) and bool((slopes.tril(-1)[1:].sum(1) > 0).all())


def test_mann_s_loss_counts_every_presentation_and_every_query() -> None:
    learner = learners.MANN(nn.Flatten(), LSTMCell(2 * 4 + 3, 3)).double()
    x, y = torch.randn(7, 4, dtype=DOUBLE), torch.eye(3, dtype=DOUBLE)[torch.tensor([0, 1, 2, 0, 1, 2, 0])]
    support, query = Examples(x[:5], y[:5], y.new_ones(5)), Examples(x[5:], y[5:], y.new_ones(2))
    state, before, losses = learner.cell.start(), torch.zeros(7, dtype=DOUBLE), []
    for row in range(5):
        output, state = learner.cell(torch.cat([x[row], before]), state)
        before = torch.cat([x[row], y[row]])
        losses.append(nn.functional.cross_entropy(output, y[row]))
    for row in (5, 6):
        losses.append(nn.functional.cross_entropy(learner.cell(torch.cat([x[row], before]), state)[0], y[row]))
    torch.testing.assert_close(learner.objective(Task(support, query)), torch.stack(losses).mean())


def test_a_transducer_answers_in_order() -> None:
    """An answer depends on the queries before it, not on those after it."""
    learner = learners.SequenceTransducer(LSTMCell(2 + 3 + 1, 3)).double()
    state = learner.adapt(Examples(torch.randn(4, 2).double(), torch.ones(4, 3).double(), torch.ones(4).double()))
    slopes = (
        torch.autograd.functional.jacobian(lambda x: learner.predict(state, x), torch.randn(5, 2, dtype=DOUBLE)).abs().sum((1, 3))
    )
    assert bool((slopes.triu(1) == 0).all()) and bool((slopes.tril().diagonal(-1) > 0).all())


def test_copying_costs_nothing_to_who_remembers_and_all_bits_to_who_guesses() -> None:
    task: Task = Copy(5, 3).sample(1)[0]
    likelihood = learners.SequenceTransducer(LSTMCell(4, 3)).likelihood
    known = (task.support.y * 2 - 1) * 100
    assert float(likelihood.score(known, task.query.y, task.query.mask)) < 1e-6
    assert float(likelihood.score(known * 0, task.query.y, task.query.mask)) == pytest.approx(15)


@pytest.mark.parametrize("length", [3, (1, 6)])
def test_copies_are_a_sound_source_and_nothing_is_padded(length: int | tuple[int, int]) -> None:
    assert set(check_source(Copy(length)).excused) == {6, 7}
    lengths = {Copy(length, 2).sample(4, generator_of(seed)).support.mask.shape[1] for seed in range(60)}
    assert lengths == ({3} if length == 3 else set(range(1, 7)))
    with pytest.raises(TaskError, match="range of lengths"):
        Copy((4, 2))


def test_a_masked_step_changes_nothing() -> None:
    cell, x = NTM(LSTMCell(2 + 3, 4), 2, slots=4, width=3), torch.randn(5, 2)
    mask = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0])
    whole, part = read(cell, x, mask, cell.start())[1], read(cell, x[mask.bool()], torch.ones(3), cell.start())[1]
    for a, b in zip(whole[:3], part[:3], strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    "make",
    [
        lambda: learners.MANN(nn.Flatten(), LSTMCell(7, 3)),
        lambda: learners.NeuralTuringMachine(nn.Flatten(), LSTMCell(7, 1)),
        lambda: learners.SNAIL(nn.Flatten(), CausalNet(5, 2, length=4)),
        lambda: learners.SequenceTransducer(LSTMCell(5, 2)),
    ],
)
def test_a_network_of_another_size_is_refused(make: object) -> None:
    learner: Learner[object] = make()  # type: ignore[operator]
    with pytest.raises(ShapeError, match="inputs"):
        learner.adapt(Examples.of(torch.randn(2, 4), torch.tensor([0, 1])))


@pytest.mark.parametrize(
    "make",
    [
        lambda: NTM(FeedForward(20), 8),
        lambda: NTM(FeedForward(30), 8, reach=64),
        lambda: LRUA(FeedForward(20), 8),
        lambda: LRUA(FeedForward(200), 8, decay=1.0),
        lambda: LRUA(FeedForward(200), 8, slots=3),
        lambda: CausalNet(3, 2, length=0),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make: object) -> None:
    with pytest.raises(LearnerError):
        make()  # type: ignore[operator]
