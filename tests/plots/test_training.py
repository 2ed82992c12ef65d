"""Images of a training: what is drawn is what was logged."""

import numpy as np

from quickstudy.monitoring import AdaptationCurve, History, Probe
from quickstudy.plots import adaptation_figure, progress_figure, step_size_figure, validation_figure


def curve(scores: tuple[float, ...]) -> AdaptationCurve:
    count = len(scores)
    return AdaptationCurve(30, tuple(range(count)), scores, (0.05,) * count, (1.0,) * count, (float("nan"),) * count)


def history() -> History:
    steps = [{"step": n, "loss": 2.0 / n, "gradient_norm": 1.0, "lr": 0.1, "seconds": 0.1} for n in range(1, 401)]
    probes = [
        Probe(n, "accuracy", True, curve((0.2, 0.5 + n / 1000)), curve((0.2, 0.5)), True, {"a": (0.1, 0.2, 0.3)}).to_json()
        for n in (0, 200, 400)
    ]
    validations = [{"step": 200, "validation": 0.6, "best": True}, {"step": 400, "validation": 0.5, "best": False}]
    return History().add([*steps, *probes, *validations])


def test_loss_and_gradient_norm() -> None:
    upper, lower = progress_figure(history()).axes
    assert upper.get_yscale() == "log" and lower.get_yscale() == "linear"
    (line,) = upper.lines
    assert len(line.get_xdata()) == 150 and line.get_ydata()[0] == np.mean([2.0, 1.0, 2 / 3])
    assert {float(value) for value in lower.lines[0].get_ydata()} == {1.0}


def test_validations_on_both_levels() -> None:
    (axes,) = validation_figure(history()).axes
    seen, new, validation, best = axes.lines
    assert np.allclose(seen.get_ydata(), [50, 70, 90]) and np.allclose(new.get_ydata(), [50, 50, 50])
    assert np.allclose(validation.get_xydata(), [[200, 60], [400, 50]]) and np.allclose(best.get_xydata(), [[200, 60]])
    assert "accuracy, %" in axes.get_ylabel()


def test_adaptation_at_the_first_look_and_the_last() -> None:
    figure = adaptation_figure(history().probes)
    assert figure is not None
    lines = {line.get_label(): np.asarray(line.get_ydata(), dtype=float) for line in figure.axes[0].lines}
    assert np.allclose(lines["meta-train, outer step 0"], [20, 50]) and np.allclose(lines["meta-train, outer step 400"], [20, 90])
    assert len(lines) == 4


def test_step_sizes_and_their_extremes() -> None:
    figure = step_size_figure(history().probes)
    assert figure is not None
    assert np.allclose(figure.axes[0].lines[0].get_ydata(), 0.2)
    band = figure.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (0.1, 0.3)


def test_no_image_of_what_there_is_not() -> None:
    single = [Probe(0, "accuracy", True, curve((0.5,)), curve((0.4,)))]
    assert adaptation_figure(single) is None and step_size_figure(single) is None
    assert adaptation_figure([]) is None
    one = adaptation_figure(history().probes[:1])
    assert one is not None and len(one.axes[0].lines) == 2
    assert validation_figure(History().add([{"step": 5, "validation": 0.5}])).axes
