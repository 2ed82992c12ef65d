"""Each command as a stranger uses it: whatever is wrong, one sentence on the error stream, status 1, nothing begun."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from quickstudy import learners, nn
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.texts import Texts
from quickstudy.likelihood import Gaussian
from quickstudy.runs.run import Run
from quickstudy.saving.checkpoint import save
from quickstudy.use.support_set import Roles, support_set
from quickstudy_cli import COMMANDS

Call = Callable[..., tuple[int, str, str]]
LONG = "x" * 5000
SMALL = {"steps": 2, "train_ways": 5, "train_queries": 2, "queries": 2, "val_tasks": 3}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stranger's folder: two runs, files that are none of ours, and things that are no files."""
    root = tmp_path_factory.mktemp("stranger")
    for recipe, arguments, folder in (("proto", SMALL, "run"), ("maml", {"data": "sinusoid", "steps": 1, "batch": 2}, "waves")):
        for _ in Run(root / folder, recipe, arguments).train():
            pass
    (root / "empty").write_bytes(b"")
    (root / "empty folder").mkdir()
    (root / "noise.bin").write_bytes(bytes(range(256)) * 20)
    (root / "words.txt").write_text("no image, no run, no predictor\n")
    for name in ("a", "b"):
        (root / "photos" / name).mkdir(parents=True)
        Image.new("L", (9, 9), 200).save(root / "photos" / name / "1.png")
    for name, content in (("binary", bytes(range(256))), ("blank", b""), ("list", b"[]"), ("half", b'{"recipe": "proto_gl')):
        (root / name).mkdir()
        (root / name / "run.json").write_bytes(content)
    (root / "ünïcode ☃").mkdir()
    shutil.copytree(root / "run", root / "damaged")
    (root / "damaged" / "best.safetensors").write_bytes(b"damaged")
    (root / "untrained").mkdir()
    shutil.copy(root / "run" / "run.json", root / "untrained")
    (root / "loop").symlink_to(root / "loop")
    os.mkfifo(root / "fifo")
    own_data(root)
    return root


def own_data(root: Path) -> None:
    """Learners and predictors of images, texts, rows and values, and tables for them, good and bad."""
    tables = {
        "tickets": "subject,queue,note\nlost card,cards,a\ncard stolen,cards,b\nrain today,weather,c\nsunny today,weather,d\n",
        "people": "age,sex,ill,score\n30,f,no,1.5\n50,m,yes,2.5\n41,f,no,1.75\n60,m,yes,3.5\n",
        "oneclass": "subject,queue\na card,cards\nmy card,cards\n",
        "fractions": "subject,queue\na card,1.5\nmy rain,2.5\n",
        "emptytext": "subject,queue\na card,cards\n ,weather\n",
        "noage": "sex,ill\nf,no\nm,yes\n",
        "oldage": "age,sex,ill\nold,f,no\n50,m,yes\n",
        "infinite": "age,sex,ill\ninf,f,no\n50,m,yes\n",
        "textscore": "age,sex,score\n30,f,low\n50,m,2.5\n",
        "quote": 'subject,queue\n"a card,cards\nrain,weather\n',
        "header": "subject,queue\n",
    }
    for name, content in tables.items():
        (root / f"{name}.csv").write_text(content)
    (root / "latin.csv").write_bytes("subject,queue\nverlorene Bankkarte für mich,cards\nRegen,weather\n".encode("latin-1"))
    (root / "notes" / "a").mkdir(parents=True)
    (root / "notes" / "a" / "1.md5").write_text("no text file")
    rows = Columns.fitted({"age": [30.0, 50.0], "sex": ["f", "m"]})
    kinds = {"texts": Texts(width=64), "rows": rows, "values": rows}
    for name, reads in kinds.items():
        learner: Any = learners.NearestCentroid()
        if name == "values":
            learner = learners.R2D2(nn.MLP(rows.width, (4,)), penalty=0.1, likelihood=Gaussian())
        learner.reads = reads
        save(learner, root / name)
        read = support_set(root / f"{'tickets' if name == 'texts' else 'people'}.csv", learner, ROLES[name])
        save(learner(read.examples, read.classes), root / f"{name}predictor")
    learner = Run(root / "run").learner()
    read = support_set(root / "photos", learner)
    predictor = learner(read.examples, read.classes)
    save(predictor, root / "predictor")
    save(replace(predictor, support=None), root / "dropped")


