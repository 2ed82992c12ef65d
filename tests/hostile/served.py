"""What a server is sent, what it keeps, and exports: the doors that read them."""

import base64
import json
import random
import tempfile
from typing import Any

import torch
from fastapi.testclient import TestClient

from hostile.files import Files, forged_file
from hostile.mutations import damaged, shaken
from quickstudy import Examples, learners, nn
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images
from quickstudy.inputs.texts import Texts
from quickstudy.learner import Predictor
from quickstudy.saving.states import digest_of, predictor_of, state_bytes
from quickstudy.serve.database import Database
from quickstudy.serve.http import web
from quickstudy.serve.sessions import Sessions
from serve.scene import TEXTS, picture

__all__ = ["Exports", "States", "Uploads"]


def _predictor() -> Predictor:
    torch.manual_seed(0)
    learner = learners.ProtoNet(nn.MLP(4, (8,))).eval()
    return learner(Examples.of(torch.rand(6, 4), torch.tensor([0, 1, 0, 1, 0, 1])), ["a", "b"])


class States(Files):
    """States as a data base holds them, through `predictor_of`."""

    forges = True

    def make(self) -> None:
        self.predictor = _predictor()
        self.digest = digest_of(self.predictor.learner)
        (self.folder / "state").write_bytes(state_bytes(self.predictor, self.digest))

    def read(self) -> Any:
        return predictor_of(self.predictor.learner, (self.folder / "state").read_bytes(), self.digest)

    def verdict(self, found: Any) -> str:
        again = state_bytes(found, self.digest)
        return "same" if again == self.whole["state"] else "other" if self.forged else "wrong"

    def forge(self, name: str, rng: random.Random) -> tuple[str, bytes]:
        return forged_file(self.whole[name], rng)


class Exports(Files):
    """ONNX files through the self-test that they carry. They have no checksum: what is not computed may differ."""

    def make(self) -> None:
        from quickstudy.export.exporting import export_onnx

        export_onnx(_predictor(), self.folder / "mine.onnx")

    def read(self) -> Any:
        from quickstudy.export.checking import check, notes

        return check(self.folder / "mine.onnx"), notes(self.folder / "mine.onnx")

    def verdict(self, found: Any) -> str:
        deviation, said = found
        if not hasattr(self, "expected"):
            self.expected = said
        return "wrong" if not deviation.within() else "same" if said == self.expected else "other"


class Uploads(Files):
    """Requests as files: JSON and forms, with images and texts in them, to a server. A status of 500 is a traceback."""

    forges = True

    def make(self) -> None:
        texts, images = learners.NearestCentroid(), learners.ProtoNet(torch.nn.Flatten())
        texts.reads, images.reads = Texts(width=64), Images((8, 8))
        database = Database(f"sqlite:///{tempfile.mkdtemp()}/t.db")
        self.sessions = Sessions({"texts": texts, "images": images}, database)
        self.http = TestClient(web(self.sessions), raise_server_exceptions=True)
        task = self.sessions.adapt("", "texts", TEXTS).task
        photos = [{"image": base64.b64encode(picture(n, n > 1)).decode(), "label": "ab"[n > 1]} for n in range(4)]
        seen = self.sessions.adapt("", "images", [{"image": picture(n, n > 1), "label": "ab"[n > 1]} for n in range(4)]).task
        parts = [{"name": "text", "shape": [2], "datatype": "BYTES", "data": ["a card", "some rain"]}]
        bodies: dict[str, Any] = {
            "v1 learners texts tasks": {"examples": TEXTS},
            "v1 learners images tasks": {"examples": photos},
            f"v1 learners images tasks {seen} predict": {"queries": [{"image": photos[0]["image"]}]},
            f"v1 learners texts tasks {task} predict": {"queries": [{"text": "a card"}], "version": 1},
            f"v1 learners texts tasks {task} explain": {"queries": [{"text": "a card"}], "most": 2},
            f"v1 learners texts tasks {task} map": {"queries": [{"text": "a card"}]},
            f"v2 models texts.{task} infer": {"id": "7", "inputs": parts},
        }
        for name, body in bodies.items():
            (self.folder / f"{name}.json").write_text(json.dumps(body))
        form = b"".join(
            b'--line\r\nContent-Disposition: form-data; name="%s"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n%s\r\n'
            % (b"ab"[n > 1 : (n > 1) + 1], picture(n, n > 1))
            for n in range(4)
        )
        (self.folder / "v1 learners images tasks.form").write_bytes(form + b"--line--\r\n")
        self.now = "v1 learners texts tasks.json"

    def read(self) -> Any:
        name, _, kind = self.now.rpartition(".")
        media = "application/json" if kind == "json" else "multipart/form-data; boundary=line"
        content = (self.folder / self.now).read_bytes()
        found = self.http.post("/" + name.replace(" ", "/"), content=content, headers={"Content-Type": media})
        said = found.json()
        if found.status_code >= 400:
            assert found.status_code < 500 and set(said) == {"error"} and 10 < len(said["error"]) < 2_000, found.text
            raise DataError(said["error"])
        return said

    def verdict(self, found: Any) -> str:
        return "same" if not self.forged and self.now.endswith("tasks.json") else "other"

    def forge(self, name: str, rng: random.Random) -> tuple[str, bytes]:
        if name.endswith(".form"):
            return damaged(self.whole[name], rng)
        tree = json.loads(self.whole[name])
        how, found = shaken(tree, rng, ("text", "image", "row", "label", "queries", "examples"))
        places = (found.get("examples") or found.get("queries")) if isinstance(found, dict) else None
        for place in places if isinstance(places, list) else []:
            if isinstance(place, dict) and isinstance(place.get("image"), str) and rng.random() < 0.5:
                kind, content = damaged(picture(0, True), rng)
                place["image"], how = base64.b64encode(content).decode(), f"{how}, image {kind}"
        return how, json.dumps(found).encode()
