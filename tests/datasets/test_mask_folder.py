"""Images with masks beside them, in folders and ZIPs; what is wrong with one is said with its name."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apps.masks import drawing, write_masks
from quickstudy.datasets.mask_folder import read_masked, shares
from quickstudy.errors import DataError


def png(values: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(values).save(content, "PNG")
    return content.getvalue()


GOOD = png(drawing(0, 0)[0])
MASK = png(drawing(0, 0)[1].astype(np.uint8) * 255)


def test_folders_and_zips_give_the_same(tmp_path: Path) -> None:
    write_masks(tmp_path / "mine", kinds=2, each=2)
    (tmp_path / "mine" / "manifest.csv").write_text("image,group\ndisc/0.png,a\nsquare/1.png,\n", encoding="utf-8")
    (tmp_path / "mine" / "disc" / ".DS_Store").write_bytes(b"x")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as pack:
        for file in sorted((tmp_path / "mine").rglob("*")):
            pack.write(file, file.relative_to(tmp_path / "mine"))
    found, packed = list(read_masked(tmp_path / "mine")), list(read_masked(tmp_path / "mine.zip"))
    assert [each.label for each in found] == [each.label for each in packed] == ["disc", "disc", "square", "square"]
    assert [each.group.endswith(": a") for each in found] == [True, False, False, False]
    image, mask = drawing(1, 1)
    for each in (found[3], packed[3]):
        assert np.array_equal(np.asarray(each.image), image) and np.array_equal(each.mask, mask)


def test_shares_are_means_of_cells() -> None:
    mask = drawing(0, 3)[1]
    wanted = mask.reshape(8, 8, 8, 8).mean((1, 3))
    np.testing.assert_allclose(shares(mask, 8).numpy(), wanted, atol=1 / 255)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "holds no images"),
        ({"cup/1.png": GOOD}, "cup/1.png in .* has no mask"),
        ({"cup/1.png": GOOD, "cup/1_mask.png": MASK, "cup/2_mask.png": MASK}, "cup/2_mask.png in .* is the mask of no image"),
        ({"1.png": GOOD, "1_mask.png": MASK}, "1.png in .* is in no class folder"),
        ({"cup/1.png": GOOD, "cup/1_mask.png": png(np.zeros((64, 64), np.uint8))}, "1_mask.png marks nothing"),
        ({"cup/1.png": GOOD, "cup/1_mask.png": png(np.full((64, 64), 255, np.uint8))}, "1_mask.png marks every pixel"),
        ({"cup/1.png": GOOD, "cup/1_mask.png": png(np.eye(32, dtype=np.uint8) * 255)}, "have 32×32 and 64×64 pixels"),
        ({"cup/1.png": b"no image", "cup/1_mask.png": MASK}, "cup/1.png in .*: .*is not an image"),
        ({"cup/1.png": GOOD, "cup/1_mask.png": MASK, "manifest.csv": b"image,photo\n"}, 'has no column "group"'),
        ({"cup/1.png": GOOD, "cup/1_mask.png": MASK, "manifest.csv": "image,group\nä".encode("latin-1")}, "is not UTF-8"),
        (
            {"cup/1.png": GOOD, "cup/1_mask.png": MASK, "manifest.csv": b"image,group\ncup/1.png,a\ncup/1.png,b\n"},
            'names "cup/1.png" twice',
        ),
    ],
    ids=["empty", "no mask", "no image", "no folder", "black", "white", "size", "broken", "column", "encoding", "twice"],
)
def test_what_is_wrong_is_named(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    (tmp_path / "mine").mkdir()
    for name, content in files.items():
        (tmp_path / "mine" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        list(read_masked(tmp_path / "mine"))


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder and no ZIP file here"):
        list(read_masked(tmp_path / "nowhere"))
