"""PyTorch's own generators, seeded at no more cost than there are devices."""

import torch

__all__ = ["seed_generators"]


def seed_generators(seed: int, accelerated: bool | None = None) -> None:
    """`torch.manual_seed` for the devices that are there: for every other kind it notes a stack trace, a third of a millisecond.

    Args:
        seed: of all of them.
        accelerated: whether what follows runs on an accelerator; by default, whether there is one.

    >>> seed_generators(3)
    >>> drawn = torch.rand(1)
    >>> bool(torch.manual_seed(3) and torch.rand(1) == drawn)
    True
    """
    if torch.accelerator.is_available() if accelerated is None else accelerated:
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)
