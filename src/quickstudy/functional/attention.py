"""Attention that can be differentiated twice and mapped: the fused kernels have neither a second derivative nor a vmap rule.

PyTorch's switch between the kernels belongs to the whole process. Where nothing is differentiated twice, as in a predictor, it
is left alone.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch.nn.attention import SDPBackend, sdpa_kernel

__all__ = ["plain_attention"]


class _Switch:
    """Set by the first thread that needs it and reset by the last, so that two threads do not restore each other's setting."""

    def __init__(self) -> None:
        self.lock, self.inside, self.turned = threading.Lock(), 0, ExitStack()

    def enter(self) -> None:
        with self.lock:
            if self.inside == 0:
                self.turned.enter_context(sdpa_kernel(SDPBackend.MATH))
            self.inside += 1

    def leave(self) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self.turned.close()


_switch = _Switch()


@contextmanager
def plain_attention(needed: bool = True) -> Iterator[None]:
    """Computes scaled dot products by plain operations inside, if that is ``needed``.

    >>> import torch
    >>> q = torch.randn(1, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    >>> with plain_attention():
    ...     slope = torch.autograd.grad(torch.nn.functional.scaled_dot_product_attention(q, q, q).sum(), q, create_graph=True)[0]
    >>> torch.autograd.grad(slope.square().sum(), q)[0].shape
    torch.Size([1, 1, 3, 4])
    """
    if not needed:
        yield
        return
    _switch.enter()
    try:
        yield
    finally:
        _switch.leave()
