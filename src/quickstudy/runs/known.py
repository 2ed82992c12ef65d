"""Recipes by name: ours, and those in files of one's own."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from quickstudy import recipes
from quickstudy.apps.known import application_named
from quickstudy.errors import RunError, nearest
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.storage.own_code import names_code, own_function

__all__ = ["APPLICATION", "located", "name_of", "recipe_functions", "recipe_named"]


APPLICATION = "application "
"""What the name of an application's recipe begins with."""


def recipe_functions() -> dict[str, Callable[..., Recipe]]:
    """The recipes by name, as ``quickstudy list`` shows them."""
    return {name: fn for name in recipes.__all__ if hasattr(fn := getattr(recipes, name), "sections")}


def recipe_named(name: str, made_by: Mapping[str, str] | None = None) -> Callable[..., Recipe]:
    """The recipe of a name, or of ``file.py:function`` if the user's list has that file.

    Args:
        name: as a run records it.
        made_by: versions that recorded it.

    Raises:
        RunError: there is none of that name.
        UserError: code that is not on the list, is not there, or fails.
    """
    if names_code(name):
        return own_function(name, "a recipe")
    if name.startswith(APPLICATION):
        return application_named(name.removeprefix(APPLICATION)).recipe
    known = recipe_functions()
    if name not in known:
        by = f" This run was begun with quickstudy {made_by['quickstudy']}." if made_by and "quickstudy" in made_by else ""
        raise RunError(f"there is no recipe {name!r}.{nearest(name, known)}{by} There are: {', '.join(sorted(known))}.")
    return known[name]


def name_of(recipe: str | Callable[..., Recipe] | None) -> str | None:
    """How a run records a recipe: by its name, or by file and function.

    Raises:
        RunError: a function that stands in no file.
    """
    if recipe is None:
        return None
    if isinstance(recipe, str):
        file, colon, function = recipe.rpartition(":")
        return f"{Path(file).resolve()}:{function}" if names_code(recipe) and colon else recipe
    name = str(getattr(recipe, "__name__", recipe))
    if recipe_functions().get(name) is recipe:
        return name
    file = inspect.getsourcefile(recipe) or ""
    if not Path(file).is_file() or getattr(recipe, "__qualname__", name) != name:
        raise RunError(
            f"a run of the recipe {name} could not be opened again: it stands in no file, or inside of another function."
        )
    return f"{Path(file).resolve()}:{name}"


def located(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with the data's and the backbone's path from the root on, so that a run can be opened from any folder."""
    found = dict(arguments)
    for name in ("data", "backbone"):
        value = found.get(name)
        if isinstance(value, str) and names_code(value):
            file, _, function = value.rpartition(":")
            found[name] = f"{Path(file).resolve()}:{function}"
        elif name == "data" and isinstance(value, str) and ("/" in value or "." in value) and Path(value).exists():
            found[name] = str(Path(value).resolve())
    return found
