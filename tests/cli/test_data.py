"""``quickstudy data``: what was read of folders, ZIPs, tables, names and code, in words and as JSON."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Call = Callable[..., tuple[int, str, str]]
WAVES = """from quickstudy import tasks

def waves():
    return tasks.Sinusoid(), None, tasks.Sinusoid()
"""


def photos(root: Path, classes: int, each: int = 4) -> Path:
    rng = np.random.default_rng(0)
    for number in range(classes):
        (root / f"bird{number:02d}").mkdir(parents=True)
        for row in range(each + number % 2):
            Image.fromarray(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(root / f"bird{number:02d}" / f"{row}.png")
    return root


def described(call: Call, *words: object) -> dict[str, object]:
    status, out, err = call("data", *words, "--json")
    assert status == 0, err
    found: dict[str, object] = json.loads(out)
    return found


def test_a_folder_of_photos(tmp_path: Path, call: Call) -> None:
    folder = photos(tmp_path / "birds", 10)
    (folder / "bird03" / "2.png").write_bytes((folder / "bird03" / "1.png").read_bytes())
    (folder / "bird04" / "3.png").write_bytes((folder / "bird03" / "1.png").read_bytes())
    found = described(call, folder)
    assert found["name"] == "birds" and found["kind"] == "images" and found["split"] == "at random by class (seed 0)"
    parts = found["parts"]
    assert isinstance(parts, dict)
    assert {name: (part["rows"], part["sizes"]["count"]) for name, part in parts.items()} == {
        "train": (29, 6),
        "val": (8, 2),
        "test": (8, 2),
    }
    sizes = parts["train"]["sizes"]
    assert (sizes["least"], sizes["median"], sizes["most"], sizes["unit"]) == (4, 5.0, 5, "class")
    assert (found["duplicates"], found["contradictions"]) == (2, 1) and "content" not in found
    assert (found["most_ways"], found["most_rows"]) == (2, 4)
    examples = found["examples"]
    assert isinstance(examples, list) and len(examples) == 10 and examples[0] == {"class": "bird00", "file": "0.png"}
    doctor = found["doctor"]
    assert isinstance(doctor, list) and any("equal" in finding["what"] for finding in doctor)
    status, out, _ = call("data", folder)
    words = " ".join(out.split())
    assert status == 0 and "birds: images, read by Images(size=(84, 84)" in words and "bird00 0.png" in words
    assert "duplicates: 2 rows equal an earlier one, 1 of them with another label or target" in words
    assert "tasks: up to 2 ways; shots and queries of a class together up to 4" in words
    assert "what to do:" in words and "split: at random by class (seed 0)" in words


def test_too_few_classes_are_described_and_lead_on(tmp_path: Path, call: Call) -> None:
    folder = photos(tmp_path / "pets", 3)
    found = described(call, folder)
    parts = found["parts"]
    assert isinstance(parts, dict) and list(parts) == ["all"] and parts["all"]["rows"] == 13 and found["split"] == "none"
    assert "at least 9 classes are needed. Give more. To tell these 3 apart without meta-training" in str(found["trouble"])
    assert "quickstudy adapt images FOLDER" in " ".join(call("data", folder)[1].split())


def test_a_table_of_texts_with_gaps_and_copies(tmp_path: Path, call: Call) -> None:
    rows = [f'"ticket {n % 55}",q{n % 10},{"" if n % 7 == 0 else n}' for n in range(60)]
    (tmp_path / "tickets.csv").write_text("\n".join(["subject,queue,age", *rows]))
    found = described(call, tmp_path / "tickets.csv", "--text-column", "subject", "--label", "queue")
    assert found["kind"] == "texts" and found["missing"] == {"age": 9}
    assert (found["duplicates"], found["contradictions"]) == (5, 5)
    examples = found["examples"]
    assert isinstance(examples, list) and examples[0] == {"queue": "q0", "subject": "ticket 0", "age": None}
    assert "missing values: age 9" in call("data", tmp_path / "tickets.csv", "--text-column", "subject", "--label", "queue")[1]


def test_a_table_of_tasks_and_its_named_split(tmp_path: Path, call: Call) -> None:
    parts = ("train", "train", "val", "test")
    rows = [f"{n % 4},{parts[n % 4]},{n // 8},{n % 5},{n}" for n in range(80)]
    (tmp_path / "doses.csv").write_text("\n".join(["person,part,day,dose,effect", *rows]))
    flags = ["--task-column", "person", "--target", "effect", "--group-column", "day", "--split-column", "part"]
    found = described(call, tmp_path / "doses.csv", *flags)
    assert found["split"] == 'by the column "part"'
    held = found["parts"]
    assert isinstance(held, dict) and {name: part["sizes"]["count"] for name, part in held.items()} == {
        "train": 2,
        "val": 1,
        "test": 1,
    }
    assert held["train"]["groups"] == 10 and held["train"]["sizes"]["unit"] == "task"
    assert (found["duplicates"], found["contradictions"]) == (60, 60), "5 doses a person; the same dose of another person is none"
    status, _, err = call("data", tmp_path / "doses.csv", "--target", "effect", "--task-column", "persom")
    assert status == 1 and "doses has no column 'persom' (--task-column). Did you mean person?" in err
    status, _, err = call("data", tmp_path / "doses.csv")
    assert status == 1 and "name the column that is to be predicted, with --label for classes or with --target for numbers" in err


def test_names_zips_and_code(tmp_path: Path, call: Call) -> None:
    with zipfile.ZipFile(tmp_path / "birds.zip", "w") as pack:
        for image in sorted(photos(tmp_path / "birds", 9).rglob("*.png")):
            pack.write(image, image.relative_to(tmp_path))
    found = described(call, tmp_path / "birds.zip")
    examples = found["examples"]
    assert isinstance(examples, list) and examples[0]["row"] == "3 × 84 × 84" and examples[0]["part"] == "train"
    (tmp_path / "mine.py").write_text(
        "from quickstudy import tasks\ndef waves():\n    return tasks.Sinusoid(), None, tasks.Sinusoid()\n"
    )
    found = described(call, f"{tmp_path / 'mine.py'}:waves")
    assert found["kind"] == "generated tasks" and found["parts"] == {} and found["duplicates"] is None
    status, out, _ = call("data", "sinusoid")
    assert status == 0 and "duplicates: not counted; rows are generated" in out
    status, _, err = call("data", "glyps")
    assert status == 1 and "Did you mean glyphs?" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["birds", "--label", "x"], "birds holds class folders of images, for which there is no --label. Leave it out."),
        (["birds/bird00"], "holds no class folders"),
        (["nothing/here"], "nothing/here is no folder or file here"),
    ],
)
def test_what_does_not_fit(words: list[str], said: str, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    photos(tmp_path / "birds", 3)
    monkeypatch.chdir(tmp_path)
    status, _, err = call("data", *words)
    assert status == 1 and said in err


LABELLED = ["--text-column", "text", "--label", "label"]


@pytest.mark.parametrize(
    ("content", "flags", "said"),
    [
        ("", LABELLED, "is empty. Give a file of rows, the names of the columns first"),
        ("text,label\n", LABELLED, "holds the names of 2 columns but no rows"),
        ("text,label\nKöln,a\n".encode("latin-1"), LABELLED, "line 2 of own.csv holds the byte f6, which is no utf-8"),
        ("text,label\nKöln,a\n".encode("latin-1"), LABELLED, "write Latin-1: --encoding latin-1; or save it as UTF-8"),
        ("text,label\nKöln,a\n".encode("utf-16"), LABELLED, "is written in UTF-16. Give --encoding utf-16, or save it"),
        ("text,label\na,b\n", [*LABELLED, "--encoding", "latin-l"], "--encoding latin-l is not known"),
        ('text,label\na,b\n"c,d\n', LABELLED, "a quote in line 3 of own.csv is not closed"),
        ("text,label\na,b,c\n", LABELLED, "line 2 of own.csv has 3 values, but there are 2 columns"),
        ("text,lable\na,b\n", LABELLED, "own has no column 'label' (--label). Did you mean lable? It has text, lable."),
        (
            "text,label\na,1.5\nb,2.5\n",
            LABELLED,
            "numbers with fractions are no classes. To predict numbers, name it with --target",
        ),
        ("text,label\na,2026-01-02\nb,2026-01-03\n", LABELLED, "holds dates ('2026-01-02'), which are no classes"),
        (
            "x,who,when\n1,a,2026-01-02\n2,b,2026-01-03\n",
            ["--target", "when", "--task-column", "who"],
            "holds dates ('2026-01-02'). Give numbers: days since a start, say.",
        ),
        (
            "x,y\n1,2\n",
            ["--target", "y"],
            "a series) with --task-column; or name a column of classes with --label",
        ),
        (
            "text,label\n" + "\n".join(f"word {n},{n}" for n in range(100)),
            LABELLED,
            "holds 100 different labels in 100 rows: most occur once, so there is nothing to learn a class from. Is it an id? "
            "Name the column of the classes, or leave out classes of one row: --smallest 2.",
        ),
        (
            "text,label\n" + "\n".join(f"word {n},{n // 2}" for n in range(20)),
            [*LABELLED, "--smallest", "3"],
            "no value of label has 3 rows. Lower --smallest.",
        ),
        ("text,label\na,b\n", ["--image-column", "text", *LABELLED], "inputs are texts or images, not both"),
        ("file,label\n1.png,b\n2.png,c\n", ["--image-column", "file", "--label", "label"], "2 images of own cannot be read"),
        ("text,label\na,b\n", [*LABELLED, "--by-path"], "own.csv is a table, for which there is no --by-path. Leave it out."),
        ("x,label\n1,a\n2,b\n", ["--label", "label", "--leave-out", "x"], "no column is left that could be an input"),
    ],
)
def test_tables_that_cannot_be_read(
    content: str | bytes, flags: list[str], said: str, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    status, _, err = call("data", "own.csv", *flags)
    assert status == 1 and said in err, err


@pytest.mark.parametrize("form", ["latin-1", "semicolons", "mark", "long"])
def test_tables_as_programs_write_them(form: str, tmp_path: Path, call: Call) -> None:
    """One table in four forms; the last has a text of 2 MB."""
    lines = [f"Köln {n},q{n % 10}" for n in range(40)]
    text = "\n".join(["text,label", *lines])
    contents = {
        "latin-1": text.encode("latin-1"),
        "semicolons": text.replace(",", ";").encode(),
        "mark": b"\xef\xbb\xbf" + text.encode(),
        "long": (text + "\n" + "word " * 400_000 + ",q0").encode(),
    }
    (tmp_path / "own.csv").write_bytes(contents[form])
    flags = [*LABELLED, *(["--encoding", "latin-1"] if form == "latin-1" else [])]
    found = described(call, tmp_path / "own.csv", *flags)
    parts, examples = found["parts"], found["examples"]
    assert isinstance(parts, dict) and sum(part["rows"] for part in parts.values()) == 40 + (form == "long")
    assert isinstance(examples, list) and examples[0] == {"label": "q0", "text": "Köln 0"}
    if form == "long":
        shown = call("data", tmp_path / "own.csv", *flags)[1]
        assert len(shown) < 10_000 and "word word word" in shown


def test_code_that_fails(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(WAVES + "\ndef broken():\n    raise RuntimeError('no disk')\n\ndef text():\n    return 'photos'\n")
    for spec, said in [
        ("mine.py:wave", "has no function 'wave'. Did you mean waves?"),
        ("mime.py:waves", "mime.py is not there, or is no file. Did you mean mine.py?"),
        ("mine.py:broken", "mine.py:broken raised RuntimeError: no disk. Mend it."),
        ("mine.py:text", "mine.py:text returned a str. Return datasets.Splits"),
        ("mine.py", "mine.py is none of the files that are read as data."),
    ]:
        status, _, err = call("data", spec)
        assert status == 1 and said in err, err
