"""Each kind of file, the door that reads it, and what a right reading is."""

import io
import json
import random
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from hostile.files import Files, forged_file
from hostile.harness import Target
from hostile.mutations import shaken
from hostile.served import Exports, States, Uploads
from quickstudy import Examples, datasets, learners, nn
from quickstudy import functional as f
from quickstudy.datasets.image_zip import image_zip
from quickstudy.inputs.images import Images
from quickstudy.learner import Predictor
from quickstudy.monitoring.history import History, Log
from quickstudy.monitoring.table import rows
from quickstudy.runs.resuming import restored
from quickstudy.runs.run import Run
from quickstudy.saving.checkpoint import load, save
from quickstudy.storage.artefact import read, unpack
from quickstudy.tuning import never, tune
from tuning.toy import line

__all__ = ["TARGETS"]


class Artefacts(Files):
    """Learners and predictors through `load`."""

    def make(self) -> None:
        torch.manual_seed(0)
        support = Examples.of(torch.randn(4, 4), torch.tensor([0, 1, 0, 1]))
        self.made: dict[str, Any] = {
            "proto": learners.ProtoNet(nn.MLP(4, (8,)), distance=f.cosine_distance, scale=10.0, learn_scale=True),
            "maml": learners.MAML(nn.MLP(4, (8,), outputs=2, norm=True), inner_steps=2),
            "reptile": learners.Reptile(nn.MLP(4, (8,), outputs=2), rule=f.Adam(1e-2)),
        }
        self.made["proto"].reads = Images(size=(2, 2))
        self.made |= {f"{name}-predictor": learner.eval()(support, ["a", "b"]) for name, learner in self.made.items()}
        for name, thing in self.made.items():
            save(thing, self.folder / name)
        self.now = "proto"

    def read(self) -> Any:
        return load(self.folder / self.now)

    def verdict(self, found: Any) -> str:
        save(found, self.folder / "again")
        before, after = (self.folder / name for name in (self.now, "again"))
        kind = ("predictor",) if isinstance(found, Predictor) else ("learner",)
        if self.forged:  # what was loaded is what the file says, and answers
            if isinstance(found, Predictor) and found.rows is not None and found.rows.are_of((4,)):
                found(torch.rand(3, 4))
            first, again = (read(path, kind) for path in (before, after))
            tested = unpack(dict(again.skeleton["dict"])["self_test"], again.tensors).get("outputs", [])  # found anew
            kept = again.tensors[: len(again.tensors) - len(tested)]
            return "other" if all(any(torch.equal(y, x) for x in first.tensors) for y in kept) else "wrong"
        return "same" if after.read_bytes() == self.whole[self.now] else "wrong"


class Forged(Artefacts):
    """The same, with checksums that fit."""

    forges = True

    def forge(self, name: str, rng: random.Random) -> tuple[str, bytes]:
        return forged_file(self.whole[name], rng)


class Runs(Files):
    """A run's folder: its record, its state, its log, its learner."""

    forges = True

    def make(self) -> None:
        for _ in Run(self.folder, "maml", {"data": "sinusoid", "steps": 4, "batch": 2}).train():
            pass
        self.lines = Run(self.folder).history()
        (self.folder / ".lock").unlink()

    def read(self) -> Any:
        run = Run(self.folder)
        recipe = run.recipe()
        lines = run.history()
        rows(lines), History.of(self.folder)
        step, progress = restored(self.folder, recipe, run.config)
        learner = run.learner()
        return lines, step, progress.best, recipe.learner.state_dict(), learner.state_dict()

    def verdict(self, found: Any) -> str:
        lines, step, _, state, best = found
        if not hasattr(self, "expected"):
            self.expected = found
        _, _, _, expected, expected_best = self.expected
        sealed = not self.forged and self.now != "log.jsonl"  # a log has no checksum: a digit may become another
        wrong = [line for line in lines if line not in self.lines] if sealed else []
        same = step == 4 and all(torch.equal(state[k], expected[k]) for k in expected)
        same = same and all(torch.equal(best[k], expected_best[k]) for k in expected_best)
        return ("other" if self.forged else "wrong") if wrong or not same else "same"

    def forge(self, name: str, rng: random.Random) -> tuple[str, bytes]:
        content = self.whole[name]
        if name.endswith(".safetensors"):
            return forged_file(content, rng)
        if name == "run.json":
            how, found = shaken(json.loads(content), rng, ("sinusoids", "matching", "steps"))
            return how, json.dumps(found).encode()
        lines = content.splitlines()
        number = rng.randrange(len(lines))
        how, found = shaken(json.loads(lines[number]), rng, ("loss", "step"))
        lines[number] = json.dumps(found).encode()
        return how, b"\n".join(lines) + b"\n"


class Logs(Runs):
    """A log alone: whole lines are kept, whatever stands between them."""

    def names(self) -> list[str]:
        return ["log.jsonl"]

    def read(self) -> Any:
        lines = Log(self.folder / "log.jsonl").read()
        rows(lines), History().add(lines).best
        return lines

    def verdict(self, found: Any) -> str:
        if found == self.lines:
            return "same"
        raw = (self.folder / "log.jsonl").read_bytes().split(b"\n")[:-1]
        kept = [line for line in self.lines if json.dumps(line).encode() in raw]
        return "other" if all(line in found for line in kept) else "wrong"


