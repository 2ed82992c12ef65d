"""Files of version 0.1.0: learners and predictors load bitwise, training states are refused by version."""

import shutil
from pathlib import Path

import pytest
import torch

from quickstudy import Examples, load, save
from quickstudy.errors import ArtefactError
from quickstudy.inputs.images import Images
from quickstudy.learners.optimization.maml import MAML
from quickstudy.nn import MLP
from quickstudy.saving.training import load_training
from quickstudy.storage.artefact import FORMAT, read

HERE = Path(__file__).parents[1] / "data" / "v0.1.0"


def _drawn() -> tuple[Examples, torch.Tensor, Examples, torch.Tensor]:
    """Inputs as they were drawn when the files were made."""
    generator = torch.Generator().manual_seed(1)
    images = Examples.of(torch.rand(4, 1, 16, 16, generator=generator), torch.tensor([0, 1, 0, 1]))
    query = torch.rand(2, 1, 16, 16, generator=generator)
    rows = Examples.of(torch.rand(4, 3, generator=generator), torch.tensor([0, 1, 0, 1]))
    return images, query, rows, torch.rand(2, 3, generator=generator)


def test_learners_and_predictors_of_0_1_0_answer_as_they_did() -> None:
    torch.set_num_threads(1)
    images, query, rows, points = _drawn()
    expected = torch.tensor([[-0.05394279956817627, -0.09217917919158936], [-0.05408942699432373, -0.08439064025878906]])
    predictor = load(HERE / "predictor.safetensors")
    learner = load(HERE / "learner.safetensors")
    torch.testing.assert_close(predictor(query), expected)
    torch.testing.assert_close(learner(images)(query), expected)
    assert predictor.classes == ("a", "b")
    assert predictor.reads == learner.reads == Images(size=(16, 16), channels=1, strokes=False)
    outputs = torch.tensor([[-0.024480953812599182, 0.6555607318878174], [-0.15185460448265076, 0.18806509673595428]])
    torch.testing.assert_close(load(HERE / "reptile.safetensors")(rows)(points), outputs)


def test_saved_again_they_are_of_the_present_format(tmp_path: Path) -> None:
    save(load(HERE / "predictor.safetensors"), tmp_path / "new")
    before, after = (read(path, ("predictor",)) for path in (HERE / "predictor.safetensors", tmp_path / "new"))
    assert (before.form, after.form) == (1, FORMAT)
    *same, self_test = after.tensors  # which came later
    assert all(torch.equal(a, b) for a, b in zip(before.tensors, same, strict=True)) and self_test.shape == (2, 2)


def test_training_states_of_0_1_0_are_refused_by_version(tmp_path: Path) -> None:
    learner = MAML(MLP(1, outputs=1))
    optimizer = torch.optim.Adam(learner.parameters())
    before = [p.clone() for p in learner.parameters()]
    shutil.copy(HERE / "training.safetensors", tmp_path / "t")
    with pytest.raises(ArtefactError, match=r"saved by quickstudy 0\.1\.0 \(format 1\).*train anew in another folder"):
        load_training(tmp_path / "t", learner, optimizer, None)
    assert all(torch.equal(a, b) for a, b in zip(before, learner.parameters(), strict=True))
