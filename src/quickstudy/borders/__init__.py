"""The border: simple arguments, constructors and targets, checked and read in one way wherever they come in."""

from quickstudy.borders.arguments import choice, number, shown, span, spelled, whole
from quickstudy.borders.signatures import checked, checking_constructor, refuse_unlike
from quickstudy.borders.targets import Kind, class_names, read_targets

__all__ = [
    "Kind",
    "checked",
    "checking_constructor",
    "choice",
    "class_names",
    "number",
    "read_targets",
    "refuse_unlike",
    "shown",
    "span",
    "spelled",
    "whole",
]
