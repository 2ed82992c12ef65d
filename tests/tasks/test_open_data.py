"""Data by one text: names, folders, ZIPs, tables and functions in files, with their digests."""

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from quickstudy.datasets.arrays import split_classes
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.glyphs import glyphs
from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.task_table import TableSplits
from quickstudy.errors import DataError, UserError
from quickstudy.inputs.images import Images
from quickstudy.inputs.texts import Texts
from quickstudy.tasks.named_data import Sources
from quickstudy.tasks.open_data import Reading, open_data, open_unparted

SMALL = Images(8, channels=3, strokes=False)


def photos(root: Path, classes: int, each: int = 3, start: int = 0) -> Path:
    rng = np.random.default_rng(start)
    for number in range(start, start + classes):
        (root / f"class{number:02d}").mkdir(parents=True)
        for row in range(each):
            Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)).save(root / f"class{number:02d}" / f"{row}.png")
    return root


def zipped(folder: Path, file: Path, around: str = "") -> Path:
    with zipfile.ZipFile(file, "w") as pack:
        for image in sorted(folder.rglob("*.png")):
            pack.write(image, Path(around) / image.relative_to(folder))
    return file


def same(a: ClassIndex, b: ClassIndex) -> bool:
    rows = torch.arange(len(a))
    return a.classes == b.classes and torch.equal(a.labels, b.labels) and torch.equal(a.gather(rows), b.gather(rows))


def test_a_folder_and_its_zip_are_parted_alike_by_class(tmp_path: Path) -> None:
    folder = photos(tmp_path / "birds", 10)
    opened = open_data(str(folder), reads=SMALL)
    assert isinstance(opened.content, Splits) and opened.name == "birds"
    assert [len(part.classes) for part in opened.content] == [6, 2, 2] and opened.content.val.name == "birds/val"
    assert set().union(*[part.classes for part in opened.content]) == {f"class{n:02d}" for n in range(10)}
    for around in ("", "birds"):
        packed = open_data(str(zipped(folder, tmp_path / "birds.zip", around)), reads=SMALL)
        assert isinstance(packed.content, Splits) and packed.name == "birds"
        assert all(same(a, b) for a, b in zip(packed.content, opened.content, strict=True))
    other = open_data(str(folder), reads=SMALL, seed=1)
    assert isinstance(other.content, Splits) and other.content.test.classes != opened.content.test.classes
    assert other.digest == opened.digest, "the seed is no part of the data"


def test_parts_are_views_of_rows_that_are_held_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = photos(tmp_path / "birds", 10)
    expected = split_classes(image_folder(folder, reads=SMALL), seed=3)
    for large in (False, True):
        if large:
            monkeypatch.setattr("quickstudy.datasets.on_demand.IN_MEMORY", 0)
        content = open_data(str(folder), reads=SMALL, seed=3).content
        assert isinstance(content, Splits)
        for part, same_part in zip(content, expected, strict=True):
            assert part.classes == same_part.classes
            for label in range(len(part.classes)):
                rows, others = ((held.labels == label).nonzero()[:, 0] for held in (part, same_part))
                assert torch.equal(part.gather(rows), same_part.gather(others))
        held = [part.x for part in content if isinstance(part.x, torch.Tensor)]
        assert len(held) == (0 if large else 3) and len({x.untyped_storage().data_ptr() for x in held}) <= 1


def test_folders_name_the_parts(tmp_path: Path) -> None:
    for start, part in enumerate(("Train", "validation", "test")):
        photos(tmp_path / "birds" / part, 3, start=3 * start)
    opened = open_data(str(tmp_path / "birds"), reads=SMALL)
    packed = open_data(str(zipped(tmp_path / "birds", tmp_path / "birds.zip", "some/where")), reads=SMALL)
    assert isinstance(opened.content, Splits) and isinstance(packed.content, Splits)
    assert same(opened.content.val, image_folder(tmp_path / "birds" / "validation", reads=SMALL))
    assert all(same(a, b) for a, b in zip(packed.content, opened.content, strict=True))
    assert [part.name for part in opened.content] == ["birds/train", "birds/val", "birds/test"]


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    for part in ("train", "test"):
        photos(tmp_path / part, 3)
    with pytest.raises(DataError, match=r"the folders test and train, but none for val. Move some of the classes into .*/val"):
        open_data(str(tmp_path))


