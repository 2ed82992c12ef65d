"""``quickstudy list``: what there is."""

import inspect
import sys
from typing import Any

from rich.table import Table

from quickstudy import learners
from quickstudy.cli.console import out
from quickstudy.learner import Learner

__all__ = ["list_"]


def list_() -> None:
    """List the learners, recipes and data sets."""
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
