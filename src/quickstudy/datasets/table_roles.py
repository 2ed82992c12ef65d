"""Which columns of a table are what: labels, targets, tasks, inputs; and what cannot be."""

from collections.abc import Mapping, Sequence
from typing import Any

from quickstudy.errors import Argument, DataError, nearest
from quickstudy.inputs.raw_columns import some_names

__all__ = ["check_roles"]


def check_roles(rows: Mapping[str, Any], named: Mapping[str, str | None], more: Sequence[tuple[str, str]], called: str) -> None:
    """Refuses columns that are not there, that are two things, or that leave open what is to be predicted.

    Args:
        rows: by column.
        named: the column of each role, or None.
        more: other arguments and the columns that they list; those of ``labels`` are to be predicted.
        called: the data.

    Raises:
        DataError: with the argument that mends it.
    """
    for role, column in [*named.items(), *more]:
        if column is not None and column not in rows:
            raise DataError(
                f"{called} has no column {column!r} (",
                Argument(role),
                f").{nearest(str(column), rows)} It has {some_names(list(rows))}.",
            )
    labels = [column for argument, column in more if argument == "labels"]
    if labels and (named["label"] is not None or named["target"] is not None):
        raise DataError(f"{called}: several labels a row are to be predicted, so no other column can be. Leave the other out.")
    if not labels and (named["label"] is None) == (named["target"] is None):
        raise DataError(
            f"{called}: name the column that is to be predicted, with ",
            Argument("label"),
            " for classes or with ",
            Argument("target"),
            f" for numbers; one of them. Columns: {some_names(list(rows))}.",
        )
    what = "several labels a row" if labels else "numbers"
    if (named["target"] is not None or labels) and named["task"] is None:
        raise DataError(
            f"{called}: {what} are predicted task by task. Name the column of the tasks (a patient, a customer, a series) with ",
            Argument("task"),
            "; or name a column of classes with ",
            Argument("label"),
            ".",
        )
    if named["text"] is not None and named["image"] is not None:
        raise DataError(
            f"{called}: inputs are texts or images, not both. Give ", Argument("text"), " or ", Argument("image"), "."
        )
    inputs = [column for argument, column in more if argument == "columns" and column in labels]
    if inputs:
        raise DataError(f'{called}: the column "{inputs[0]}" is to be predicted, so it is no input. Leave it out.')
    roles = labels + [column for role, column in named.items() if column is not None and role not in ("split", "time")]
    roles += [named["time"]] if named["time"] not in (None, named["group"]) else []
    twice = next((column for place, column in enumerate(roles) if column in roles[:place]), None)
    if twice is not None:
        raise DataError(f'{called}: the column "{twice}" cannot be two things. Name another for one of them.')
