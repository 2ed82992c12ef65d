"""``quickstudy train`` and ``quickstudy tune`` with a command of each recipe's name."""

import inspect

from cyclopts import App

from quickstudy import learners
from quickstudy.cli.training import train_command
from quickstudy.cli.tuning import tune_command
from quickstudy.errors import nearest
from quickstudy.runs.known import recipe_functions

__all__ = ["no_recipe", "train", "tune"]

train = App(name="train")
tune = App(name="tune")
for _name, _recipe in recipe_functions().items():
    train.command(train_command(_name, _recipe), name=_name)
    tune.command(tune_command(_name, _recipe), name=_name)


def no_recipe(word: str) -> str:
    """What to say of a word that is no recipe: those of the learner it names, or the nearest name."""
    known = recipe_functions()
    named = next((name for name in learners.__all__ if name.lower() == word.lower()), None)
    trained = [name for name, recipe in known.items() if named and named in (inspect.getdoc(recipe) or "").split("\n")[0].split()]
    if trained:
        return f"{named} is a learner, not a recipe. Recipes that train it: {', '.join(trained)}."
    return f"there is no recipe {word!r}.{nearest(word, known)} All recipes: quickstudy list."
