"""Ready heads: small learners on pretrained backbones that need no meta-training of your own."""

from quickstudy.saving.ready.heads import HEADS, head

__all__ = ["HEADS", "head"]
