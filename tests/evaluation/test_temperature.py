"""A fitted temperature: less calibration error on new tasks, the same answers, kept by files, states, predictors and exports."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from quickstudy import datasets, evaluate, learners, load, metrics, nn, save, tasks
from quickstudy.errors import ArtefactError, LearnerError
from quickstudy.evaluation.temperature import fit_temperature
from quickstudy.functional.unroll import SGD
from quickstudy.likelihood import Gaussian
from quickstudy.metrics.temperature import Temperature
from quickstudy.saving.states import digest_of, predictor_of, state_bytes
from quickstudy.storage.artefact import dumped, read
from quickstudy.task import Examples
from quickstudy.use.answers import answers_of
from quickstudy.wrapper import LearnerWrapper

DATA = datasets.glyphs()


def tasks_of(part: Any) -> tasks.FewShot:
    return tasks.FewShot(part, ways=5, shots=2, queries=5)


def overconfident() -> learners.NearestCentroid:
    """Squared distances of pixels are in the tens: softmax of them is sure of everything."""
    return learners.NearestCentroid()


@pytest.fixture(scope="module")
def fitted() -> Temperature:
    return fit_temperature(overconfident(), tasks_of(DATA.val), tasks=60)


def tempered(found: Temperature) -> learners.NearestCentroid:
    learner = overconfident()
    learner.calibration = found
    return learner


def predictor_pair(found: Temperature) -> tuple[Any, Any, Tensor]:
    task = tasks_of(DATA.test).sample(1, torch.Generator().manual_seed(0))[0]
    names = list("abcde")
    return overconfident()(task.support, names), tempered(found)(task.support, names), task.query.x


def test_the_calibration_error_falls_on_new_tasks_and_no_answer_changes(fitted: Temperature) -> None:
    assert fitted.value > 2, "it is overconfident"
    assert fitted.calibration_error is not None and fitted.calibration_error[1] < fitted.calibration_error[0] / 2
    assert fitted.log_loss is not None and fitted.log_loss[1] < fitted.log_loss[0]
    assert fitted.source == "60 tasks of glyphs/val 5-way 2-shot 5 queries" and fitted.queries == 60 * 25
    asked: dict[str, Any] = {"tasks": 60, "metrics": (metrics.ece, metrics.log_loss, metrics.untempered(metrics.ece))}
    before = evaluate(overconfident(), tasks_of(DATA.test), **asked)
    after = evaluate(tempered(fitted), tasks_of(DATA.test), **asked)
    assert after.scores == before.scores
    assert after.other("ece").value < before.other("ece").value / 2
    assert after.other("log_loss").value < before.other("log_loss").value
    assert after.other("ece_without_temperature").value == before.other("ece").value


def test_predictors_state_probabilities_at_it(fitted: Temperature) -> None:
    plain, cooled, x = predictor_pair(fitted)
    assert torch.equal(cooled(x), plain(x)), "logits stay"
    assert torch.equal(cooled.probabilities(x), (plain(x) / fitted.value).softmax(-1))
    assert cooled.names(x) == plain.names(x)
    answers = answers_of(cooled, cooled(x))
    assert answers[0].probability == pytest.approx(float(cooled.probabilities(x)[0].max()))
    assert [answer.name for answer in answers] == cooled.names(x)


def test_inner_steps_know_none() -> None:
    learner = learners.FromScratch(nn.MLP(784, (8,), outputs=5), rule=SGD(0.1), steps=3)
    flat = tasks_of(DATA.test).sample(1, torch.Generator().manual_seed(0))[0].support
    support = Examples(flat.x.flatten(1), flat.y, flat.mask)
    before = learner(support)(support.x)
    learner.calibration = Temperature(7.0)
    assert torch.equal(learner(support)(support.x), before)


def test_files_and_states_keep_it_bitwise(fitted: Temperature, tmp_path: Path) -> None:
    _, cooled, x = predictor_pair(fitted)
    learner = tempered(fitted)
    save(learner, tmp_path / "learner")
    save(cooled, tmp_path / "predictor")
    back, again = load(tmp_path / "learner"), load(tmp_path / "predictor")
    assert back.calibration == fitted == again.learner.calibration
    assert torch.equal(again.probabilities(x), cooled.probabilities(x))
    save(back, tmp_path / "second")
    assert (tmp_path / "second").read_bytes() == (tmp_path / "learner").read_bytes()
    digest = digest_of(learner)
    assert digest != digest_of(overconfident()), "thresholds are probabilities at it"
    assert torch.equal(predictor_of(learner, state_bytes(cooled, digest), digest).probabilities(x), cooled.probabilities(x))


def test_without_one_files_are_as_they_were(tmp_path: Path) -> None:
    save(overconfident(), tmp_path / "plain")
    assert "temperature" not in read(tmp_path / "plain", ("learner",)).description


def test_a_predictor_keeps_the_one_it_was_made_with(fitted: Temperature) -> None:
    learner = tempered(fitted)
    task = tasks_of(DATA.test).sample(1, torch.Generator().manual_seed(0))[0]
    predictor = learner(task.support)
    before = predictor.probabilities(task.query.x)
    learner.calibration = None
    assert torch.equal(predictor.probabilities(task.query.x), before)
    assert not torch.equal(learner(task.support).probabilities(task.query.x), before)


def test_a_wrapper_has_that_of_the_learner_inside(fitted: Temperature) -> None:
    assert LearnerWrapper(tempered(fitted)).calibration == fitted


def test_an_altered_one_is_refused(fitted: Temperature, tmp_path: Path) -> None:
    def altered(**changes: Any) -> Path:
        learner = tempered(fitted)
        path = tmp_path / "altered"
        save(learner, path)
        found = read(path, ("learner",))
        kept = dict(found.description["temperature"]) | changes
        changed = dict(found.description) | {"temperature": kept}
        path.write_bytes(dumped("learner", changed, {"weights": dict(learner.state_dict())}))
        return path

    for changes in ({"value": -1.0}, {"value": None}, {"queries": "many"}, {"log_loss": [1.0]}, {"other": 1}):
        with pytest.raises(ArtefactError, match="describes its temperature wrongly.*It was altered: use a copy"):
            load(altered(**changes))


def test_values_have_none() -> None:
    learner = learners.MAML(nn.MLP(1, (4,), outputs=1), likelihood=Gaussian())
    with pytest.raises(LearnerError, match="MAML has no logits of classes, which alone have a temperature"):
        fit_temperature(learner, tasks.Sinusoid())
    learner.calibration = Temperature(2.0)
    support = Examples.of(torch.zeros(2, 1), torch.ones(2, 1), kind="values")
    with pytest.raises(LearnerError, match="Set calibration to None"):
        learner(support).probabilities(support.x)


def test_a_model_card_says_it(fitted: Temperature) -> None:
    from quickstudy.export import model_card

    card = model_card(tempered(fitted), licence="apache-2.0")
    assert f"\nIts probabilities are at the temperature {fitted}.\n" in card
    assert "temperature" not in model_card(overconfident(), licence="apache-2.0")


def test_onnx_gives_the_probabilities_of_the_predictor(fitted: Temperature, tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from quickstudy.export import check, export_onnx, notes

    _, cooled, x = predictor_pair(fitted)
    export_onnx(cooled, tmp_path / "mine.onnx")
    assert check(tmp_path / "mine.onnx").within()
    session = ort.InferenceSession(tmp_path / "mine.onnx")
    said = dict(zip([each.name for each in session.get_outputs()], session.run(None, {"x": x.numpy()}), strict=True))
    assert torch.from_numpy(said["probabilities"]).sub(cooled.probabilities(x)).abs().max() < 1e-5
    assert notes(tmp_path / "mine.onnx")["temperature"] == fitted.value
    assert replace(cooled, threshold=None).names(x) == [list("abcde")[n] for n in said["logits"].argmax(1)]
