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
    assert (found["duplicates"], found["contradictions"]) == (2, 1) and found["content"] is None
    examples = found["examples"]
    assert isinstance(examples, list) and len(examples) == 10 and examples[0] == {"class": "bird00", "file": "0.png"}
    doctor = found["doctor"]
    assert isinstance(doctor, list) and any("equal" in finding["what"] for finding in doctor)
    status, out, _ = call("data", folder)
    words = " ".join(out.split())
    assert status == 0 and "birds: images, read by Images(size=(84, 84)" in words and "bird00 0.png" in words
    assert "duplicates: 2 rows equal an earlier one, 1 of them with another label or target" in words
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
