"""Networks whose weights are known by name and hash, so that files can leave them out."""

from typing import Any

from torch import nn

__all__ = ["NamedWeights"]


class NamedWeights(nn.Module):
    """A base for networks with weights that another file holds, which has a name and a hash.

    `Frozen` calls `leave_out` on those within it. From then on they stand in no ``state_dict``; what is loaded leaves them as
    they are, unless it holds them.
    """

    name: str
    sha256: str
    left_out = False

    def leave_out(self) -> None:
        """From now on the weights stand in no ``state_dict``."""
        self.left_out = True

    def check_unchanged(self) -> None:
        """Compares the weights with the file that holds them, for those who would leave them out of another.

        Raises:
            ArtefactError: they have changed, or are in another precision.
        """

    def whole_state(self) -> dict[str, Any]:
        """The weights by name, also where ``state_dict`` leaves them out."""
        return dict(super().state_dict())

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """As of any module; nothing where the weights are left out."""
        if not self.left_out:
            return super().state_dict(*args, destination=destination, prefix=prefix, keep_vars=keep_vars)
        return {} if destination is None else destination

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        if self.left_out:
            for name, tensor in self.whole_state().items():
                state_dict.setdefault(prefix + name, tensor)
        super()._load_from_state_dict(state_dict, prefix, *rest)
