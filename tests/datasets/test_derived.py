"""Classes made of others: each row is the image it should be, of the class it should be, in the group it should be."""

from pathlib import Path

import pytest
import torch

from quickstudy import datasets
from quickstudy.datasets import halves, mixed_classes, overlaid, rotated_classes
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.errors import DataError
from quickstudy.tasks import FewShot
from quickstudy.tasks.source import generator_of


def index(groups: int = 0, kind: torch.dtype = torch.float32) -> ClassIndex:
    labels = torch.arange(6).repeat_interleave(12)
    x = torch.rand(72, 1, 5, 5, generator=generator_of(0))
    x = (x * 255).to(kind) if kind == torch.uint8 else x
    rows = torch.arange(72)
    data = datasets.from_arrays(x, labels, groups=rows % groups if groups else None, name="toys")
    return ClassIndex(x, labels, data.classes, "toys", data.groups, data.group_names, families=tuple("AABBCC"))


@pytest.mark.parametrize("kind", [torch.float32, torch.uint8])
def test_turned_rows_are_the_rows_turned(kind: torch.dtype) -> None:
    plain = index(groups=3, kind=kind)
    turned = rotated_classes(plain)
    rows = torch.randperm(len(turned), generator=generator_of(1))
    expected = torch.cat([torch.rot90(plain.gather(torch.arange(72)), turn, (-2, -1)) for turn in range(4)])
    assert torch.equal(turned.gather(rows), expected[rows])
    assert plain.groups is not None and turned.groups is not None
    for turn in range(4):
        part = slice(72 * turn, 72 * (turn + 1))
        assert torch.equal(turned.labels[part], plain.labels + 6 * turn) and torch.equal(turned.groups[part], plain.groups)
    assert turned.classes[7] == "1/rot090" and turned.families == plain.families * 4
    assert turned.gather(rows.view(8, 36)).shape == (8, 36, 1, 5, 5)


def test_turned_omniglot_is_the_omniglot_of_turned_classes(vinyals: Splits) -> None:
    plain = datasets.omniglot(rotations=False).test
    turned, built = rotated_classes(plain), vinyals.test
    name = {label.removesuffix("/rot000"): number for number, label in enumerate(built.classes)}
    for label in (0, 423, 423 * 2 + 7, 423 * 3 + 100):
        rows, others = (torch.where(data.labels == number)[0] for data, number in
                        ((turned, label), (built, name[turned.classes[label]])))  # fmt: skip
        assert torch.equal(turned.gather(rows), built.gather(others))


@pytest.fixture(scope="module")
def vinyals(data_path: Path) -> Splits:
    if not (data_path / "omniglot" / "images_background.zip").is_file():
        pytest.skip("needs omniglot/images_background.zip and images_evaluation.zip in the folder that QUICKSTUDY_DATA names")
    return datasets.omniglot()


@pytest.mark.parametrize("groups", [0, 4])
def test_mixed_rows_are_of_their_two_classes(groups: int) -> None:
    plain = index(groups=groups)
    mixed = mixed_classes(plain, 10)
    assert len(mixed.classes) == 16 and mixed.classes[:6] == plain.classes and mixed.families[:6] == plain.families
    assert torch.equal(mixed.gather(torch.arange(72)), plain.gather(torch.arange(72)))
    everything = plain.gather(torch.arange(72))
    for label in range(6, 16):
        a, b = (plain.classes.index(name) for name in mixed.classes[label].split(" | "))
        assert a != b and mixed.families[label] == plain.families[a]
        for row in torch.where(mixed.labels == label)[0].tolist():
            image = mixed.gather(torch.tensor([row]))[0]
            sources = [
                [r for r in range(72) if torch.equal(everything[r][..., columns], image[..., columns])]
                for columns in (slice(0, 2), slice(2, 5))
            ]
            (left,), (right,) = sources
            assert int(plain.labels[left]) == a and int(plain.labels[right]) == b
            if plain.groups is not None and mixed.groups is not None:
                assert plain.groups[left] == plain.groups[right] == mixed.groups[row]
    assert len(set(mixed.classes)) == 16
    assert mixed_classes(plain, 10).classes == mixed.classes != mixed_classes(plain, 10, seed=1).classes


def test_tasks_of_mixed_classes_keep_groups_apart() -> None:
    mixed = mixed_classes(index(groups=4))
    plan = FewShot(mixed, 5, 1, 3).plan(100, generator_of(0))
    assert mixed.groups is not None and (plan.classes >= 6).any()
    for task in range(100):
        support, query = (set(mixed.groups[rows[task]].tolist()) for rows in (plan.support_rows, plan.query_rows))
        assert not support & query


def test_blends() -> None:
    a, b = torch.zeros(2, 1, 3, 4), torch.ones(2, 1, 3, 4)
    assert halves(a, b).mean() == 0.5 and halves(a, b)[..., :2].max() == 0
    assert (overlaid(a, b) == 0.5).all()
    plain = index()
    mixed = mixed_classes(plain, 3, blend=overlaid)
    row = mixed.gather(torch.tensor([72]))
    assert row.min() > plain.gather(torch.arange(72)).min()


def test_derived_classes_can_be_derived_from_and_selected() -> None:
    both = mixed_classes(rotated_classes(index(), (0, 1)), 5)
    assert len(both.classes) == 17
    few = both.select([12, 3, 16])
    assert torch.equal(few.gather(torch.where(few.labels == 0)[0]), both.gather(torch.where(both.labels == 12)[0]))
    assert few.families == tuple(both.families[c] for c in (12, 3, 16))


def test_what_cannot_be_derived() -> None:
    with pytest.raises(DataError, match="only square images can be rotated"):
        rotated_classes(datasets.from_arrays(torch.rand(8, 1, 4, 5), torch.arange(8) % 2))
    with pytest.raises(DataError, match="already holds rotated classes"):
        rotated_classes(rotated_classes(index()))
    with pytest.raises(DataError, match="quarter turns"):
        rotated_classes(index(), (0, 4))
    with pytest.raises(DataError, match="31 mixed classes were requested, but only 30 pairs"):
        mixed_classes(index(), 31)
    with pytest.raises(DataError, match="2 families came with 6 classes"):
        ClassIndex(index().x, index().labels, index().classes, families=("A", "B"))
    lonely = datasets.from_arrays(torch.rand(8, 1, 4, 4), torch.arange(8) % 2, groups=torch.arange(8) % 2)
    with pytest.raises(DataError, match="only 0 pairs can be mixed"):
        mixed_classes(lonely)


def test_families_of_the_built_in_data() -> None:
    systems = [set(part.families) for part in datasets.glyphs()]
    assert systems[0] == {"BRAILLE", "CYRILLIC", "GREEK", "LATIN", "SIGNS"}
    assert systems[1] == {"COPTIC", "LISU", "OLD"}
    assert systems[2] == {"ARABIC", "ARMENIAN", "CANADIAN", "GEORGIAN", "HEBREW", "LAO"}


def test_omniglots_families_are_its_alphabets(vinyals: Splits) -> None:
    assert len(set(vinyals.train.families)) > 30
    assert all(name.startswith(f"{family}/") for name, family in zip(vinyals.test.classes, vinyals.test.families, strict=True))
