"""The input kinds that files may name, and how one is read out of a file: only these are ever built."""

from collections.abc import Mapping
from typing import Any

from quickstudy.errors import DataError, nearest
from quickstudy.inputs.cells import Cells
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.molecules import Molecules
from quickstudy.inputs.sentence_choices import SentenceChoices
from quickstudy.inputs.sentences import Sentences
from quickstudy.inputs.texts import Texts
from quickstudy.inputs.word_forms import WordForms
from quickstudy.inputs.wordpiece import WordPieces

__all__ = ["KINDS", "input_kind"]

KINDS: Mapping[str, type[InputKind]] = {
    kind.name: kind for kind in (Cells, Columns, Images, Molecules, SentenceChoices, Sentences, Texts, WordForms, WordPieces)
}


def input_kind(found: Mapping[str, Any] | None) -> InputKind | None:
    """The record that `InputKind.to_json` wrote; None for None. A record without a kind is of images, as files once were.

    Raises:
        DataError: a kind that this version does not know, or a record that is none.

    >>> input_kind(Images(84, channels=3).to_json())
    Images(size=(84, 84), channels=3, strokes=True)
    """
    if found is None:
        return None
    if not isinstance(found, Mapping):
        raise DataError("an input kind is a record with names. Save the file again.")
    call = dict(found)
    name = call.pop("kind", Images.name)
    if not isinstance(name, str) or name not in KINDS:
        known = f"{', '.join(sorted(KINDS))}.{nearest(str(name), KINDS)}"
        raise DataError(f"the input kind {name!r} is not among those of this version: {known}")
    try:
        return KINDS[name].from_json(call)
    except DataError:
        raise
    except Exception as error:  # an altered file holds anything
        raise DataError(f"this record of {KINDS[name].things} is none that this version reads ({error}).") from error