class Stores(Files):
    """A store of rows."""

    forges = True

    def make(self) -> None:
        generator = torch.Generator().manual_seed(0)
        x = torch.randint(0, 256, (40, 5), generator=generator).to(torch.uint8)
        self.index = datasets.write_store(self.folder, [(x, torch.arange(40) % 4)], ("a", "b", "c", "d"))
        self.x = x

    def read(self) -> Any:
        index = datasets.open_store(self.folder)
        return index.gather(torch.arange(len(index))), index.labels, index.classes

    def verdict(self, found: Any) -> str:
        x, labels, classes = found
        same = torch.equal(x, self.index.gather(torch.arange(40))) and torch.equal(labels, torch.arange(40) % 4)
        return "same" if same and classes == ("a", "b", "c", "d") else "wrong"

    def forge(self, name: str, rng: random.Random) -> tuple[str, bytes]:
        if name == "store.json":
            how, found = shaken(json.loads(self.whole[name]), rng, ("uint8", "float32", "rows.bin"))
            return how, json.dumps(found).encode()
        if name.endswith(".npy"):
            content = io.BytesIO()
            np.save(content, np.array([Bomb()] * 40, dtype=object), allow_pickle=True)
            return "pickle", content.getvalue()
        return "permuted", bytes(sorted(self.whole[name]))


class Bomb:
    """Unpickling this runs a program."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("import os; os.system('true')",))


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(thesis) deletefile\nshowpage\n%%EOF"


class Pictures(Files):
    """Image files of many formats, and programs in their clothes."""

    def make(self) -> None:
        image = Image.fromarray(np.arange(24 * 24, dtype=np.uint16).reshape(24, 24).astype(np.uint8))
        for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
            content = io.BytesIO()
            image.save(content, form)
            (self.folder / f"a.{form.lower()}").write_bytes(content.getvalue())
        (self.folder / "eps.jpg").write_bytes(EPS)
        self.now = "a.png"
        self.reads = Images(size=(12, 12))

    def read(self) -> Any:
        return self.reads(self.folder / self.now)

    def verdict(self, found: Any) -> str:
        right = found.shape == (1, 12, 12) and bool(torch.isfinite(found).all()) and found.min() >= 0 and found.max() <= 1
        return ("same" if self.now == "a.png" else "other") if right else "wrong"


class Zips(Pictures):
    """ZIP files of class folders."""

    def make(self) -> None:
        super().make()
        images = sorted(self.folder.glob("a.*"))
        with zipfile.ZipFile(self.folder / "images.zip", "w", zipfile.ZIP_DEFLATED) as file:
            for name in ("cat", "dog"):
                for path in images:
                    file.write(path, f"{name}/{path.name}")
        for path in [*images, self.folder / "eps.jpg"]:
            path.unlink()
        self.now, self.found = "images.zip", None

    def read(self) -> Any:
        index = image_zip(self.folder / "images.zip", Images(size=(12, 12)))
        return index.gather(torch.arange(len(index))), index.labels, index.classes

    def verdict(self, found: Any) -> str:
        if self.found is None:
            self.found = found
        same = all(torch.equal(a, b) for a, b in zip(found[:2], self.found[:2], strict=True)) and found[2] == self.found[2]
        return "same" if same else "other" if len(set(found[2])) == len(found[2]) and len(found[0]) == len(found[1]) else "wrong"


class Studies(Files):
    """A study in a data base that others write to as well."""

    forges = True

    def make(self) -> None:
        tune(line, folder=self.folder, trials=1, validations=1, pruning=never)
        for path in self.folder.glob(".*"):
            path.unlink()

    def read(self) -> Any:
        return tune(line, folder=self.folder, trials=2, validations=1, pruning=never)

    def verdict(self, found: Any) -> str:
        whole = [trial for trial in found.trials if trial.state == "complete"]
        right = all(trial.arguments in (t.arguments for t in found.trials) and trial.score is not None for trial in whole)
        return ("other" if self.forged else "same") if right else "wrong"

    def forge(self, name: str, rng: random.Random) -> tuple[str, bytes]:
        path = self.folder / name
        connection = sqlite3.connect(path)
        table, column = rng.choice(
            [
                ("trial_user_attributes", "value_json"),
                ("study_user_attributes", "value_json"),
                ("trial_params", "distribution_json"),
                ("trial_params", "param_value"),
                ("trials", "state"),
                ("trial_values", "value"),
                ("study_directions", "direction"),
            ]
        )
        (old,) = connection.execute(f"select {column} from {table} limit 1").fetchone()
        text = column.endswith("json")
        how, found = shaken(json.loads(old), rng) if text else ("odd", rng.choice((None, -1, "x", 1e308, 7, "RUNNING")))
        try:
            with connection:
                connection.execute(f"update {table} set {column} = ?", (json.dumps(found) if text else found,))
        except sqlite3.Error:
            how = "none"
        connection.close()
        return f"{table}.{column} {how}", path.read_bytes()


TARGETS: dict[str, Callable[[Path], Target]] = {
    "artefacts": Artefacts,
    "forged": Forged,
    "runs": Runs,
    "logs": Logs,
    "stores": Stores,
    "images": Pictures,
    "zips": Zips,
    "studies": Studies,
    "states": States,
    "exports": Exports,
    "uploads": Uploads,
}
