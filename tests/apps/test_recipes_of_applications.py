"""Every application refuses arguments that cannot be by their names, before it reads anything."""

import pytest

from quickstudy import apps
from quickstudy.apps.application import Application
from quickstudy.errors import ArgumentError

ALL = [found for name in apps.__all__ if isinstance(found := getattr(apps, name), Application)]


@pytest.mark.parametrize("application", ALL, ids=lambda application: application.name)
def test_steps_and_rates_that_cannot_be_are_refused_by_name(application: Application) -> None:
    for name, value in {"steps": 0, "lr": -1.0}.items():
        with pytest.raises(ArgumentError, match=f"^{name} must be"):
            application.recipe(**{name: value})