ROLES = {"texts": Roles("queue", text_column="subject"), "rows": Roles("ill"), "values": Roles(target="score")}


RUNS = {
    "{nothing}": "holds no run",
    "{empty}": "is a file, not the folder of a run",
    "{run}/best.safetensors": "is a file, not the folder of a run",
    "{folder}": "holds no run",
    "{unicode}": "holds no run",
    "{binary}": "is damaged",
    "{blank}": "is damaged",
    "{list}": "is damaged",
    "{half}": "is damaged",
    "{loop}": "symbolic link",
    "{long}": "too long",
    "{fifo}": "holds no run",
    "": "no run",
}
"""What is no run, and what is said of it."""

TRAINED = RUNS | {"{untrained}": "has no trained learner yet", "{damaged}": "is not a whole file of quickstudy"}

COUNTS = {"0": "from 1 to", "-1": "from 1 to", "2.5": "no whole number", "nan": "no whole number", "1e999": "no whole number"}
COUNTS |= {"many": "no whole number", "99999999999999999999999": "from 1 to", "": "no whole number"}
RATES = {
    "nan": "a finite number",
    "inf": "a finite number",
    "-0.1": "a finite number",
    "1e999": "a finite number",
    "fast": "fast",
}


def table() -> list[tuple[list[str], str]]:
    """The words of each call, and what its error must say."""
    found: list[tuple[list[str], str]] = []

    def add(words: str, says: str, *more: str) -> None:
        found.append(([*words.split(), *more], says))

    for command in ("evaluate", "watch --once", "resume"):
        for run, says in (TRAINED if command == "evaluate" else RUNS).items():
            add(command, says, run)
    for run, says in TRAINED.items():
        add("compare {run}", says, run)
        add("temperature", says, run)
        add("compare --traditional", says, run)
        if run not in ("{empty}", "{fifo}", "{run}/best.safetensors"):
            add("adapt", "cannot be read" if run == "{nothing}" else says, run, "{photos}", "-o", "{out}")
            add("export", "cannot be read" if run == "{nothing}" else says, run, "-o", "{out}.onnx")
    for count, says in COUNTS.items():
        add("train proto", says, f"--steps={count}", "--out", "{out}")
        add("train maml --data sinusoid", says, f"--batch={count}", "--out", "{out}")
        add("evaluate {run}", says, f"--tasks={count}")
        add("evaluate {run}", says, f"--ways={count}")
        add("temperature {run}", says, f"--tasks={count}")
        add("compare {run} {run}", says, f"--shots={count}")
        add("tune maml --data sinusoid", says, f"--trials={count}", "--out", "{out}")
        add("predict {run} {photos}", says, f"--top={count}")
        add("export {run} -o {out}.onnx", says, f"--shots={count}")
        add("doctor glyphs", says, f"--tasks={count}")
        add("app medical-imaging", says, f"--tasks={count}")
        add("app medical-imaging", says, f"--seeds={count}")
    for rate, says in RATES.items():
        add("train proto", says, f"--lr={rate}", "--out", "{out}")
        add("train maml --data sinusoid", says, f"--inner-lr={rate}", "--out", "{out}")
        add("watch {run}", says, f"--every={rate}")
        add("tune maml --data sinusoid", says, f"--timeout={rate}", "--out", "{out}")
    for seed in ("-1", "1.5", "x"):
        add("train proto", "--seed", f"--seed={seed}", "--out", "{out}")
        add("evaluate {run}", "--seed", f"--seed={seed}")
        add("app medical-imaging", "--seed", f"--seed={seed}")
        add("demo", "--seed", f"--seed={seed}", "--out", "{out}")
    for command in COMMANDS:
        words = {"train": "train proto", "tune": "tune proto"}.get(command, command)
        add(words, "Unknown option: --nonsense" if command != "list" else "--nonsense", "--nonsense")
    for words in (
        "train proto --steps",
        "evaluate {run} --tasks",
        "adapt {run} {photos} -o",
        "predict",
        "adapt",
        "resume",
    ):
        add(words, "requires an argument")
    return found + OTHERS


