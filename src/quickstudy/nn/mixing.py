"""A network that mixes pairs of examples on its way, at the block that each pair names.

Source: Verma, Lamb, Beckham, Najafi, Mitliagkas, Lopez-Paz & Bengio, 2019, Manifold mixup.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.mixing import Mixed, mix
from quickstudy.storage.blueprint import Recorded
from quickstudy.task import Inputs

__all__ = ["Mixing"]


class Mixing(Recorded, nn.Module):
    """Blocks in a row. Plain inputs pass as through `nn.Sequential`; pairs are mixed after as many blocks as they say.

        ``h_l ← λ h_l + (1 − λ) h'_l`` at the level l of the pair, then on through the blocks that follow

    Sources with ``levels=n`` (`tasks.MetaMix`, `tasks.MLTI`) name levels from 0, the inputs, to n − 1; give this network at
    least n − 1 blocks. It serves inside an inner loop and as an encoder alike. A pair costs two passes.

    Args:
        blocks: parts of a network, one after the other.

    Raises:
        LearnerError: no blocks.

    >>> network = Mixing([nn.Linear(2, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 1))])
    >>> a, b = torch.zeros(3, 2), torch.ones(3, 2)
    >>> pair = Mixed(a, b, torch.full((3,), 0.3), torch.tensor([0, 1, 1]))
    >>> torch.allclose(network(pair)[0], network(0.3 * a + 0.7 * b)[0])
    True
    """

    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        if not blocks:
            raise LearnerError("a mixing network needs at least one block.")
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Inputs) -> Tensor:
        if not isinstance(x, Mixed):
            for block in self.blocks:
                x = block(x)
            plain: Tensor = x
            return plain
        first, second = x.first, x.second
        for level, block in enumerate(self.blocks):
            first = block(mix(first, second, torch.where(x.level == level, x.share, 1)))
            second = block(second)
        mixed: Tensor = mix(first, second, torch.where(x.level >= len(self.blocks), x.share, 1))
        return mixed
