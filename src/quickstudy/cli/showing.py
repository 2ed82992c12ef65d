"""``quickstudy list`` and ``cite``: what there is, and whose idea it was."""

import inspect
import re
import sys
from typing import Any

from rich.table import Table

from quickstudy import learners
from quickstudy.cli.console import out, say
from quickstudy.errors import LearnerError
from quickstudy.learner import Learner
from quickstudy.storage.artefact import versions

__all__ = ["cite", "list_"]


def list_() -> None:
    """Show the learners, recipes and data sets there are."""
    from quickstudy import datasets
    from quickstudy.runs.run import recipe_functions

    table = Table("learner", "family", "what it does", title="learners", title_justify="left")
    found = {name: getattr(learners, name) for name in learners.__all__}
    modules = {name: thing.__module__ for name, thing in found.items() if inspect.isclass(thing) and issubclass(thing, Learner)}
    for wing in dict.fromkeys(module.split(".")[-2] for module in modules.values()):
        for name, module in modules.items():
            if module.split(".")[-2] == wing:
                table.add_row(name, wing, _first_line(sys.modules[module]))
    out.print(table)
    table = Table("recipe", "what it trains", title="recipes (quickstudy train RECIPE --help)", title_justify="left")
    for name, fn in recipe_functions().items():
        table.add_row(name, _first_line(fn))
    out.print(table)
    table = Table("data set", "what it is", title="data sets", title_justify="left")
    for name in ("glyphs", "omniglot", "image_folder", "from_arrays", "from_dataset"):
        table.add_row(name, _first_line(getattr(datasets, name)))
    out.print(table)


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]


def cite(learner: str | None = None) -> None:
    """Show how to cite quickstudy, and the paper behind a learner.

    Args:
        learner: its name, MAML say.
    """
    if learner is not None:
        found = getattr(learners, learner, None)
        if not (isinstance(found, type) and issubclass(found, Learner)):
            raise LearnerError(f"there is no learner {learner!r}. There are: {', '.join(_names())}.")
        text = inspect.getdoc(sys.modules[found.__module__]) or ""
        source = re.search(r"Source: (.+?)(?:\n\n|$)", text, re.DOTALL)
        say(f"{learner}: {' '.join(source[1].split()) if source else 'no paper; a plain baseline.'}")
        return
    own = versions()["quickstudy"]
    out.print(
        f"@software{{quickstudy,\n  title = {{quickstudy: meta-learning for many small tasks}},\n"
        f"  author = {{The quickstudy developers}},\n  version = {{{own}}},\n  year = {{2026}}\n}}",
        markup=False,
        highlight=False,
    )


def _names() -> list[str]:
    return [name for name in learners.__all__ if isinstance(getattr(learners, name), type)]
