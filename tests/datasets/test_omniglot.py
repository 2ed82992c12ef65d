"""Omniglot: its three splits, counts, rotations and strokes, on the real archives."""

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from quickstudy.datasets.class_index import Splits
from quickstudy.datasets.omniglot import omniglot
from quickstudy.errors import DataError

MODULE = sys.modules["quickstudy.datasets.omniglot"]


@pytest.fixture(scope="module")
def real(data_path: Path) -> None:
    """Skips a test where the archives are not at hand."""
    if not (data_path / "omniglot" / "images_background.zip").is_file():
        pytest.skip("needs omniglot/images_background.zip and images_evaluation.zip in the folder that QUICKSTUDY_DATA names")


@pytest.fixture(scope="module")
def vinyals(real: None) -> Splits:
    return omniglot()


def characters(split: Splits) -> list[set[str]]:
    return [{name.partition("/rot")[0] for name in part.classes} for part in split]


def alphabets(split: Splits) -> list[set[str]]:
    return [{name.split("/")[0] for name in part} for part in characters(split)]


def test_vinyals_counts(vinyals: Splits) -> None:
    assert [len(part.classes) for part in vinyals] == [4112, 688, 1692]
    assert [len(part) for part in characters(vinyals)] == [1028, 172, 423]
    assert all((part.counts == 20).all() for part in vinyals)
    assert vinyals.train.gather(torch.tensor([[0, 1]])).shape == (1, 2, 1, 28, 28)
    assert vinyals.test.name == "omniglot/vinyals/test"


@pytest.mark.parametrize(("split", "counts"), [("background", [883, 81, 659]), ("alphabet", [1119, 174, 330])])
def test_splits_by_alphabet(real: None, split: str, counts: list[int]) -> None:
    parts = omniglot(split, rotations=False)  # type: ignore[arg-type]
    assert [len(part.classes) for part in parts] == counts
    found = alphabets(parts)
    assert [len(part) for part in found] == ([25, 5, 20] if split == "background" else [35, 5, 10])
    assert not (found[0] & found[1] or found[0] & found[2] or found[1] & found[2])


def test_no_character_is_in_two_parts(vinyals: Splits) -> None:
    train, val, test = characters(vinyals)
    assert len(train | val | test) == 1623


def test_the_list_is_the_published_one(vinyals: Splits, data_path: Path) -> None:
    folder = data_path / "omniglot" / "splits"
    if not folder.is_dir():
        pytest.skip("needs omniglot/splits/vinyals-*.txt in the folder that QUICKSTUDY_DATA names")
    for part in Splits._fields:
        published = set((folder / f"vinyals-{part}.txt").read_text().split())
        assert set(getattr(vinyals, part).classes) == published


def test_rotations_are_classes_of_turned_images(vinyals: Splits) -> None:
    index = vinyals.val
    assert index.classes[:2] == ("Armenian/character01/rot000", "Armenian/character01/rot090")
    upright, turned = (index.gather(torch.where(index.labels == label)[0]) for label in (0, 1))
    assert torch.equal(torch.rot90(upright, 1, (2, 3)), turned)


def test_ink_is_one_on_paper_of_zero(vinyals: Splits) -> None:
    assert isinstance(vinyals.val.x, torch.Tensor) and vinyals.val.x.dtype == torch.uint8
    x = vinyals.val.gather(torch.arange(0, len(vinyals.val), 7))
    assert x.min() == 0 and x.max() == 1
    assert 0.05 < x.mean() < 0.2
    assert (x.flatten(1).amax(1) > 0.5).all(), "no image is blank"
    assert float((x[..., 0, :] > 0.5).float().mean()) < 0.05


def test_the_images_of_the_archive_give_the_rows(vinyals: Splits, data_path: Path) -> None:
    assert vinyals.val.reads is not None
    with zipfile.ZipFile(data_path / "omniglot" / "images_background.zip") as pack:
        member = min(name for name in pack.namelist() if "Armenian/character01/" in name and name.endswith(".png"))
        seen = vinyals.val.reads(pack.read(member))
    row = vinyals.val.gather(torch.tensor(0))
    assert torch.nn.functional.cosine_similarity(seen.flatten(), row.flatten(), dim=0) > 0.95


def test_an_unknown_split(real: None) -> None:
    with pytest.raises(DataError, match='no split \'mini\'. Choose "vinyals", "background" or "alphabet"'):
        omniglot("mini")  # type: ignore[arg-type]


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, an empty cache, and a public source that is a folder here."""
    monkeypatch.setenv("QUICKSTUDY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(MODULE, "_URL", (tmp_path / "public").as_uri() + "/{}.zip")
    (tmp_path / "data" / "omniglot").mkdir(parents=True)
    (tmp_path / "public").mkdir()
    return tmp_path


def pack(folder: Path) -> dict[str, str]:
    """Archives of one character each; their sums."""
    sums = {}
    drawing = io.BytesIO()
    Image.new("1", (105, 105), 1).save(drawing, "PNG")
    for name in ("images_background", "images_evaluation"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            for number in range(20):
                archive.writestr(f"{name}/Latin/character01/{number:02d}.png", drawing.getvalue())
        sums[name] = hashlib.md5((folder / f"{name}.zip").read_bytes(), usedforsecurity=False).hexdigest()
    return sums


def test_without_data_or_connection_the_remedy_is_told(alone: Path) -> None:
    with pytest.raises(DataError, match=r"not be downloaded.*FOLDER/omniglot/images_background\.zip and set QUICKSTUDY_DATA"):
        omniglot()


def test_what_is_not_in_the_data_folder_is_downloaded(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_ARCHIVES", pack(alone / "public"))
    with pytest.raises(DataError, match="hold 2 characters instead of 1623. Download them again"):
        omniglot()
    assert {file.name for file in (alone / "cache").rglob("*.*")} == {"images_background.zip", "images_evaluation.zip"}


def test_another_archive_than_the_published_is_refused(alone: Path) -> None:
    pack(alone / "public")
    with pytest.raises(DataError, match="not 68d2efa1b9178cc56df9314c21c6e718: it was changed or damaged"):
        omniglot()


@pytest.mark.parametrize("damage", ["foreign", "cut", "flipped"])
def test_a_damaged_archive_is_named(alone: Path, damage: str) -> None:
    folder = alone / "data" / "omniglot"
    pack(folder)
    file = folder / "images_background.zip"
    whole = file.read_bytes()
    at = whole.index(b"IDAT") + 5
    flipped = whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :]
    file.write_bytes({"foreign": b"no archive", "cut": whole[:-100], "flipped": flipped}[damage])
    with pytest.raises(DataError, match=r"images_background\.zip is damaged.*Remove it"):
        omniglot()


def test_an_impossible_size(alone: Path) -> None:
    with pytest.raises(DataError, match=r"size=\(0, 0\): give height and width"):
        omniglot(size=0)
