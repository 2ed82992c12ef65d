"""Input kinds: how one raw thing becomes tensors; the only way in, saved with every artefact."""

from quickstudy.inputs.images import Images

__all__ = ["Images"]
