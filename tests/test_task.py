"""Examples and tasks: made from whatever people have, refused with a clear word, padded and stacked."""

import numpy as np
import pytest
import torch

from quickstudy import Examples, Task
from quickstudy.errors import DataError, ShapeError
from quickstudy.task import pad, stack_tasks, unstack_tasks


@pytest.mark.parametrize(
    "x",
    [
        torch.tensor([[0.0], [1.0]]),
        np.array([[0.0], [1.0]], dtype=np.float32),
        [[0.0], [1.0]],
        [torch.zeros(1), torch.ones(1)],
        [np.zeros(1, dtype=np.float32), np.ones(1, dtype=np.float32)],
    ],
    ids=["tensor", "array", "lists", "tensors", "arrays"],
)
@pytest.mark.parametrize("labels", [[0, 1], np.array([0, 1]), torch.tensor([0, 1], dtype=torch.uint8), (False, True)])
def test_examples_of_anything(x: object, labels: object) -> None:
    examples = Examples.of(x, labels)
    assert examples.x.tolist() == [[0], [1]] and examples.y.tolist() == [[1, 0], [0, 1]] and examples.mask.tolist() == [1, 1]
    assert len(examples) == 2 and examples.labels.tolist() == [0, 1] and examples.y.dtype == torch.float32
    assert Examples.of(x, labels, ways=4).y.shape == (2, 4)


def test_numpys_double_precision_becomes_torchs_usual_one() -> None:
    x = np.random.randn(4, 3)[::-1]
    x.flags.writeable = False
    examples = Examples.of(x, x[:, 0])
    assert examples.x.dtype == examples.y.dtype == torch.float32
    np.testing.assert_allclose(examples.x.numpy(), x, rtol=1e-6)
    assert Examples.of(torch.from_numpy(x.copy()), [0, 1, 0, 1]).y.dtype == torch.float64, "tensors stay as they are"


def test_values_and_their_columns() -> None:
    assert Examples.of(torch.zeros(3, 2), torch.zeros(3), kind="values").y.shape == (3, 1)
    assert Examples.of(torch.zeros(3, 2), [0.5, 1, 2]).y.tolist() == [[0.5], [1.0], [2.0]]
    assert Examples.of(torch.zeros(3, 2), torch.zeros(3, 5)).y.shape == (3, 5)


def test_trees_are_inputs() -> None:
    examples = Examples.of({"tokens": torch.zeros(3, 7, dtype=torch.long), "mask": torch.ones(3, 7)}, [0, 1, 1])
    assert examples[1:].x["tokens"].shape == (2, 7) and len(examples[[2]]) == 1


@pytest.mark.parametrize(
    ("x", "labels", "error", "message"),
    [
        (torch.zeros(3, 2), [0, 1], ShapeError, "3 inputs came with 2 targets"),
        (torch.tensor(1.0), [0], ShapeError, "0 inputs"),
        (torch.tensor([[float("nan")], [0.0]]), [0, 1], DataError, "inputs hold NaN, infinite"),
        (torch.tensor([[float("inf")], [0.0]]), [0, 1], DataError, "inputs hold NaN, infinite"),
        (torch.zeros(2, 1), torch.tensor([0.0, float("nan")]), DataError, "NaN or infinite"),
        (torch.zeros(2, 1), [-1, 0], DataError, r"whole numbers of which some .* \(-1, 0\): class numbers, or values"),
        ("text", [0, 1], DataError, "a str is no input"),
        ([[0.0], [1.0, 2.0]], [0, 1], DataError, "a list is no input"),
        ({}, [0, 1], ShapeError, "no inputs came with 2 targets"),
    ],
)
def test_what_is_refused(x: object, labels: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Examples.of(x, labels)


def test_labels_beyond_the_ways() -> None:
    with pytest.raises(DataError, match=r"outside of 0\.\.1"):
        Examples.of(torch.zeros(2, 1), [0, 2], ways=2)


def test_rows_that_carry_a_graph_are_data() -> None:
    x, y = torch.randn(3, 2, requires_grad=True), torch.randn(3, requires_grad=True)
    examples = Examples.of({"a": x * 2}, y * 3)
    assert not examples.x["a"].requires_grad and not examples.y.requires_grad
    assert torch.equal(examples.x["a"], x * 2) and torch.equal(examples.y[:, 0], y * 3)
    assert Examples(x, y[:, None], torch.ones(3)).x is x, "a record made by hand keeps the graph"


def test_padding_and_trimming_are_inverse() -> None:
    examples = Examples.of(torch.randn(3, 2), [0, 1, 1])
    padded = pad(examples, 5, 4)
    assert padded.y.shape == (5, 4) and padded.mask.tolist() == [1, 1, 1, 0, 0]
    back = padded.trim()
    assert torch.equal(back.x, examples.x) and torch.equal(back.y[:, :2], examples.y) and len(back) == 3
    assert examples.trim() is examples
    with pytest.raises(ShapeError, match="do not fit into 2 rows"):
        pad(examples, 2)


def test_tasks_of_many_sizes_stack() -> None:
    tasks = [
        Task(Examples.of(torch.randn(s, 2), torch.arange(s) % n), Examples.of(torch.randn(q, 2), torch.arange(q) % n))
        for s, q, n in [(4, 6, 2), (9, 3, 3)]
    ]
    batch = stack_tasks(tasks)
    assert len(batch) == 2 and batch.support.x.shape == (2, 9, 2) and batch.query.y.shape == (2, 6, 3)
    for mine, task in zip(unstack_tasks(batch), tasks, strict=True):
        assert torch.equal(mine.support.trim().x, task.support.x) and torch.equal(mine.query.trim().labels, task.query.labels)
    assert torch.equal(batch[1:].query.x, batch.query.x[1:])


def test_tasks_pass_through_vmap() -> None:
    batch = stack_tasks([Task(Examples.of(torch.ones(2, 1), [0, 1]), Examples.of(torch.ones(3, 1), [0, 1, 1])) for _ in range(4)])
    doubled = torch.func.vmap(lambda task: Task(task.support, task.query.replace(task.query.x * 2)))(batch)
    assert isinstance(doubled, Task) and doubled.query.x.sum() == 24
