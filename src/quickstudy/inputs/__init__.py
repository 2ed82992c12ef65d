"""Input kinds: how raw inputs become tensors; saved with every artefact."""

from quickstudy.inputs.cells import Cells
from quickstudy.inputs.column import Column
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.kinds import input_kind
from quickstudy.inputs.molecules import Molecules
from quickstudy.inputs.sentence_choices import SentenceChoices
from quickstudy.inputs.sentences import Sentences
from quickstudy.inputs.texts import Texts
from quickstudy.inputs.word_forms import WordForms
from quickstudy.inputs.wordpiece import WordPieces

__all__ = [
    "Cells",
    "Column",
    "Columns",
    "Images",
    "InputKind",
    "Molecules",
    "SentenceChoices",
    "Sentences",
    "Texts",
    "WordForms",
    "WordPieces",
    "input_kind",
]
