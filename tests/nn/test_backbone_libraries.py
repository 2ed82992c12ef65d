"""Backbones of other libraries, by stand-ins: which file is read, that files of ours fetch nothing, what is refused."""

import hashlib
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from quickstudy.errors import ArtefactError, LearnerError, MissingExtra
from quickstudy.inputs.images import Images
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.nn import backbones
from quickstudy.nn.frozen import Frozen
from quickstudy.saving.checkpoint import load, save


class Classifier(nn.Module):
    """A network as timm and torchvision have them; without classes it gives its features."""

    num_features = 4

    def __init__(self, classes: int = 0) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)
        self.fc: nn.Module = nn.Linear(4, classes) if classes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.fc(self.body(x).mean((2, 3)))
        return found


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **parts: Any) -> None:
    module = ModuleType(name)
    vars(module).update(parts)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A hub whose files are fetched into a folder; `huggingface_hub` without a connection would raise as it does here."""
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path / "cache"))
    there = tmp_path / "hub"

    def download(repository: str, file: str, *, local_files_only: bool) -> str:
        path = there / repository.replace("/", "--") / file
        if not path.is_file():
            if local_files_only:
                raise OSError(f"{file} is not in the cache\nand much more")
            path.parent.mkdir(parents=True)
            safetensors.torch.save_file(Classifier(10).state_dict(), path)
        return str(path)

    def snapshot(repository: str, *, local_files_only: bool, ignore_patterns: list[str]) -> str:
        assert "*.py" in ignore_patterns
        return str(Path(download(repository, "model.safetensors", local_files_only=local_files_only)).parent)

    stand_in(monkeypatch, "huggingface_hub", hf_hub_download=download, snapshot_download=snapshot)
    return there


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch, hub: Path) -> None:
    settings = SimpleNamespace(hf_hub_id="timm/small.a1", mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), input_size=(3, 32, 32))
    stand_in(
        monkeypatch,
        "timm",
        is_model=lambda name: name == "small.a1",
        get_pretrained_cfg=lambda name: settings,
        create_model=lambda name, *, pretrained, num_classes: Classifier(num_classes),
    )


def test_timm(timm: None, hub: Path, tmp_path: Path) -> None:
    network = backbones.build("timm:small.a1")
    weights = safetensors.torch.load_file(hub / "timm--small.a1" / "model.safetensors")
    x = torch.rand(2, 3, 32, 32)
    wanted = nn.functional.conv2d((x - 0.5) / 0.25, weights["body.weight"], weights["body.bias"]).mean((2, 3))
    torch.testing.assert_close(network(x), wanted)
    assert network.features == 4 and network.reads == Images((32, 32), channels=3, strokes=False)
    save(NearestCentroid(network), tmp_path / "learner.safetensors")
    assert torch.equal(load(tmp_path / "learner.safetensors").encode(x), network(x))


def test_a_file_never_fetches(timm: None, hub: Path, tmp_path: Path) -> None:
    save(NearestCentroid(backbones.build("timm:small.a1")), tmp_path / "learner.safetensors")
    save(NearestCentroid(backbones.build("timm:small.a1")), tmp_path / "whole.safetensors", whole=True)
    x, wanted = torch.rand(2, 3, 32, 32), load(tmp_path / "learner.safetensors")
    (hub / "timm--small.a1" / "model.safetensors").unlink()
    with pytest.raises(ArtefactError, match=r"small.a1 are not on this machine .*cache\)\. Fetch them: nn.backbones.build"):
        load(tmp_path / "learner.safetensors")
    assert torch.equal(load(tmp_path / "whole.safetensors").encode(x), wanted.encode(x))


def test_a_backbone_without_a_hash_is_saved_with_the_one_it_has(timm: None, hub: Path, tmp_path: Path) -> None:
    backbones.build("timm:small.a1")
    file = hub / "timm--small.a1" / "model.safetensors"
    mine = backbones.Pretrained("timm:small.a1", "")
    assert mine.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    save(NearestCentroid(Frozen(mine)), tmp_path / "learner.safetensors")
    safetensors.torch.save_file(Classifier(10).state_dict(), file)
    with pytest.raises(ArtefactError, match=r"was made with the frozen backbone timm:small.a1 \("):
        load(tmp_path / "learner.safetensors")


def test_timm_refuses(timm: None) -> None:
    with pytest.raises(LearnerError, match=r"timm has no model 'hf-hub:evil/model'. All: timm.list_models"):
        backbones.build("timm:hf-hub:evil/model")


def test_torchvision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    state = Classifier(10).state_dict()

    def fetched(*, progress: bool, check_hash: bool, weights_only: bool) -> dict[str, Tensor]:
        assert check_hash and weights_only
        (tmp_path / "checkpoints").mkdir()
        torch.save(state, tmp_path / "checkpoints" / "small-1234.pth")
        return state

    prepared = SimpleNamespace(mean=[0.5] * 3, std=[0.25] * 3, crop_size=[32])
    best = SimpleNamespace(transforms=lambda: prepared, url="https://host/small-1234.pth", get_state_dict=fetched)

    def weights_of(name: str) -> Any:
        if name != "small":
            raise ValueError(name)
        return SimpleNamespace(DEFAULT=best)

    models = ModuleType("torchvision.models")
    vars(models).update(get_model=lambda name, *, weights: Classifier(10), get_model_weights=weights_of)
    stand_in(monkeypatch, "torchvision", models=models)
    with pytest.raises(ArtefactError, match=r"torchvision:small are not on this machine"):
        backbones.Pretrained("torchvision:small", "")
    network = backbones.build("torchvision:small")
    x = torch.rand(2, 3, 32, 32)
    wanted = nn.functional.conv2d((x - 0.5) / 0.25, state["body.weight"], state["body.bias"]).mean((2, 3))
    torch.testing.assert_close(network(x), wanted)
    assert network.features == 4
    with pytest.raises(LearnerError, match="torchvision has no model 'large' with weights"):
        backbones.build("torchvision:large")


class Sentences(nn.Module):
    """As a `SentenceTransformer`: a dictionary of tokens and mask becomes one with an embedding."""

    def __init__(self, folder: str, *, device: str, trust_remote_code: bool, model_kwargs: dict[str, Any]) -> None:
        super().__init__()
        assert trust_remote_code is False and model_kwargs == {"use_safetensors": True}
        self.table = nn.Parameter(torch.arange(6.0).view(3, 2))
        self.tokenizer = SimpleNamespace(pad_token_id=1)

    def get_sentence_embedding_dimension(self) -> int:
        return 2

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = x["attention_mask"][..., None]
        return {"sentence_embedding": (self.table[x["input_ids"]] * mask).sum(1) / mask.sum(1)}


def test_sentence_transformers(monkeypatch: pytest.MonkeyPatch, hub: Path, tmp_path: Path) -> None:
    stand_in(monkeypatch, "sentence_transformers", SentenceTransformer=Sentences)
    folder = hub / "org--model"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    parts = ["sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling"]
    (folder / "modules.json").write_text(json.dumps([{"type": part} for part in parts]))
    network = backbones.build("sentence-transformers:org/model")
    assert network(torch.tensor([[0, 2, 1], [2, 1, 1]])).tolist() == [[2.0, 3.0], [4.0, 5.0]] and network.features == 2
    assert network.reads is None
    save(NearestCentroid(network), tmp_path / "learner.safetensors")
    assert load(tmp_path / "learner.safetensors").encode(torch.tensor([[2, 1]])).tolist() == [[4.0, 5.0]]
    (folder / "modules.json").write_text(json.dumps([{"type": "evil.code.Model"}]))
    with pytest.raises(LearnerError, match="has the part evil.code.Model; only models of Transformer, Pooling, Normalize"):
        backbones.build("sentence-transformers:org/model")
    (folder / "modules.json").unlink()
    with pytest.raises(ArtefactError, match=r"no modules.json that can be read"):
        backbones.build("sentence-transformers:org/model")


@pytest.mark.parametrize("library", ["timm", "torchvision", "sentence-transformers"])
def test_a_library_that_is_not_installed(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library.replace("-", "_"), None)
    monkeypatch.setitem(sys.modules, "huggingface_hub", ModuleType("huggingface_hub"))
    with pytest.raises(MissingExtra, match=rf'backbone {library}:x needs .* Install it: pip install "quickstudy\[{library}\]"'):
        backbones.build(f"{library}:x")
