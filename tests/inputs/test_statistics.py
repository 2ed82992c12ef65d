"""Images unlike those of meta-training are noticed, and those of its own kind are not."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from quickstudy import datasets, learners, load, save
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images
from quickstudy.inputs.statistics import ImageStatistics, image_statistics, measured
from quickstudy.nn.conv4 import Conv4
from quickstudy.runs.run import Run
from quickstudy.tasks import FewShot, MetaMix, Mixture
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.usual_images import usual_images


@pytest.fixture(scope="module")
def glyphs() -> Splits:
    return datasets.glyphs()


@pytest.fixture(scope="module")
def usual(glyphs: Splits) -> ImageStatistics:
    found = usual_images(FewShot(glyphs.train))
    assert found is not None and found.images >= 1000
    return found


def warned(usual: ImageStatistics, index: ClassIndex, shots: int, ways: int = 5) -> float:
    supports = FewShot(index, ways, shots, 1).sample(100, generator_of(0)).support.x
    return sum(usual.warning(x) is not None for x in supports) / len(supports)


def photos(count: int = 60) -> list[torch.Tensor]:
    """Smooth coloured shades with some noise, as photos are."""
    generator = torch.Generator().manual_seed(0)
    rough = torch.rand(count, 3, 4, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(rough, 40, mode="bicubic", align_corners=False)
    noisy = smooth + 0.05 * torch.randn(smooth.shape, generator=generator)
    return list((noisy.clamp(0, 1) * 255).to(torch.uint8))


@pytest.mark.parametrize(("ways", "shots"), [(5, 5), (5, 1), (2, 1)])
def test_classes_of_the_same_kind_do_not_warn(glyphs: Splits, usual: ImageStatistics, ways: int, shots: int) -> None:
    assert warned(usual, glyphs.test, shots, ways) == 0 and warned(usual, glyphs.val, shots, ways) == 0


@pytest.mark.parametrize("count", [1, 2, 5, 25])
def test_photos_and_inverted_strokes_warn(glyphs: Splits, usual: ImageStatistics, count: int) -> None:
    read = torch.stack([Images(28)(photo) for photo in photos()])
    found = usual.warning(read[:count])
    assert found is not None and "unlike those of meta-training" in found and "usually" in found
    assert usual.warning(1 - glyphs.test.gather(torch.arange(count) * 31)) is not None
    assert usual.warning(torch.zeros(0, 1, 28, 28)) is None


def test_strokes_warn_a_learner_of_photos() -> None:
    colour = Images(40, 3, strokes=False)
    usual = image_statistics(colour.batch(photos(400)))
    assert usual.warning(colour.batch(photos(20))) is None
    glyphs = datasets.redrawn(datasets.glyphs().test, colour)
    assert usual.warning(glyphs.gather(torch.arange(25) * 40)) is not None


def test_what_is_measured() -> None:
    x = torch.zeros(1, 3, 4, 4)
    x[0, 0, 1:3, 1:3] = 0.9  # a red square, grey value 0.3, on black
    found = {name: float(value) for name, value in measured(x).items()}
    assert found["brightness"] == pytest.approx(0.3 / 4) and found["background"] == pytest.approx(0.75)
    assert found["extremes"] == pytest.approx(0.75) and found["colour"] == pytest.approx(0.9 / 4)
    assert found["edges"] == pytest.approx(16 * 0.3 / 2 / 24 * 1.0)
    assert found["contrast"] == pytest.approx(0.3 * (0.25 * 0.75) ** 0.5)


def test_statistics_are_kept_with_learner_and_predictor(glyphs: Splits, usual: ImageStatistics, tmp_path: Path) -> None:
    learner = learners.ProtoNet(Conv4(hidden=4))
    learner.reads, learner.expects = glyphs.train.reads, usual
    save(learner, tmp_path / "learner.safetensors")
    assert load(tmp_path / "learner.safetensors").expects == usual
    save(learner(glyphs.test.select([0, 1]).examples()), tmp_path / "predictor.safetensors")
    assert load(tmp_path / "predictor.safetensors").learner.expects == usual
    assert ImageStatistics(**json.loads(json.dumps(asdict(usual)))) == usual
    for quantiles in (
        {},
        dict(usual.quantiles) | {"colour": (1.0,)},
        dict(usual.quantiles) | {"colour": tuple(range(201, 0, -1))},
    ):
        with pytest.raises(DataError, match="these statistics of images are none"):
            ImageStatistics(quantiles, 5)


def test_a_run_measures_its_meta_training_images(tmp_path: Path) -> None:
    run = Run(tmp_path, "proto", {"steps": 1, "train_ways": 5, "val_tasks": 8})
    list(run.train())
    expects = run.learner().expects
    assert expects is not None and expects == usual_images(run.recipe().train)


def test_sources_made_of_others_and_sources_without_images(glyphs: Splits, usual: ImageStatistics) -> None:
    plain = FewShot(glyphs.train)
    assert usual_images(MetaMix(plain)) == usual
    mixed = usual_images(Mixture([plain, plain]))
    assert mixed is not None and mixed.images == 2 * usual.images
    assert usual_images(FewShot(datasets.from_arrays(torch.randn(60, 4), torch.arange(60) % 6), queries=2)) is None
