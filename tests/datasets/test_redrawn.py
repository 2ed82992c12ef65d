"""Images of other domains arrive as a learner sees its own."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.image_zip import image_zip
from quickstudy.datasets.redrawn import redrawn
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images

PHOTOS = Images((20, 20), channels=3, strokes=False)


def folder(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (root / "pets" / name).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)).save(root / "pets" / name / f"{number}.png")
    return root / "pets"


def test_a_zip_file_holds_what_its_folder_holds(tmp_path: Path) -> None:
    pets = folder(tmp_path)
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as pack:
        for file in sorted(pets.rglob("*.png")):
            pack.write(file, file.relative_to(pets))
        pack.writestr("__MACOSX/cat/1.png", "junk")
        pack.writestr("cat/.hidden", "junk")
        pack.writestr("SOURCE.md", "words")
    packed, unpacked = image_zip(tmp_path / "pets.zip", PHOTOS), image_folder(pets, reads=PHOTOS)
    assert packed.classes == unpacked.classes == ("cat", "dog") and packed.name == "pets" and packed.reads == PHOTOS
    assert torch.equal(packed.labels, unpacked.labels)
    assert torch.equal(packed.gather(torch.arange(6)), unpacked.gather(torch.arange(6)))


def test_what_is_no_domain_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.zip").write_text("words")
    with pytest.raises(DataError, match="cannot be read as a ZIP file"):
        image_zip(tmp_path / "words.zip", PHOTOS)
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as pack:
        pack.writestr("cat/1.png", "no image")
    with pytest.raises(DataError, match=r"cat/1\.png in .*bad\.zip"):
        image_zip(tmp_path / "bad.zip", PHOTOS)
    with zipfile.ZipFile(tmp_path / "flat.zip", "w") as pack:
        pack.writestr("1.png", "no class")
    with pytest.raises(DataError, match="holds no class folders"):
        image_zip(tmp_path / "flat.zip", PHOTOS)
    with pytest.raises(DataError, match="does not hold images"):
        redrawn(from_arrays(np.zeros((4, 3)), np.array([0, 0, 1, 1])), PHOTOS)


def test_rows_are_redrawn_as_their_images_would_be() -> None:
    strokes_reader = Images((12, 12))
    strokes = torch.zeros(4, 1, 12, 12, dtype=torch.uint8)
    strokes[:, :, 3:9, 5:7] = 255
    index = ClassIndex(strokes, torch.tensor([0, 0, 1, 1]), ("a", "b"), reads=strokes_reader)
    assert redrawn(index, strokes_reader) is index
    larger = redrawn(index, Images((28, 28)))
    image = larger.gather(torch.tensor([2]))[0]
    assert image.shape == (1, 28, 28) and torch.equal(image, Images((28, 28))(strokes[2, 0].numpy()))
    assert float(image[0, 14, 13]) > 0.9 and float(image[0, 0, 0]) == 0
    colour = redrawn(larger, PHOTOS).gather(torch.tensor([[0, 1], [2, 3]]))
    assert colour.shape == (2, 2, 3, 20, 20) and 0 <= float(colour.min()) < float(colour.max()) <= 1


def test_zips_follow_the_rules_of_folders(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pets = folder(tmp_path)
    files = {file.relative_to(pets).as_posix(): file.read_bytes() for file in sorted(pets.rglob("*.png"))}

    def packed(name: str, members: dict[str, bytes]) -> Path:
        with zipfile.ZipFile(tmp_path / name, "w") as pack:
            for member, content in members.items():
                pack.writestr(member, content)
        return tmp_path / name

    plain = image_folder(pets, reads=PHOTOS)
    around = packed(
        "around.zip", {f"my pets/{name}": content for name, content in files.items()} | {"my pets/SOURCE.md": b"words"}
    )
    assert torch.equal(image_zip(around, PHOTOS).gather(torch.arange(6)), plain.gather(torch.arange(6)))
    assert "files beside the class folders, not read: 1" in caplog.text
    deep = packed("deep.zip", {f"{place}/{name}": content for name, content in files.items() for place in ("home", "farm")})
    with pytest.raises(DataError, match=r"holds folders of folders \(farm/cat\)"):
        image_zip(deep, PHOTOS)
    assert image_zip(deep, PHOTOS, by_path=True).classes == ("farm/cat", "farm/dog", "home/cat", "home/dog")
    mixed = packed("mixed.zip", files | {"cat/old/1.png": files["cat/0.png"]})
    with pytest.raises(DataError, match="cat/old in .* is a folder within a class folder"):
        image_zip(mixed, PHOTOS)
    small = packed("small.zip", files | {"elk/1.png": files["cat/0.png"]})
    assert image_zip(small, PHOTOS, smallest=2).classes == ("cat", "dog") and "elk (1)" in caplog.text
