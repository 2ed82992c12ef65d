"""``quickstudy temperature``: a run's probabilities made as sure as they are right."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from quickstudy.cli.command import command, may_run_code
from quickstudy.cli.console import print_json, progress, say
from quickstudy.errors import RunError
from quickstudy.recipes.parts.checked import AtLeast

__all__ = ["temperature"]


@command
@may_run_code
def temperature(
    run: Path,
    /,
    *,
    tasks: int = 200,
    seed: Annotated[int, AtLeast(0)] = 0,
    jobs: int | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Make a run's probabilities as sure as they are right: one number, fitted on meta-validation tasks.

    Logits are divided by it. No answer changes; probabilities of adapt, predict, serve, export and evaluate do. It is kept in the
    run's learner; predictors that were adapted before keep theirs. Fit it again after more training.

    Args:
        run: folder of a run.
        tasks: how many meta-validation tasks.
        seed: of their list.
        jobs: processes that share them, -1 for all cores.
        json_: print JSON instead of a sentence.
    """
    from quickstudy.evaluation.temperature import fit_temperature
    from quickstudy.runs.run import Run

    opened = Run(run)
    learner, source = opened.learner(), opened.recipe().val
    if source is None:
        raise RunError(f"{run} has no meta-validation tasks to fit a temperature on. Train with data that have some.")
    learner.calibration = None
    with progress() as bar:
        bar.add_task(f"meta-validation tasks of {run}", total=None)
        found = fit_temperature(learner, source, tasks=tasks, seed=seed, jobs=jobs)
    opened.set_temperature(found)
    if json_:
        print_json(asdict(found))
        return
    say(f"temperature: {found}")
    say(f"check it on meta-test tasks: quickstudy evaluate {run} --metrics log_loss")
