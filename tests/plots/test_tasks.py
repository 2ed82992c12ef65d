"""Tasks and feature spaces drawn: right and wrong answers, padding, layouts that are the same each time."""

import pytest
import torch
from torch import Tensor

from quickstudy.errors import ShapeError
from quickstudy.plots import embedding_map, plane, task_figure
from quickstudy.plots.style import PALETTE
from quickstudy.task import Examples, Task, pad


@pytest.fixture
def task() -> Task:
    support = Examples.of(torch.rand(3, 1, 8, 8), torch.tensor([0, 1, 2]))
    query = Examples.of(torch.rand(6, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2]))
    return Task(support, query)


def answers(labels: list[int]) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor(labels), 3).float()


def words(figure: object) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]  # type: ignore[attr-defined]


def test_mistakes_are_crossed_and_named(task: Task) -> None:
    figure = task_figure(task, answers([0, 1, 2, 0, 0, 2]), ["x", "y", "z"])
    assert words(figure)[2:] == ["A", "A", "A", "B", "B", "✗ A", "C", "C", "C"]
    assert len(figure.axes[0].images) == 3 + 6
    frames = [patch.get_linewidth() for patch in figure.axes[0].patches]
    assert sorted(frames)[-1] == 3.0 and frames.count(3.0) == 1


def test_queries_are_cut_to_the_number_asked_for(task: Task) -> None:
    figure = task_figure(task, answers([0, 1, 2, 0, 0, 2]), ["x", "y", "z"], queries=1)
    assert len(figure.axes[0].images) == 3 + 3
    assert "✗ A" not in words(figure)


def test_padding_is_not_drawn(task: Task) -> None:
    padded = Task(pad(task.support, 5), pad(task.query, 9))
    whole = torch.cat([answers([0, 1, 2, 0, 0, 2]), answers([0, 0, 0])])
    drawn = task_figure(padded, whole, ["x", "y", "z"])
    assert words(drawn) == words(task_figure(task, whole[:6], ["x", "y", "z"]))


def test_colour_images_are_drawn_too() -> None:
    examples = Examples.of(torch.rand(2, 3, 8, 8), torch.tensor([0, 1]))
    figure = task_figure(Task(examples, examples), torch.eye(2), ["x", "y"])
    assert figure.axes[0].images[0].get_array().shape == (8, 8, 3)


def test_what_is_no_task_of_images_is_refused(task: Task) -> None:
    with pytest.raises(ShapeError, match="ONE task of images"):
        task_figure(task, answers([0, 1]), ["x", "y", "z"])
    flat = Task(task.support.replace(torch.rand(3, 4)), task.query.replace(torch.rand(6, 4)))
    with pytest.raises(ShapeError, match="ONE task of images"):
        task_figure(flat, answers([0, 1, 2, 0, 0, 2]), ["x", "y", "z"])


def test_groups_that_are_apart_stay_apart_in_the_plane() -> None:
    centres = 20 * torch.eye(3, 60)
    labels = torch.arange(3).repeat_interleave(25)
    places = plane(centres[labels] + torch.randn(75, 60), seed=1)
    distance = torch.cdist(places, places)
    distance.fill_diagonal_(torch.inf)
    assert (labels[distance.argmin(1)] == labels).all()


def test_the_plane_is_the_same_each_time() -> None:
    features = torch.randn(30, 5)
    assert torch.equal(plane(features, seed=2), plane(features, seed=2))


def test_the_map_has_a_panel_for_each_space_and_a_colour_for_each_class() -> None:
    places, labels = torch.rand(6, 2), torch.tensor([0, 1, 2, 0, 1, 2])
    figure = embedding_map({"pixels": places, "features": places}, labels, ["x", "y", "z"], torch.rand(6, 1, 8, 8))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["pixels", "features"]
    assert [len(axes.images) for axes in figure.axes] == [6, 6]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["x", "y", "z"]
    points = embedding_map({"features": places}, labels, ["x", "y", "z"]).axes[0].lines
    assert [line.get_color() for line in points] == [PALETTE[label] for label in labels.tolist()]
