"""Applications by name."""

from quickstudy import apps
from quickstudy.apps.application import Application
from quickstudy.errors import RunError, nearest

__all__ = ["application_named", "applications"]


def applications() -> dict[str, Application]:
    """All applications by name."""
    found = [getattr(apps, name) for name in apps.__all__]
    return {each.name: each for each in found if isinstance(each, Application)}


def application_named(name: str) -> Application:
    """The application of a name.

    Raises:
        RunError: there is none of that name.
    """
    known = applications()
    if name not in known:
        raise RunError(
            f"there is no application {name!r}.{nearest(name, known)} There are: {', '.join(sorted(known)) or 'none'}."
        )
    return known[name]
