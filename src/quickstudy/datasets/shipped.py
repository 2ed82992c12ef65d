"""Files of the applications' data: below the folder that QUICKSTUDY_DATA names, or those that come with the package."""

from importlib.resources import files
from pathlib import Path

from quickstudy.datasets.fetch import data_file
from quickstudy.errors import Argument, DataError

__all__ = ["shipped"]


def shipped(relative: str) -> Path:
    """A file of an application's data.

    Args:
        relative: folder and file, such as ``"intents/clinc150.jsonl.gz"``.

    Raises:
        DataError: it is in neither place; the text says how to go on without it.

    >>> shipped("nowhere/none.csv")
    Traceback (most recent call last):
    quickstudy.errors.DataError: nowhere/none.csv does not come with quickstudy. Put it into FOLDER/nowhere and set \
QUICKSTUDY_DATA=FOLDER (docs/applications says where it is from), or give data of your own in data.
    """
    found = data_file(relative)
    if found is not None:
        return found
    ours = Path(str(files("quickstudy.datasets"))) / "files" / relative
    if ours.is_file():
        return ours
    folder = relative.rpartition("/")[0]
    raise DataError(
        f"{relative} does not come with quickstudy. Put it into FOLDER/{folder} and set QUICKSTUDY_DATA=FOLDER "
        "(docs/applications says where it is from), or give data of your own in ",
        Argument("data"),
        ".",
    )