OTHERS: list[tuple[list[str], str]] = [
    (words.split(), says)
    for words, says in {
        "trian": 'Did you mean "train"',
        "train": "Usage",
        "train protonet": "Its recipe: proto",
        "train protto": "Did you mean proto?",
        "tune mamll": "Did you mean maml?",
        "train proto --stpes 3": "Did you mean --steps",
        "train proto --sampler hrad": 'Did you mean "hard"',
        "train proto --train-ways 100000 --out {out}": "--train-ways 100000 needs 100000 classes",
        "train proto --out {empty}": "is no folder. Choose another place with --out",
        "train proto --out {empty}/inside": "is no folder. Choose another place with --out",
        "train proto --out {long}": "--out cannot be",
        "train proto --steps 3 --out {run}": "Choose another --out",
        "train proto --steps 3 --steps 4": "multiple times",
        "train maml --data omniglot --devices none --out {out}": "--devices",
        "tune maml --data sinusoid --space lr=1..x --out {out}": "--space",
        "tune maml --data sinusoid --space learning=1..2 --out {out}": "no argument learning",
        "tune maml --data sinusoid --only lrr --out {out}": "Did you mean lr?",
        "tune maml --data sinusoid --lr 0.1 --only lr --out {out}": "both fixed and tuned",
        "tune maml --data sinusoid --pruner none --study nowhere://x --out {out}": "--study",
        "tune maml --data sinusoid --out {empty}": "is no folder",
        "evaluate {run} --metrics logloss": "Did you mean log_loss?",
        "evaluate {run} --metrics": "needs a value",
        "evaluate {run} --data nowhere": "is no folder or file here",
        "evaluate {run} --data {noise}": "ZIP",
        "evaluate {run} --data {emptyfolder}": "holds no class folders",
        "evaluate {waves} --data glyphs": "was not trained on images",
        "evaluate {run} --list {nothing}": "cannot be read",
        "evaluate {run} --list {noise}": "truncated or foreign",
        "evaluate {run} --list {run}/best.safetensors": "but a task list is needed",
        "evaluate {run} --list {empty} --save-list {out} --stream": "Leave --list out",
        "evaluate {run} --stream --metrics ece": "Leave --metrics out",
        "evaluate {run} --ways 2 3 --shots 1 5": "both --ways and --shots",
        "evaluate {run} --ways 2 3 --data glyphs": "Leave --data out",
        "evaluate {run} --unknown-classes 1 --disjoint rows": "--unknown-classes and --disjoint cannot be combined",
        "evaluate {run} --disjoint colums": "--disjoint",
        "evaluate {run} --learner-arg oops": "NAME=VALUE",
        "evaluate {run} --save-list {words}": "is no task list of quickstudy",
        "evaluate {waves} --ways 3": "no ways, shots and queries",
        "compare": "two runs or more",
        "compare {run}": "two runs or more",
        "compare {run} {waves} --ways 3": "no ways, shots and queries",
        "compare --all glyphs {run}": "Leave the runs out",
        "compare --all glyphs --traditional {run}": "--all and --traditional are two comparisons",
        "compare --all glifs": "no name of a data set",
        "compare --all glyphs --only MALM --out {out}": "Did you mean MAML?",
        "compare --all glyphs --out {empty}": "is no folder",
        "compare {run} {run} --only MAML": "--only has no effect",
        "compare {run} {run} --metric logloss": "Did you mean log_loss?",
        "compare {run} {run} --tasks 2 --metric ece": "no number to be compared for each task",
        "compare --all glyphs --metric auroc": "--metric has no effect",
        "compare {run} {run} --out x": "--out has no effect",
        "adapt {run} {photos}": "requires an argument",
        "adapt {run} {nothing} -o {out}": "is not a folder",
        "adapt {run} {empty} -o {out}": "",
        "adapt {run} {emptyfolder} -o {out}": "holds no class folders",
        "adapt {run} {run} -o {out}": "holds no class folders",
        "adapt {waves} {photos} -o {out}": "does not know how a file becomes an input",
        "adapt {noise} {photos} -o {out}": "truncated or foreign",
        "adapt {empty} {photos} -o {out}": "truncated or foreign",
        "adapt {run}/training.safetensors {photos} -o {out}": "is needed here",
        "adapt {run} {photos} -o {words}": "is no predictor of quickstudy",
        "adapt {run} {photos} -o {run}/best.safetensors --force": "belongs to the run",
        "adapt {run} {photos} -o {emptyfolder}": "is a folder",
        "adapt {run} {photos} -o {long}": "--output cannot be",
        "predict {nothing} {photos}": "cannot be read",
        "predict {run} {photos}": "is a folder, not an adapted predictor. Make one: quickstudy adapt",
        "predict {run}/best.safetensors {photos}": "not adapted yet",
        "predict {run}/run.json {photos}": "truncated or foreign",
        "predict {empty} {photos}": "truncated or foreign",
        "predict {noise} {photos}": "truncated or foreign",
        "predict {fifo} {photos}": "",
        "predict {noise}": "truncated or foreign",
        "adapt {texts} {tickets} -o {out}": "Say which it is with --label",
        "adapt {texts} {tickets} --label queu -o {out}": "Did you mean queue?",
        "adapt {texts} {tickets} --label queue -o {out}": "Say which it is with --text-column",
        "adapt {texts} {tickets} --label queue --text-column queue -o {out}": "cannot be two things",
        "adapt {texts} {tickets} --target queue -o {out}": "Name their column with --label",
        "adapt {texts} {oneclass} --label queue -o {out}": "are of one class",
        "adapt {texts} {fractions} --label queue -o {out}": "numbers with fractions are no classes",
        "adapt {texts} {emptytext} --label queue -o {out}": "is empty",
        "adapt {texts} {latin} --label queue -o {out}": "which is no utf-8",
        "adapt {texts} {latin} --label queue --encoding latin-11 -o {out}": "latin-11",
        "adapt {texts} {quote} --label queue -o {out}": "is not closed",
        "adapt {texts} {header} --label queue -o {out}": "but no rows",
        "adapt {texts} {notes} -o {out}": "holds no .txt files",
        "adapt {texts} {photos}/a/1.png -o {out}": "is no file of rows",
        "adapt {texts} {nothing} -o {out}": "is not there",
        "adapt {rows} {photos} -o {out}": "is no file of rows",
        "adapt {rows} {noage} --label ill -o {out}": 'the column "age" is missing',
        "adapt {rows} {oldage} --label ill -o {out}": "'old'",
        "adapt {rows} {infinite} --label ill -o {out}": "infinite value",
        "adapt {rows} {people} --label age -o {out}": "cannot be two things",
        "adapt {values} {people} --label ill -o {out}": "Name their column with --target",
        "adapt {values} {textscore} --target score -o {out}": "no number",
        "adapt {values} {people} --target score --calibrate support -o {out}": "this learner names no classes",
        "adapt {texts} {tickets} --label queue --text-column subject --calibrate tasks -o {out}": "holds no tasks",
        "adapt {run} {photos} --calibrate maybe -o {out}": "--calibrate",
        "adapt {predictor} {photos} -o {out}": "is already adapted",
        "update {nothing} {photos}": "cannot be read",
        "update {noise} {photos}": "truncated or foreign",
        "update {run} {photos}": "is a folder, not an adapted predictor",
        "update {run}/best.safetensors {photos}": "not adapted yet",
        "update {dropped} {photos}": "does not keep its support set",
        "update {predictor} {nothing}": "is not a folder",
        "update {predictor} {emptyfolder}": "holds no class folders",
        "update {predictor} {noise}": "is not a folder",
        "update {predictor} {photos} -o {words}": "is no predictor of quickstudy",
        "update {predictor} {photos} -o {emptyfolder}": "is a folder",
        "update {textspredictor} {tickets}": "Say which it is with --label",
        "update {textspredictor} {emptytext} --label queue": "is empty",
        "update {rowspredictor} {noage} --label ill": 'the column "age" is missing',
        "update {valuespredictor} {people} --label ill": "Name their column with --target",
        "predict {predictor} {nothing}": "is not there",
        "predict {predictor} {photos}/a/1.png --threshold 2": "--threshold 2.0 must be a probability",
        "predict {predictor} --text hello": "--text: this predictor reads images, no texts",
        "predict {predictor} --row {{}}": "--row: this predictor reads images, no rows",
        "predict {predictor} {emptyfolder}": "there are no images in",
        "predict {textspredictor} {tickets}": "Say which it is with --text-column",
        "predict {textspredictor} {noise}": "is no text in UTF-8",
        "predict {textspredictor} {empty}": "is empty",
        "predict {textspredictor} --row {{}}": "--row: this predictor reads texts",
        "predict {rowspredictor} {photos}/a/1.png": "is no file of rows",
        "predict {rowspredictor} {noage}": 'has no column "age"',
        "predict {rowspredictor} {people}": "Leave it out",
        "predict {rowspredictor} {header}": "but no rows",
        "predict {rowspredictor} --row 3": "holds a int, no row",
        "predict {rowspredictor} --row {{": "is no JSON",
        'predict {rowspredictor} --row {{"age":1}}': 'the column "sex" is missing',
        'predict {rowspredictor} --row {{"age":1,"sex":"f","x":2}}': "the column 'x' is none",
        'predict {rowspredictor} --row {{"age":NaN,"sex":"f"}}': "no value",
        'predict {rowspredictor} --row {{"age":Infinity,"sex":"f"}}': "has inf",
        'predict {rowspredictor} --row {{"age":"41","sex":"f"}}': "the row has '41'",
        'predict {rowspredictor} --row {{"age":41,"sex":1}}': "has 1",
        "export {run}": "requires an argument",
        "export {noise} -o {out}.onnx": "truncated or foreign",
        "export {words} -o {out}.onnx": "truncated or foreign",
        "export {run}/training.safetensors -o {out}.onnx": "is needed here",
        "export {run} -o {out}": "has no ending that names its format. Name a file that ends in .onnx with --output",
        "export {run} --format pt2 -o {out}.onnx": "ends in .pt2",
        "export {run} --format tflite -o {out}.onnx": "--format",
        "export {run} --format pt2 --int8 -o {out}.pt2": "--int8 is of ONNX. Leave it out, or leave out --format",
        "export {predictor} --with-adaptation -o {out}.onnx": "Leave out --with-adaptation",
        "export {predictor} --ways 3 -o {out}.onnx": "has its ways already. Leave it out",
        "export {waves} --with-adaptation -o {out}.onnx": "its inner loop takes gradients",
        "export {run} --ways 1 -o {out}.onnx": "--ways",
        "export {run} -o {run}/best.safetensors": "belongs to the run",
        "export {run} -o {emptyfolder}": "Name a file",
        "export {texts} --int8 -o {out}.onnx": "Leave --int8 out",
        "doctor protto": "Did you mean proto?",
        "doctor {noise}": "none of the files that are read as data",
        "serve": "there is nothing to serve",
        "serve {nothing}": "cannot be read",
        "serve {noise}": "truncated or foreign",
        "serve {predictor}": "is already adapted",
        "serve {untrained}": "has no trained learner yet",
        "serve {texts} {texts}": "two learners are called",
        "serve a/b={texts}": "cannot stand in an address",
        "serve {waves}": "does not know how a raw thing becomes an input",
        "serve {texts} --port 70000": "must lie from 0 to 65535",
        "serve {texts} --add-key ann": "Leave the runs out",
        "serve {texts} --database nonsense": "is no data base",
        "serve {texts} --database sqlite:////nowhere/at/all.db": "cannot be opened",
        "app medcal": "there is no application",
        "app {long}": "there is no application",
        "app {run}": "there is no application",
        "app medical-imaging --summary {out}": "takes no name",
        "app --summary {words}": "is no page of quickstudy",
        "app --summary {emptyfolder}": "is a folder",
        "app --summary {run}/run.json": "belongs to the run",
        "app --summary {out} --out {emptyfolder}": "holds no application",
        "app --summary {out} --out {nothing}": "holds no application",
        "evaluate {run} --list {empty} --tasks 5": "the tasks are those of the list. Leave --tasks out",
        "evaluate {run} --list {empty} --seed 1": "the tasks are those of the list. Leave --seed out",
        "data glifs": "no name of a data set",
        "data {nothing}": "is no folder or file here",
        "data {noise}": "none of the files that are read as data",
        "data {emptyfolder}": "holds no class folders",
        "data {tickets}": "--label",
        "data {tickets} --label queu": "Did you mean queue?",
        "data {tickets} --label queue --text-column queue": "cannot be two things",
        "data {fractions} --label queue": "numbers with fractions are no classes",
        "data {latin} --label queue --text-column subject": "which is no utf-8",
        "data {quote} --label queue --text-column subject": "is not closed",
        "data {header} --label queue": "but no rows",
        "data {photos} --label queue": "for which there is no --label",
        "data glyphs --by-path": "for which there is no --by-path",
        "data mine.py:function": "is not there",
        "train proto --data nowhere --out {out}": "is no folder or file here",
        "train proto --data {photos} --ways 2 --out {out}": "classes",
        "train proto --backbone conv5 --out {out}": "Did you mean conv4?",
        "train proto --backbone minilm --out {out}": "",
        "train relation --data {tickets} --label queue --text-column subject --out {out}": "",
        "train mine.py:mine --out {out}": "is not there",
        "train proto --preset omniglt --out {out}": "--preset",
        "doctor {emptyfolder}": "holds no class folders",
        "doctor {binary}": "is damaged",
        "doctor {long}": "too long",
        "doctor glyphs --only exampels": "examples",
        "doctor glyphs --out {words}": "ends in .png or .svg or .pdf",
        "doctor glyphs --out {emptyfolder}/x.png --only": "",
        "doctor {run} --out {run}/run.json": "belongs to the run",
        "watch {run} --csv {words}": "is no table of a log",
        "watch {run} --html {emptyfolder}": "is a folder",
        "watch {run} --csv {run}/log.jsonl --force": "belongs to the run",
        "demo --out {words}": "is no page of quickstudy",
        "demo --out {emptyfolder}": "is a folder",
        "cite malm": "Did you mean MAML?",
        "cite {long}": "no learner",
        "cite -": "Unknown option: -",
        "resume {run} --devices x": "--devices",
        "evaluate -": "Unknown option: -",
    }.items()
]


