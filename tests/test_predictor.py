"""A predictor is a value: its answers never change, any number of threads may ask, and its border refuses in sentences."""

import copy
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from quickstudy import Examples, Learner, datasets, learners, load, save, tasks, train
from quickstudy.errors import DataError, LearnerError, ShapeError
from quickstudy.inputs.images import Images
from quickstudy.learner import Predictor
from quickstudy.learners.metric.proto import Prototypes
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP, Frozen
from quickstudy.task import Task


def support(seed: int = 0, shape: tuple[int, ...] = (4,)) -> Examples:
    return Examples.of(torch.rand(6, *shape, generator=torch.Generator().manual_seed(seed)), torch.arange(6) % 3)


def maml() -> learners.MAML:
    torch.manual_seed(0)
    return learners.MAML(MLP(4, (8,), outputs=3, norm=True), inner_lr=0.5, inner_steps=2)


def directly(learner: Learner[Any], examples: Examples, x: Tensor) -> Tensor:
    """What the three methods of a copy say, without a predictor."""
    clone = copy.deepcopy(learner).eval()
    with torch.no_grad():
        return clone.predict(clone.adapt(examples.replace(clone.encode(examples.x))), clone.encode(x))


def test_answers_do_not_drift_while_the_learner_trains() -> None:
    learner, x = maml().train(), support(1).x
    kept = learner(support())
    before = kept(x)
    optimizer = torch.optim.Adam(learner.parameters(), lr=0.1)
    source = tasks.FewShot(datasets.from_arrays(torch.rand(60, 4), torch.arange(60) % 6), 3, 2, 5)
    for _ in train(learner, source, steps=3, batch=2, optimizer=optimizer):
        assert torch.equal(kept(x), before)
    later = learner(support())
    assert torch.equal(later(x), directly(learner, support(), x)) and not torch.allclose(later(x), before)
    assert later.learner is not kept.learner


def test_predictors_of_one_version_share_one_copy() -> None:
    learner = maml().train()
    first, second = learner(support(0)), learner(support(1))
    assert first.learner is second.learner is not learner
    assert not first.learner.training and learner.training and learner.network.training
    assert first.learner(support(2)).learner is first.learner  # a value is its own value


def _adam(learner: Any) -> None:
    optimizer = torch.optim.Adam(learner.parameters())
    learner.objective(Task(support(3), support(4))).backward()
    optimizer.step()


CHANGES: dict[str, Callable[[Any], Any]] = {
    "an optimizer": _adam,
    "in place": lambda it: nn.init.ones_(it.network.layers[0].weight),
    "through data": lambda it: it.network.layers[0].weight.data.mul_(-1),
    "through numpy": lambda it: np.negative(w := it.network.layers[0].weight.detach().numpy(), out=w),
    "another tensor": lambda it: setattr(it.network.layers[0].weight, "data", torch.ones(8, 4)),
    "another parameter": lambda it: setattr(it.network.layers[0], "weight", nn.Parameter(torch.ones(8, 4))),
    "another layer": lambda it: it.network.layers.__setitem__(0, nn.Linear(4, 8)),
    "another network": lambda it: setattr(it, "network", nn.Linear(4, 3)),
    "loaded weights": lambda it: it.load_state_dict({k: v + 0.1 for k, v in it.state_dict().items()}),
    "a plain number": lambda it: setattr(it, "test_steps", 5),
    "a likelihood": lambda it: setattr(it, "likelihood", Gaussian()),
    "a frozen weight": lambda it: it.network.layers[0].requires_grad_(False),
    "a hook": lambda it: it.network.register_forward_hook(lambda module, given, out: out * 2),
    "precision": lambda it: it.double(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_of_the_learner_makes_a_new_version(change: Callable[[Any], Any]) -> None:
    learner, x = maml(), support(1).x
    kept = learner(support())
    before = kept(x)
    change(learner)
    assert torch.equal(kept(x), before) and before.dtype == torch.float32
    examples, queries = (support(), x) if next(learner.parameters()).dtype == torch.float32 else (_double(support()), x.double())
    later = learner(examples)
    assert later.learner is not kept.learner
    assert torch.equal(later(queries), directly(learner, examples, queries))


def _double(examples: Examples) -> Examples:
    return Examples(examples.x.double(), examples.y.double(), examples.mask.double())


def test_modes_and_gradients_make_no_new_version() -> None:
    learner = maml()
    kept = learner(support()).learner
    learner.objective(Task(support(3), support(4))).backward()
    assert learner.eval()(support()).learner is learner.train()(support()).learner is kept


def test_frozen_parts_are_shared_and_all_else_is_copied() -> None:
    backbone = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))
    learner = learners.ANIL(nn.Sequential(Frozen(backbone), nn.Linear(8, 6)), nn.Linear(6, 3))
    value = learner(support()).learner
    places = {id(tensor) for tensor in [*learner.parameters(), *learner.buffers()]}
    shared = {name for name, tensor in [*value.named_parameters(), *value.named_buffers()] if id(tensor) in places}
    assert shared == {name for name in value.state_dict() if name.startswith("encoder.0.")}
    assert backbone.training is False and learner.encoder.training


