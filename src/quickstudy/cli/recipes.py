"""``quickstudy train`` and ``quickstudy tune`` with a command of each recipe's name."""

from cyclopts import App

from quickstudy.cli.training import train_command
from quickstudy.cli.tuning import tune_command
from quickstudy.runs.run import recipe_functions

__all__ = ["train", "tune"]

train = App(name="train")
tune = App(name="tune")
for _name, _recipe in recipe_functions().items():
    train.command(train_command(_name, _recipe), name=_name)
    tune.command(tune_command(_name, _recipe), name=_name)