def test_classes_in_two_parts_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for part in ("train", "val", "test"):
        photos(tmp_path / part, 2, start=0 if part == "train" else 2)
    open_data(str(tmp_path), reads=SMALL)
    assert "classes both in val and in test: 2 (class02 …)" in caplog.text and "in train and" not in caplog.text


def test_too_few_classes_lead_to_adapting(tmp_path: Path) -> None:
    photos(tmp_path / "pets", 5)
    said = r"pets has 5 classes\. .* at least 9 classes are needed\. Give more\. .*: quickstudy adapt images FOLDER"
    with pytest.raises(DataError, match=said):
        open_data(str(tmp_path / "pets"), reads=SMALL)
    whole = open_unparted(str(tmp_path / "pets"), reads=SMALL).content
    assert isinstance(whole, ClassIndex) and len(whole.classes) == 5


def test_classes_by_path_small_and_broken_ones(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    photos(tmp_path / "data/land", 6)
    photos(tmp_path / "data/sea", 6, start=6)
    (tmp_path / "data/land/class00/2.png").write_bytes(b"broken")
    (tmp_path / "data/sea/class11/2.png").unlink()
    with pytest.raises(DataError, match=r"folders of folders \(land/class00\)"):
        open_data(str(tmp_path / "data"))
    content = open_unparted(str(tmp_path / "data"), Reading(by_path=True, skip_broken=True, smallest=3), reads=SMALL).content
    assert isinstance(content, ClassIndex)
    assert content.classes == (*[f"land/class{n:02d}" for n in range(1, 6)], *[f"sea/class{n:02d}" for n in range(6, 11)])
    assert content.counts.tolist() == [3] * 10
    assert "sea/class11 (2)" in caplog.text and "land/class00 (2)" in caplog.text and "land/class00/2.png" in caplog.text


def test_the_digest_is_of_names_and_contents(tmp_path: Path) -> None:
    folder = photos(tmp_path / "birds", 9)
    before = open_data(str(folder), reads=SMALL).digest
    (folder / ".DS_Store").write_bytes(b"left behind")
    (folder / "class00" / "Thumbs.db").write_bytes(b"left behind")
    assert open_data(str(folder), reads=Images(4, channels=3, strokes=False)).digest == before
    content = (folder / "class00/0.png").read_bytes()
    (folder / "class00/0.png").rename(folder / "class00/9.png")
    renamed = open_data(str(folder), reads=SMALL).digest
    (folder / "class00/9.png").rename(folder / "class00/0.png")
    assert open_data(str(folder), reads=SMALL).digest == before != renamed
    (folder / "class00/0.png").write_bytes((folder / "class00/1.png").read_bytes())
    assert open_data(str(folder), reads=SMALL).digest not in (before, renamed)
    assert content != (folder / "class00/0.png").read_bytes()


def test_names() -> None:
    opened = open_data("glyphs")
    assert isinstance(opened.content, Splits) and same(opened.content.val, glyphs().val)
    assert opened.digest == open_data("glyphs", reads=SMALL).digest
    redrawn = open_data("glyphs", reads=SMALL).content
    assert isinstance(redrawn, Splits) and redrawn.test.gather(torch.arange(2)).shape == (2, 3, 8, 8)
    waves = open_data("sinusoid").content
    assert isinstance(waves, Sources) and waves.train.name == "sinusoid 10-shot 10 queries"
    with pytest.raises(DataError, match=r"glyps is no folder or file.* Did you mean glyphs\? Data sets: glyphs, omniglot, copy"):
        open_data("glyps")
    with pytest.raises(DataError, match="glyphs is a data set by name, for which there is no label. Leave it out"):
        open_data("glyphs", Reading(label="kind"))
    with pytest.raises(DataError, match="holds images read in one way, but texts are read here"):
        open_data("glyphs", reads=Texts())


def tickets(path: Path, classes: int = 10) -> Path:
    rows = [{"subject": f"word{n} again", "queue": f"q{n % classes}", "part": ("train", "val", "test")[n % 3]} for n in range(60)]
    text = "\n".join(json.dumps(row) for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def test_a_table_of_texts_is_parted_by_class_or_as_it_says(tmp_path: Path) -> None:
    path = tickets(tmp_path / "tickets.jsonl.gz")
    opened = open_data(str(path), Reading(label="queue", text_column="subject"))
    assert isinstance(opened.content, Splits) and opened.name == "tickets" and opened.content.train.reads == Texts()
    assert [len(part.classes) for part in opened.content] == [6, 2, 2] and [len(part) for part in opened.content] == [36, 12, 12]
    named = open_data(str(path), Reading(label="queue", text_column="subject", split_column="part"))
    assert isinstance(named.content, Splits) and [len(part) for part in named.content] == [20, 20, 20]
    assert named.digest == opened.digest
    with pytest.raises(DataError, match=r"tickets has no column 'topic' \(text\)\. It has subject, queue, part"):
        open_data(str(path), Reading(label="queue", text_column="topic"))
    with pytest.raises(DataError, match="is a table, for which there is no by_path. Leave it out"):
        open_data(str(path), Reading(label="queue", by_path=True))
    with pytest.raises(DataError, match="images are read here, not texts. Choose a backbone for texts"):
        open_data(str(path), Reading(label="queue", text_column="subject"), reads=SMALL)
    with pytest.raises(DataError, match="name the column that is to be predicted, with label .* Columns: subject, queue, part"):
        open_data(str(path))
    few = tickets(tmp_path / "few.jsonl", classes=4)
    with pytest.raises(DataError, match='the column "queue" has 4 classes.* quickstudy adapt texts FILE'):
        open_data(str(few), Reading(label="queue", text_column="subject"))


def test_a_table_of_tasks_is_parted_by_task(tmp_path: Path) -> None:
    lines = [f"{n % 10},{n},{2 * n + n % 10},{n}" for n in range(100)]
    (tmp_path / "doses.csv").write_text("\n".join(["person,dose,effect,leak", *lines]))
    reading = Reading(target="effect", task_column="person", leave_out=("leak",))
    opened = open_data(str(tmp_path / "doses.csv"), reading)
    assert isinstance(opened.content, TableSplits)
    assert [len(part.task_names) for part in opened.content] == [6, 2, 2] and opened.content.train.reads is not None
    assert opened.content.train.gather(torch.arange(2)).shape == (2, 1)
    with pytest.raises(DataError, match="no value of person has 11 rows"):
        open_data(str(tmp_path / "doses.csv"), Reading(target="effect", task_column="person", smallest=11))


def test_a_list_of_images(tmp_path: Path) -> None:
    photos(tmp_path / "all", 9)
    files = sorted((tmp_path / "all").rglob("*.png"))
    lines = [f"{file.relative_to(tmp_path).as_posix()},{file.parent.name},{file.stem}" for file in files]
    (tmp_path / "list.csv").write_text("\n".join(["file,label,camera", *lines]))
    reading = Reading(label="label", image_column="file", group_column="camera")
    opened = open_unparted(str(tmp_path / "list.csv"), reading, reads=SMALL)
    assert isinstance(opened.content, ClassIndex) and same(opened.content, image_folder(tmp_path / "all", reads=SMALL))
    assert opened.content.group_names == ("0", "1", "2")
    files[0].write_bytes(files[1].read_bytes())
    assert open_unparted(str(tmp_path / "list.csv"), reading, reads=SMALL).digest != opened.digest, "of the images too"


MINE = """
from quickstudy import datasets, tasks
import torch

def three():
    labels = torch.arange(90) % 9
    return datasets.split_classes(datasets.from_arrays(torch.randn(90, 4), labels))

def sources():
    return tasks.Sinusoid(), None, tasks.Sinusoid(5)

def one():
    return three().train

def none():
    return None, None, None

def broken():
    return {}["nothing"]
"""


def test_own_functions(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    spec = f"{tmp_path / 'mine.py'}:"
    with pytest.raises(UserError, match=r"mine\.py is not on your list of code that may run.* with trust=True"):
        open_data(spec + "three")
    opened = open_data(spec + "three", trust=True)
    assert isinstance(opened.content, Splits) and opened.name == "three"
    found = open_data(spec + "sources").content
    assert isinstance(found, Sources) and found.val is None and found.test.name == "sinusoid 5-shot 10 queries"
    for name, said in [
        ("one", r"mine.py:one returned a ClassIndex\. Return datasets.Splits"),
        ("none", "returned a tuple of NoneType, NoneType, NoneType"),
        ("broken", "mine.py:broken raised KeyError: 'nothing'"),
        ("tree", r"has no function 'tree'\. Did you mean three\? It has three, sources"),
    ]:
        with pytest.raises(UserError, match=said):
            open_data(spec + name)
    (tmp_path / "mine.py").write_text(MINE + "\n")
    with pytest.raises(UserError, match="was changed since you last ran it"):
        open_data(spec + "three")
    assert open_data(spec + "three", trust=True).digest != opened.digest


def test_other_things(tmp_path: Path) -> None:
    (tmp_path / "notes.doc").write_text("words")
    with pytest.raises(DataError, match=r"notes.doc is none of the files that are read as data. Give a folder or a ZIP"):
        open_data(str(tmp_path / "notes.doc"))
    with pytest.raises(DataError, match=r"note.doc is no folder or file here.* Did you mean notes.doc\?"):
        open_data(str(tmp_path / "note.doc"))
    (tmp_path / "packed").mkdir()
    zipped(photos(tmp_path / "birds", 9), tmp_path / "packed" / "birds.zip")
    with pytest.raises(DataError, match=r"holds no class folders.* It holds ZIP files: birds.zip. To read one, give its path: "):
        open_data(str(tmp_path / "packed"))


def test_links_are_followed_once(tmp_path: Path) -> None:
    """Class folders are often links; what is behind them is in the digest, and a circle ends."""
    elsewhere = photos(tmp_path / "elsewhere", 9)
    folder = tmp_path / "birds"
    folder.mkdir()
    for place in elsewhere.iterdir():
        (folder / place.name).symlink_to(place)
    before = open_data(str(folder), reads=SMALL)
    assert isinstance(before.content, Splits) and sum(map(len, before.content)) == 27
    (elsewhere / "class00" / "0.png").write_bytes((elsewhere / "class00" / "1.png").read_bytes())
    assert open_data(str(folder), reads=SMALL).digest != before.digest
    (elsewhere / "class00" / "0.png").unlink()
    (folder / "circle").symlink_to(folder)
    content = open_unparted(str(folder), Reading(by_path=True), reads=SMALL).content
    assert isinstance(content, ClassIndex) and len(content.classes) == 9 and len(content) == 26


def test_several_labels_a_row_and_codes(tmp_path: Path) -> None:
    lines = [f"{n % 9},{n},{n % 2},{n % 3 > 0:d},{n % 4}" for n in range(90)]
    (tmp_path / "genes.csv").write_text("\n".join(["cell,level,red,green,kind", *lines]))
    reading = Reading(labels=("red", "green"), task_column="cell", categories=("kind",))
    content = open_data(str(tmp_path / "genes.csv"), reading).content
    assert isinstance(content, TableSplits) and content.train.y.shape[1] == 2
    assert content.train.gather(torch.tensor([0])).shape == (1, 1 + 5), "a number, four kinds and an unknown one"


def test_what_names_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    for spec in ("", "  ", None, 5):
        with pytest.raises(DataError, match="names no data. Give a name, a folder or a file as a text"):
            open_data(spec)  # type: ignore[arg-type]
    monkeypatch.chdir(tmp_path)
    photos(Path("sinusoid"), 9)
    assert isinstance(open_data("sinusoid").content, Sources) and "the folder or file here would be ./sinusoid" in caplog.text
    assert isinstance(open_data("./sinusoid", reads=SMALL).content, Splits)