def test_a_learner_keeps_no_second_copy_in_copies_and_files(tmp_path: Path) -> None:
    learner = maml()
    before = len(pickle.dumps(learner))
    learner(support())
    assert len(pickle.dumps(learner)) == before
    assert "_value" not in vars(copy.deepcopy(learner)) and list(learner.state_dict()) == list(maml().state_dict())


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copied_and_pickled_predictors_answer_alike_and_own_their_learner(again: Callable[[Predictor], Predictor]) -> None:
    learner, x = maml(), support(1).x
    predictor = learner(support(), ["a", "b", "c"])
    twin = again(predictor)
    assert torch.equal(twin(x), predictor(x)) and twin.names(x) == predictor.names(x) and twin.rows == predictor.rows
    learner.network.layers[0].weight.data.zero_()
    assert torch.equal(twin(x), predictor(x))
    assert twin.learner(support()).learner is twin.learner
    assert {twin, predictor} and (twin == predictor) is (twin is predictor)


def test_a_saved_predictor_is_the_value_and_a_loaded_one_owns_its_learner(tmp_path: Path) -> None:
    learner, x = maml(), support(1).x
    predictor = learner(support(), ["a", "b", "c"])
    before = predictor(x)
    learner.network.layers[0].weight.data.zero_()
    save(predictor, tmp_path / "it.safetensors")
    loaded = load(tmp_path / "it.safetensors")
    assert torch.equal(loaded(x), before) and loaded.rows == predictor.rows
    assert loaded.learner(support()).learner is loaded.learner
    mine = maml()
    filled = load(tmp_path / "it.safetensors", like=mine)
    assert filled.learner is not mine
    mine.network.layers[0].weight.data.zero_()
    assert torch.equal(filled(x), before)
    with pytest.raises(LearnerError, match=r"Train a copy: copy\.deepcopy"):
        loaded.learner.train()
    assert copy.deepcopy(loaded.learner).train().training


class Uncopyable(learners.ProtoNet):
    def __init__(self) -> None:
        super().__init__(nn.Flatten())
        self.lock = threading.Lock()


def test_a_learner_that_cannot_be_copied_is_named() -> None:
    with pytest.raises(LearnerError, match=r"this Uncopyable cannot be copied \(.*lock.*\)"):
        Uncopyable()(support())


