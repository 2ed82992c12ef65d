"""A user's examples, read out of folders and tables: the right rows with the right targets, places that name them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from quickstudy import learners, nn
from quickstudy.errors import DataError, LearnerError
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.texts import Texts
from quickstudy.learner import Learner
from quickstudy.likelihood import Gaussian, Labels
from quickstudy.use.answers import answers
from quickstudy.use.own_support import left_out
from quickstudy.use.queries import Query
from quickstudy.use.support_set import Roles, SupportSet, support_set

COLUMNS = Columns.fitted({"age": [30.0, 50.0], "code": ["01", "02"]})


def reader(reads: InputKind | None, *, values: bool = False) -> Learner[Any]:
    learner: Learner[Any] = learners.NearestCentroid()
    if values:
        learner = learners.R2D2(nn.MLP(COLUMNS.width, (4,)), likelihood=Gaussian())
    learner.reads = reads
    return learner


def shade(value: int) -> Image.Image:
    return Image.fromarray(np.full((9, 9), value, dtype=np.uint8))


def test_images_in_class_folders(tmp_path: Path) -> None:
    for name, shades in (("dark", (10, 20)), ("light", (200,))):
        (tmp_path / name).mkdir()
        for number, value in enumerate(shades):
            shade(value).save(tmp_path / name / f"{number}.png")
    reads = Images(9, strokes=False)
    found = support_set(tmp_path, reader(reads))
    assert found.classes == ("dark", "light") and found.examples.labels.tolist() == [0, 0, 1]
    assert found.places == tuple(str(tmp_path / place) for place in ("dark/0.png", "dark/1.png", "light/0.png"))
    assert [round(float(row.mean() * 255)) for row in found.examples.x] == [10, 20, 200]
    (tmp_path / "dark" / "broken.png").write_text("no image")
    kept = support_set(tmp_path, reader(reads), on_error="skip")
    assert kept.places[0] == "image 1 of dark" and len(kept) == 3, "which file is which is not known where some are left out"


def test_one_class_is_enough_to_be_added(tmp_path: Path) -> None:
    (tmp_path / "dark").mkdir()
    for number in range(3):
        shade(10 * number).save(tmp_path / "dark" / f"{number}.png")
    found = support_set(tmp_path, reader(Images(9, strokes=False)), least=1)
    assert found.classes == ("dark",) and found.examples.y.tolist() == [[1.0]] * 3 and found.places[2].endswith("dark/2.png")
    assert [round(float(row.mean() * 255)) for row in found.examples.x] == [0, 10, 20]
    with pytest.raises(DataError, match="all 3 examples of .* are of one class"):
        support_set(tmp_path, reader(Images(9, strokes=False)))


def test_a_table_of_images(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shade(10).save(tmp_path / "in" / "a.png")
    shade(200).save(tmp_path / "b.png")
    (tmp_path / "list.csv").write_text("file,kind\nin/a.png,dark\nb.png,light\n")
    found = support_set(tmp_path / "list.csv", reader(Images(9, strokes=False)), Roles("kind"))
    assert found.classes == ("dark", "light") and found.places[1] == f"{tmp_path}/list.csv row 1"
    assert [round(float(row.mean() * 255)) for row in found.examples.x] == [10, 200]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_texts_in_tables(ending: str, tmp_path: Path) -> None:
    pairs = [("lost card", "cards"), ("007", "agents"), ("card, again", "cards")]
    content = {
        "csv": "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in pairs),
        "tsv": "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in pairs),
        "jsonl": "".join(f'{{"text": "{text}", "label": "{label}"}}\n' for text, label in pairs),
    }
    (tmp_path / f"t.{ending}").write_text(content[ending])
    reads = Texts(width=64)
    found = support_set(tmp_path / f"t.{ending}", reader(reads))
    assert found.classes == ("agents", "cards") and found.examples.labels.tolist() == [1, 0, 1]
    assert torch.equal(found.examples.x, reads.batch([text for text, _ in pairs]))


def test_texts_in_class_folders(tmp_path: Path) -> None:
    for name, text in (("a", "lost card"), ("b", "rain")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text(text)
    (tmp_path / "b" / "2.TXT").write_bytes("\ufeffSchnee".encode())
    found = support_set(tmp_path, reader(Texts(width=64)))
    assert found.classes == ("a", "b") and found.examples.labels.tolist() == [0, 1, 1] and found.places[2].endswith("b/2.TXT")
    assert torch.equal(found.examples.x, Texts(width=64).batch(["lost card", "rain", "Schnee"]))


def test_rows_take_their_own_columns_and_codes_stay_codes(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,code,age,ill\n1,01,30,no\n2,02,50,yes\n3,07,40,no\n")
    found = support_set(tmp_path / "t.csv", reader(COLUMNS), Roles("ill"))
    wanted = COLUMNS.batch([{"age": 30, "code": "01"}, {"age": 50, "code": "02"}, {"age": 40, "code": "07"}])
    assert torch.equal(found.examples.x, wanted) and found.examples.labels.tolist() == [0, 1, 0]


def test_rows_with_a_target(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("task,code,age,score\na,01,30,1.5\nb,02,50,2\n")
    found: SupportSet = support_set(tmp_path / "t.csv", reader(COLUMNS, values=True), Roles(target="score"))
    assert found.classes is None and found.examples.y.tolist() == [[1.5], [2.0]]
    assert torch.equal(found.examples.x, COLUMNS.batch([{"age": 30, "code": "01"}, {"age": 50, "code": "02"}]))


def test_a_label_of_numbers_is_a_class(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\nrain,10\ncard,2\nsun,10\n")
    found = support_set(tmp_path / "t.csv", reader(Texts(width=64)))
    assert found.classes == ("2", "10") and found.examples.labels.tolist() == [1, 0, 1]


def test_learners_that_read_nothing_and_folders_of_values(tmp_path: Path) -> None:
    with pytest.raises(LearnerError, match="does not know how a file becomes an input"):
        support_set(tmp_path, reader(None))
    with pytest.raises(DataError, match="give a CSV file with target"):
        support_set(tmp_path, reader(COLUMNS, values=True))


def test_several_labels_a_row(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,rain,cold\nsnow today,1,1\nsummer rain,1,0\nicy wind,0,1\nsun,0,0\n")
    learner = learners.NearestCentroid(likelihood=Labels())
    learner.reads = Texts(width=64)
    found = support_set(tmp_path / "t.csv", learner, Roles(labels=("rain", "cold")))
    assert found.classes == ("rain", "cold") and found.examples.y.tolist() == [[1, 1], [1, 0], [0, 1], [0, 0]]
    assert torch.equal(found.examples.x, Texts(width=64).batch(["snow today", "summer rain", "icy wind", "sun"]))
    predictor = learner(found.examples, found.classes)
    left = left_out(predictor)
    direct = [predictor.learner.adapt(predictor.support[[r for r in range(4) if r != row]]) for row in range(4)]  # type: ignore[index]
    outputs = torch.cat([predictor.learner.predict(state, found.examples.x[row : row + 1]) for row, state in enumerate(direct)])
    assert torch.allclose(left.outputs, outputs, atol=1e-5) and left.score is not None and left.score.metric == "micro F1"
    assert left.score.value == pytest.approx(float(Labels().score(outputs, found.examples.y, torch.ones(4))))
    (answer,) = answers(predictor, [Query("x", "snow and ice today")])
    assert answer.kind == "labels" and list(answer.scores) == ["rain", "cold"]
    for roles, says in (
        (Roles("rain"), "leave label out"),
        (Roles(), "Say which hold labels"),
        (Roles(labels=("wet",)), "no column 'wet'"),
    ):
        with pytest.raises(DataError, match=says):
            support_set(tmp_path / "t.csv", learner, roles)