@pytest.mark.parametrize(("words", "says"), table(), ids=lambda part: " ".join(part)[:70] if isinstance(part, list) else "")
def test_one_sentence_and_nothing_begun(
    words: list[str], says: str, place: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file() and path.name != ".lock"}
    names = {"noise": "noise.bin", "words": "words.txt", "folder": "empty folder", "emptyfolder": "empty folder"}
    known = (
        "run",
        "waves",
        "nothing",
        "empty",
        "photos",
        "binary",
        "blank",
        "list",
        "half",
        "loop",
        "damaged",
        "untrained",
        "fifo",
        "notes",
        "predictor",
        "dropped",
        *(f"{kind}{end}" for kind in ROLES for end in ("", "predictor")),
    )
    paths = {name: place / name for name in known} | {name: place / file for name, file in names.items()}
    paths |= {file.stem: file for file in place.glob("*.csv")}
    paths |= {"unicode": place / "ünïcode ☃", "out": tmp_path / "out", "long": Path(LONG)}
    status, out, err = call(*[word.format(**paths) for word in words])
    if words == ["train"]:
        assert says in out
        return
    assert status == 1, (status, out, err)
    assert err.startswith("quickstudy: ") and "defect of ours" not in err and "Traceback" not in err and "Error" not in err
    assert says in err, err
    assert not [path for path in tmp_path.rglob("out/*") if not path.name.startswith(".")] and not (tmp_path / "out").is_file(), (
        "nothing was begun"
    )
    after = {path: path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file() and path.name != ".lock"}
    assert after == before


def test_each_command_meets_at_least_ten_kinds_of_bad_input() -> None:
    met = [words[0] for words, _ in table()]
    few = {command: met.count(command) for command in COMMANDS if met.count(command) < 10}
    assert set(few) <= {"list", "cite", "demo"}, f"{few}: these take next to nothing"


def test_a_folder_that_may_not_be_written_to(place: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    if os.geteuid() == 0:  # root may write anywhere
        monkeypatch.setattr(os, "access", lambda *_: False)
    for words in (
        ["adapt", place / "run", place / "photos", "-o", tmp_path / "closed" / "p"],
        ["train", "proto", "--out", tmp_path / "closed" / "run"],
        ["watch", place / "run", "--csv", tmp_path / "closed" / "log.csv"],
    ):
        status, _, err = call(*words)
        assert status == 1 and "closed may not be written to" in err