class Remembers(nn.Module):
    """A network that keeps its last activation, as many do for figures."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.layer(x)
        return self.last


def test_a_network_that_keeps_activations_can_be_copied() -> None:
    encoder = Remembers()
    encoder(support().x)
    assert learners.ProtoNet(encoder)(support())(support().x).shape == (6, 3)


# The border ---------------------------------------------------------------------------------------------------------------------


def pixels(number: int) -> np.ndarray:
    """A grey image of 8 bits whose strokes say which class it is of."""
    image = np.zeros((28, 28), np.uint8)
    image[4 + 8 * number : 10 + 8 * number, 3:25] = 255
    return image


@pytest.fixture
def seen(tmp_path: Path) -> tuple[Predictor, Path]:
    """A predictor of three kinds of image, and a file that shows the second."""
    learner = learners.NearestCentroid()
    learner.reads = Images()
    path = tmp_path / "it.png"
    Image.fromarray(pixels(1)).save(path)
    return learner(Examples.of(Images().batch([pixels(n) for n in range(3)]), [0, 1, 2]), ["top", "middle", "low"]), path


def test_one_image_gives_one_answer_by_every_door(seen: tuple[Predictor, Path]) -> None:
    predictor, path = seen
    expected = predictor(torch.from_numpy(pixels(1) / np.float32(255))[None, None])
    array, tensor = pixels(1), torch.from_numpy(pixels(1))
    doors: list[Any] = [path, str(path), [path], path.read_bytes(), Image.open(path), [Image.open(path)], array, [array]]
    doors += [array[None], array[None, None], tensor, tensor[None, None], tensor[None, None] / 255, (tensor / 255)[None]]
    doors += [(array / 255)[None, None], [tensor[None] / 255]]
    for door in doors:
        assert torch.equal(predictor(door), expected) and predictor.names(door) == ["middle"]
    assert predictor.names([path, pixels(2), Image.fromarray(pixels(0))]) == ["middle", "low", "top"]
    assert torch.equal(predictor.probabilities(path), predictor.probabilities(tensor[None, None]))
    for bad in (path.with_name("other.png"), 255 * tensor[None, None].float(), 5, [1.0, 2.0], None):
        with pytest.raises(DataError):
            predictor(bad)


def test_rows_and_a_single_row_give_one_answer_by_every_door() -> None:
    predictor, x = maml()(support()), support(1).x
    expected = predictor(x)
    for rows in (x, x.numpy(), x.tolist(), list(x), x.double(), x.double().numpy(), x.half().float()[:0]):
        assert torch.allclose(predictor(rows), expected[: len(rows)], atol=1e-6)
    for row in (x[2], x[2].numpy(), x[2].tolist()):
        assert torch.equal(predictor(row), predictor(x[2:3]))
    assert predictor(x[:0]).shape == (0, 3)


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "a path without images": ("file.png", DataError, "'file.png' is no tensor"),
    "features": (torch.rand(5, 3), ShapeError, r"the shape \(4,\), these \(3,\) .* Give a tensor of \('rows', 4\)"),
    "more axes": (torch.rand(5, 4, 1), ShapeError, r"these \(4, 1\)"),
    "a number": (torch.tensor(1.0), ShapeError, "the shape"),
    "8 bits": (torch.ones(2, 4, dtype=torch.uint8), ShapeError, r"are float32, these uint8.*/ 255"),
    "whole numbers": (torch.ones(2, 4, dtype=torch.int64), ShapeError, "are float32, these int64"),
    "bits": (np.ones((2, 4), bool), ShapeError, "are float32, these bool"),
    "NaN": (torch.tensor([[0.0] * 4, [float("nan")] + [0.0] * 3]), DataError, r"the inputs hold NaN .* \(row 1\)"),
    "infinite": (torch.full((7, 4), float("inf")), DataError, r"\(row 0, 1, 2, 3, 4 and more\)"),
    "ragged": ([[1.0, 2.0], [1.0]], DataError, "no tensor"),
    "another tree": ({"x": torch.rand(2, 4)}, ShapeError, r"are \(4,\) of float32, these are \['x'\]"),
    "nothing": (None, DataError, "None is no tensor"),
}


@pytest.mark.parametrize(("x", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_inputs_unlike_the_support_set_are_refused_in_a_sentence(x: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        maml()(support())(x)


class Pair(learners.NearestCentroid):
    """Reads a tree: numbers and which of them count."""

    def encode(self, x: Any) -> Tensor:
        return (x["numbers"] * x["counts"]).float()


def test_trees_are_compared_tensor_by_tensor() -> None:
    tree = {"counts": torch.ones(6, 4, dtype=torch.bool), "numbers": support().x}
    predictor = Pair()(Examples.of(tree, torch.arange(6) % 3))
    assert predictor({key: leaf[0] for key, leaf in tree.items()}).shape == (1, 3)
    with pytest.raises(ShapeError, match=r"at \['counts'\] are bool, these float32"):
        predictor({key: leaf.float() for key, leaf in tree.items()})
    with pytest.raises(ShapeError, match=r"inputs of \[2, 6\] rows"):
        predictor(tree | {"counts": tree["counts"][:2]})


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (["a", "b", "a"], "two classes have the name 'a'"),
        (["a", "b", 3], "3 is no class name"),
        (["a", "b", float("nan")], "nan is no class name"),
        (["a", "b", " "], "' ' is no class name"),
        ("abc", "'abc' is one text"),
        (["a", "b"], "2 class names for 3 ways"),
        (["a", "b", "c", "d"], "4 class names for 3 ways"),
    ],
)
def test_class_names_are_different_texts_one_for_each_class(classes: Any, words: str) -> None:
    with pytest.raises((DataError, ShapeError), match=words):
        maml()(support(), classes)
    assert maml()(support(), np.array(["a", "b", "c"])).classes == ("a", "b", "c")


def test_only_one_support_set_with_all_its_numbers_is_learned_from() -> None:
    learner, good = maml(), support()
    with pytest.raises(LearnerError, match="not with a Tensor"):
        learner(good.x)
    with pytest.raises(LearnerError, match="not with a Task. Give its support set"):
        learner(Task(good, good))
    with pytest.raises(ShapeError, match="not with a batch of 1"):
        learner(good[None])
    with pytest.raises(DataError, match=r"support set's inputs hold NaN or infinite values \(row 0"):
        learner(good.replace(good.x / 0))
    with pytest.raises(DataError, match="support set's targets hold NaN"):
        learner(Examples(good.x, good.y * float("nan"), good.mask))
    with pytest.raises(
        ShapeError, match=r"MAML does not fit its inputs: one is float32 of shape \(5,\) \(.*\)\. A layer takes rows of"
    ):
        learner(support(shape=(5,)))


def test_outputs_that_are_no_numbers_are_refused_and_never_a_class() -> None:
    learner = maml()
    nn.init.constant_(list(learner.parameters())[-1], float("nan"))
    with pytest.raises(LearnerError, match="outputs of MAML for 6 of 6 inputs are NaN or infinite"):
        learner(support()).names(support().x)


class Tuple(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return self.layer(x), None


class Wordy(learners.ProtoNet):
    def predict(self, state: Prototypes, x: Tensor) -> Any:
        return {"logits": super().predict(state, x)}


def test_a_network_that_returns_several_things_is_named() -> None:
    with pytest.raises(LearnerError, match="the network returned a tuple"):
        learners.MAML(Tuple())(support())
    with pytest.raises(LearnerError, match="Wordy.predict returned a dict"):
        Wordy(nn.Flatten())(support())(support().x)


def test_values_have_no_names() -> None:
    learner = learners.MAML(MLP(4, (8,), outputs=2), likelihood=Gaussian())
    predictor = learner(Examples.of(support().x, torch.rand(6, 2)))
    with pytest.raises(LearnerError, match=r"outputs of Gaussian\(\) are no classes"):
        predictor.names(support().x)
    assert torch.equal(predictor.probabilities(support().x), predictor(support().x))
