"""The result of a search over a recipe's arguments: every trial, the best, and the importance of the arguments."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from quickstudy.errors import ArtefactError, RunError
from quickstudy.storage.files import read_json, write_whole

__all__ = ["Trial", "Tuned"]


@dataclass(frozen=True)
class Trial:
    """One meta-training with some arguments.

    Args:
        number: of the trial in its study; 0 has the recipe's own arguments.
        arguments: that were tuned, with this trial's values.
        state: complete; pruned (stopped because others did better at that step); failed (its loss became NaN, say);
            running (here or in another process); lost (its process died, and another trial took its place).
        validations: after which step, mean, and the bounds of the 95 % interval over tasks.
        score: the best mean of its validations, as `quickstudy train` keeps it; None if there is none.
        seconds: it took.
        note: why it ended, if it did not complete.
    """

    number: int
    arguments: dict[str, Any]
    state: Literal["complete", "pruned", "failed", "running", "lost"]
    validations: tuple[tuple[int, float, float, float], ...] = ()
    score: float | None = None
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Tuned:
    """All trials of a study.

    Args:
        recipe: its name.
        fixed: arguments that all trials share, where they are not the recipe's own.
        space: what each tuned argument was chosen from: ``{"low": …, "high": …, "by_ratio": …}`` or ``{"values": …}``.
        seed: of weights and tasks of every trial, and of the search.
        metric: "accuracy" or "mse", of the meta-validation tasks.
        higher_is_better: of the metric.
        val_tasks: in each validation.
        trials: by number.
        importances: of the tuned arguments, adding up to 1 (functional analysis of variance); empty while fewer than five
            trials are complete.

    >>> trials = (Trial(0, {"lr": 0.1}, "complete", score=0.5), Trial(1, {"lr": 0.01}, "complete", score=0.25))
    >>> space = {"lr": {"low": 0.001, "high": 1.0, "by_ratio": True}}
    >>> found = Tuned("maml", {"steps": 500}, space, 0, "mse", False, 200, trials)
    >>> found.best.number, found.command
    (1, 'quickstudy train maml --steps 500 --lr 0.01 --seed 0')
    """

    recipe: str
    fixed: dict[str, Any]
    space: dict[str, dict[str, Any]]
    seed: int
    metric: str
    higher_is_better: bool
    val_tasks: int
    trials: tuple[Trial, ...]
    importances: dict[str, float] = field(default_factory=dict)

    @property
    def ranked(self) -> list[Trial]:
        """Complete trials, the best first."""
        done = [(trial.score, trial) for trial in self.trials if trial.state == "complete" and trial.score is not None]
        sign = -1 if self.higher_is_better else 1
        return [trial for _, trial in sorted(done, key=lambda pair: (sign * pair[0], pair[1].number))]

    @property
    def best(self) -> Trial:
        """The complete trial of the best score.

        Raises:
            RunError: none is complete.
        """
        if not self.ranked:
            notes = [trial.note for trial in self.trials if trial.note]
            raise RunError(
                f"none of {len(self.trials)} trials of {self.recipe} is complete" + (f" ({notes[-1]})" if notes else "") + ". "
                "Allow more trials, or narrow the space."
            )
        return self.ranked[0]

    @property
    def arguments(self) -> dict[str, Any]:
        """Of the recipe, as in the best trial: ``recipe(**tuned.arguments)``."""
        return self.fixed | self.best.arguments

    @property
    def command(self) -> str:
        """The command line that trains the best trial again, and keeps it."""
        return self.command_of(self.recipe)

    def command_of(self, recipe: str) -> str:
        """The same, with the recipe as a command line names it: ``file.py:function`` for one in a file of one's own."""
        words = ["quickstudy", "train", recipe]
        for name, value in (self.arguments | {"seed": self.seed}).items():
            flag = name.replace("_", "-")
            if isinstance(value, bool):
                words.append(f"--{flag}" if value else f"--no-{flag}")
            else:
                words += [f"--{flag}", str(value)]
        return shlex.join(words)

    def to_json(self) -> dict[str, Any]:
        """Everything, with the best trial and its command, as JSON."""
        best = {"best": asdict(self.best), "command": self.command} if self.ranked else {}
        return asdict(self) | best

    def save(self, path: str | Path) -> None:
        """Writes it as JSON, whole or not at all."""
        write_whole(Path(path), json.dumps(self.to_json(), indent=1).encode())

    @classmethod
    def load(cls, path: str | Path) -> "Tuned":
        """Reads what `save` wrote.

        Raises:
            ArtefactError: the file is something else.
        """
        try:
            found = read_json(Path(path))
            return cls(**{name: found[name] for name in cls.__dataclass_fields__} | {"trials": _trials(found["trials"])})
        except (OSError, ArithmeticError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"{path} was not written by quickstudy tune: {error}. Tune again.") from error


def _trials(found: list[Mapping[str, Any]]) -> tuple[Trial, ...]:
    return tuple(Trial(**{**each, "validations": tuple(map(tuple, each["validations"]))}) for each in found)
