"""Class folders of any images; what is missing or broken is named with its remedy."""

import logging
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.image_zip import image_zip
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, images of five sizes and modes."""
    for place, colour in (("cat", 40), ("dog", 220)):
        (tmp_path / place).mkdir()
        for number, mode in enumerate(["L", "RGB", "RGBA", "P", "1"]):
            Image.new("L", (20 + 7 * number, 31), colour).convert(mode).save(tmp_path / place / f"{number}.png")
    Image.new("RGB", (300, 200), (220, 220, 220)).save(tmp_path / "dog" / "photo.jpg")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "cat" / ".DS_Store").write_bytes(b"none of ours")
    return tmp_path


def test_any_size_and_mode(folder: Path) -> None:
    index = image_folder(folder)
    assert index.classes == ("cat", "dog") and index.counts.tolist() == [5, 6]
    assert index.gather(torch.arange(11)).shape == (11, 3, 84, 84)
    assert index.name == folder.name
    assert abs(float(index.gather(torch.tensor(1)).mean()) - 40 / 255) < 0.01
    grey = image_folder(folder, reads=Images(size=(28, 20)), name="animals")
    assert grey.gather(torch.tensor([0])).shape == (1, 1, 28, 20) and grey.name == "animals"
    assert grey.reads == Images(size=(28, 20))


def test_reading_on_demand_gives_the_same_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eager = image_folder(folder)
    monkeypatch.setattr("quickstudy.datasets.on_demand.IN_MEMORY", 0)
    lazy = image_folder(folder)
    assert isinstance(eager.x, torch.Tensor) and not isinstance(lazy.x, torch.Tensor)
    rows = torch.tensor([[0, 10], [3, 3]])
    assert torch.equal(lazy.gather(rows), eager.gather(rows))
    assert torch.equal(lazy.select(["dog", "cat"]).labels, eager.select(["dog", "cat"]).labels)


def test_the_example_becomes_tasks(folder: Path) -> None:
    from quickstudy.tasks.few_shot import FewShot

    task = FewShot(image_folder(folder), ways=2, shots=1, queries=3).sample(2)
    assert task.query.x.shape == (2, 6, 3, 84, 84)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none is not a folder. Give a folder"):
        image_folder(tmp_path / "none")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no class folders. Put the images of each class into a folder"):
        image_folder(tmp_path)


def test_images_without_class_folders(tmp_path: Path) -> None:
    Image.new("L", (9, 9)).save(tmp_path / "1.png")
    with pytest.raises(DataError, match="holds no class folders"):
        image_folder(tmp_path)


def test_a_class_without_images(folder: Path) -> None:
    (folder / "emu").mkdir()
    with pytest.raises(DataError, match="emu holds no images. Put at least one into it, or remove the folder"):
        image_folder(folder)


def test_images_of_one_class(folder: Path) -> None:
    for file in (folder / "dog").iterdir():
        file.unlink()
    (folder / "dog").rmdir()
    with pytest.raises(DataError, match="all 5 rows are of one class"):
        image_folder(folder)


def test_a_broken_image_is_named_and_the_rest_kept_only_if_asked(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = (folder / "dog" / "photo.jpg").read_bytes()
    (folder / "dog" / "photo.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "cat" / "notes.txt").write_text("no image")
    with pytest.raises(DataError, match=r"2 images of .*on_error='skip' the others are kept") as caught:
        image_folder(folder)
    assert "notes.txt is not an image" in str(caught.value) and "photo.jpg is not an image" in str(caught.value), "all are named"
    with caplog.at_level(logging.WARNING, logger="quickstudy"):
        index = image_folder(folder, on_error="skip")
    assert index.counts.tolist() == [5, 5]
    assert "notes.txt" in caplog.text and "photo.jpg" in caplog.text


def test_a_class_of_broken_images_only(folder: Path) -> None:
    (folder / "emu").mkdir()
    (folder / "emu" / "1.png").write_bytes(b"broken")
    with pytest.raises(DataError, match="emu holds no images"):
        image_folder(folder, on_error="skip")


def test_a_decompression_bomb_among_good_images(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quickstudy.inputs.decoding._MOST_PIXELS", 50_000)
    with pytest.raises(DataError, match=r"photo\.jpg has 300×200 pixels.*Make it smaller"):
        image_folder(folder)
    assert image_folder(folder, on_error="skip").counts.tolist() == [5, 5]


def test_what_is_no_file_is_not_passed_over(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(folder / "cat" / "pipe.jpg")
    (folder / "dog" / "old").mkdir()
    (folder / "dog" / "Thumbs.db").write_bytes(b"left behind by a system")
    with pytest.raises(DataError, match="2 images of") as caught:
        image_folder(folder)
    assert "pipe.jpg is a pipe" in str(caught.value) and "old is a folder" in str(caught.value)
    with caplog.at_level(logging.WARNING, logger="quickstudy"):
        assert image_folder(folder, on_error="skip").counts.tolist() == [5, 6]
    with pytest.raises(DataError, match=r"on_error='ignore': give"):
        image_folder(folder, on_error="ignore")  # type: ignore[arg-type]


def test_folders_of_folders_of_folders_name_both_readings(folder: Path, tmp_path: Path) -> None:
    plain = image_folder(folder)
    for family in ("pets", "farm"):
        for kind in ("cat", "dog"):
            shutil.copytree(folder / kind, tmp_path / "data" / family / kind)
    for on_error in ("raise", "skip"):
        with pytest.raises(
            DataError, match=r"folders of folders \(farm/cat\).* by_path=True; or give .*/data/farm, if its folders"
        ):
            image_folder(tmp_path / "data", on_error=on_error)  # type: ignore[arg-type]
    index = image_folder(tmp_path / "data", by_path=True)
    assert index.classes == ("farm/cat", "farm/dog", "pets/cat", "pets/dog") and index.counts.tolist() == [5, 6, 5, 6]
    assert torch.equal(index.gather(torch.arange(11)), plain.gather(torch.arange(11)))


def test_class_folders_of_odd_and_of_nearly_equal_names(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("apple [red]", "[b]", "-rf", "a\nb", "Cat", "ключ", "🦉"):
        shutil.copytree(folder / "cat", folder / name)
    index = image_folder(folder)
    assert set(index.classes) >= {"apple [red]", "[b]", "-rf", "a\nb", "Cat", "ключ", "🦉"} and len(index.classes) == 9
    assert "'Cat' and 'cat'" in caplog.text
    shutil.copytree(folder / "cat", folder / "cat ")
    with pytest.raises(DataError, match="'cat' and 'cat ' differ in spaces alone"):
        image_folder(folder)


def test_a_name_that_is_no_text_is_refused_in_words_that_can_be_printed(folder: Path) -> None:
    (folder / "dog" / os.fsdecode(b"\xff.png")).write_bytes(b"broken")
    with pytest.raises(DataError, match=r"dcff.png is not an image") as caught:
        image_folder(folder)
    assert str(caught.value).encode()
    shutil.copytree(folder / "cat", folder / os.fsdecode(b"\xff"))
    with pytest.raises(DataError, match="is no valid UTF-8. Rename it") as caught:
        image_folder(folder)
    assert str(caught.value).encode()


def test_16_bit_images_keep_their_precision_and_their_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 12 bits in 16, as scanners save: by the type's range, not each stretched to its own."""
    for place, level in (("dark", 1000), ("light", 4000)):
        (tmp_path / place).mkdir()
        for number in range(2):
            Image.fromarray(np.full((9, 9), level + number, dtype=np.uint16)).save(tmp_path / place / f"{number}.png")
    reads = Images(9, strokes=False)
    index = image_folder(tmp_path, reads=reads)
    expected = torch.tensor([1000.0, 1001, 4000, 4001]) / 65535
    assert torch.allclose(index.gather(torch.arange(4)).flatten(1).mean(1), expected, rtol=1e-5)
    monkeypatch.setattr("quickstudy.datasets.on_demand.IN_MEMORY", 0)
    assert torch.equal(image_folder(tmp_path, reads=reads).gather(torch.arange(4)), index.gather(torch.arange(4)))


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("photo.heic", HEIC, "photo.heic is a HEIC photo, as phones save them, which is not read here. Save it as JPEG or PNG"),
        ("renamed.jpg", HEIC, "renamed.jpg is a HEIC photo"),
        ("clip.jpg", b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(99), r"clip.jpg is a film \(QuickTime\)"),
        ("scan.pdf", b"%PDF-1.4\n", "scan.pdf is a PDF document"),
        ("logo.svg", b'<svg xmlns="x"></svg>', r"logo.svg is a drawing \(SVG\)"),
        ("empty.png", b"", r"empty.png is not an image that can be read \(no JPEG"),
    ],
)
def test_what_is_taken_for_an_image_is_named_as_what_it_is(folder: Path, name: str, content: bytes, said: str) -> None:
    (folder / "cat" / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        image_folder(folder)
    with zipfile.ZipFile(folder / "all.zip", "w") as pack:
        for label in ("cat", "dog"):
            for file in (folder / label).iterdir():
                pack.write(file, f"{label}/{file.name}")
    with pytest.raises(DataError, match=f"cat/{name} in .*all.zip: the image is"):
        image_zip(folder / "all.zip")
    assert image_folder(folder, on_error="skip").counts.tolist() == [5, 6]


def test_classes_that_are_too_small_are_left_out_and_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(folder / "cat", folder / "cow")
    shutil.copytree(folder / "cat", folder / "elk")
    (folder / "cow" / "0.png").unlink()
    (folder / "elk" / "1.png").write_bytes(b"broken")
    (folder / "fox").mkdir()
    index = image_folder(folder, smallest=5, on_error="skip")
    assert index.classes == ("cat", "dog") and index.counts.tolist() == [5, 6]
    assert "classes left out for having fewer than 5 images: cow (4), fox (0)" in caplog.text
    assert "classes left out for having fewer than 5 images: elk (4)" in caplog.text
    assert image_folder(folder, smallest=1, on_error="skip").classes == ("cat", "cow", "dog", "elk")
    with pytest.raises(DataError, match="no class of .* has 7 images. Give more, or lower smallest"):
        image_folder(folder, smallest=7, on_error="skip")


def test_rows_of_what_is_left_are_those_of_their_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of 8 and of 16 bits, broken ones between them, and a class that falls away after reading."""
    reads = Images(9, strokes=False)
    (folder / "bee").mkdir()
    (folder / "bee" / "1.png").write_bytes(b"broken")
    Image.new("L", (9, 9), 7).save(folder / "bee" / "2.png")
    (folder / "cat" / "3.png").write_bytes(b"broken")
    Image.fromarray(np.full((9, 9), 1001, dtype=np.uint16)).save(folder / "dog" / "wide.png")
    files = [*[folder / "cat" / f"{n}.png" for n in (0, 1, 2, 4)], *sorted((folder / "dog").iterdir())]
    expected = torch.stack([reads(file) for file in files])
    for _ in range(2):
        index = image_folder(folder, reads=reads, smallest=2, on_error="skip")
        assert index.classes == ("cat", "dog") and torch.equal(index.gather(torch.arange(len(files))), expected)
        monkeypatch.setattr("quickstudy.datasets.on_demand.IN_MEMORY", 0)
    assert not isinstance(index.x, torch.Tensor)


def test_files_beside_the_class_folders_are_reported(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("1.png", "Thumbs.db", "notes.txt"):
        (folder / name).write_bytes(b"words")
    assert image_folder(folder).counts.tolist() == [5, 6]
    assert "files beside the class folders, not read: 2" in caplog.text


def test_a_list_beside_images_is_what_to_give(tmp_path: Path) -> None:
    Image.new("L", (9, 9)).save(tmp_path / "1.png")
    (tmp_path / "labels.csv").write_text("file,label")
    with pytest.raises(DataError, match=r"It holds tables: labels.csv. To read one, give its path: .*labels.csv"):
        image_folder(tmp_path)
