"""``quickstudy train`` and ``quickstudy tune`` with a command of each recipe's name, and of recipes in files of one's own."""

import inspect
import sys
from collections.abc import Sequence

from cyclopts import App

from quickstudy import learners
from quickstudy.cli.training import train_command
from quickstudy.cli.tuning import tune_command
from quickstudy.errors import nearest
from quickstudy.runs.known import recipe_functions
from quickstudy.storage.own_code import own_function

__all__ = ["add_own", "no_recipe", "train", "tune"]

train = App(name="train")
tune = App(name="tune")
for _name, _recipe in recipe_functions().items():
    train.command(train_command(_name, _recipe), name=_name)
    tune.command(tune_command(_name, _recipe), name=_name)


def add_own(words: Sequence[str]) -> None:
    """A command of the recipe that ``train FILE.py:FUNCTION`` names; naming it is what puts its file on the user's list."""
    recipe = own_function(words[1], "a recipe", trust=True)
    app, make = (train, train_command) if words[0] == "train" else (tune, tune_command)
    if words[1] in app:
        del app[words[1]]
    app.command(make(words[1], recipe), name=words[1])


def no_recipe(word: str) -> str:
    """What to say of a word that is no recipe: that of the learner it names, or the nearest name."""
    known = recipe_functions()
    named = next((name for name in learners.__all__ if name.lower() == word.lower()), None)
    trained = [name for name, recipe in known.items() if named and _trains(recipe, named)]
    if trained:
        return f"{named} is a learner. Its recipe: {', '.join(trained)}."
    return f"there is no recipe {word!r}.{nearest(word, known)} All recipes: quickstudy list."


def _trains(recipe: object, learner: str) -> bool:

    return hasattr(sys.modules.get(getattr(recipe, "__module__", "")), learner) and not inspect.isclass(recipe)
