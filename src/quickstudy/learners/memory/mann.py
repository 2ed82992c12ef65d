"""Memory-augmented neural network: a stream of examples whose labels come one step late, bound together in a memory.

Source: Santoro, Bartunov, Botvinick, Wierstra & Lillicrap, 2016, Meta-learning with memory-augmented neural networks.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.functional.tree import map_leaves
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.lrua import Slots
from quickstudy.nn.recurrent import Cell, read, wide_labels
from quickstudy.task import Examples, Task

__all__ = ["MANN", "Stream"]


class Stream(NamedTuple):
    """What is remembered: the cell's state (of LRUA: its slots), the example that came last [f(x); y], classes present (N,)."""

    state: Slots | Any
    last: Tensor
    present: Tensor


class MANN(Learner[Stream]):
    """The label of each example arrives one step late, so that the network must name the example first:

        ``o_t, m_t = cell([f(x_t); f(x_{t−1}); y_{t−1}], m_{t−1})``,    meta-training minimises the mean of ``−log p(y_t | o_t)``

    Every presentation of a support set is predicted, then remembered; queries are predicted from the memory that stands
    after it, each on its own. Evaluate it as in the paper by `quickstudy.evaluate_stream`: accuracy by how often a class
    was presented. Deviations: an example is shown once more beside its label, where the paper's controller has to keep it in
    mind by itself; in `predict` a class that was never presented is impossible (in meta-training it is not).

    Args:
        encoder: any network from inputs to features (D,); `nn.Flatten()` is the paper's, which reads pixels.
        cell: of 2 D + N inputs and N outputs: `nn.LRUA` around an LSTM in the paper; an `nn.LSTMCell` is its baseline.
        likelihood: of the outputs.

    Raises:
        ShapeError: (at adaptation) a cell of another size.

    >>> from quickstudy.nn.lrua import LRUA
    >>> from quickstudy.nn.recurrent import LSTMCell
    >>> learner = MANN(nn.Flatten(), LRUA(LSTMCell(2 * 2 + 3 + 4 * 40, 200), outputs=3))
    >>> learner(Examples.of(torch.eye(2), torch.tensor([0, 1]), ways=3))(torch.eye(2)).shape
    torch.Size([2, 3])
    """

    facts = Facts(ordered=True, label_order=True, norm="running")

    def __init__(
        self,
        encoder: nn.Module,
        cell: Cell,
        *,
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        self.encoder, self.cell, self.likelihood = encoder, cell, likelihood

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x).flatten(1)  # type: ignore[no-any-return]

    def adapt(self, support: Examples) -> Stream:
        return self.update(self._start(support), support)

    def update(self, state: Stream, more: Examples) -> Stream:
        """Continues the stream."""
        return self._present(state, more)[1]

    def predict(self, state: Stream, x: Tensor) -> Tensor:
        return self.likelihood.restrict(self._answers(state, x), state.present)

    def objective(self, task: Task) -> Tensor:
        outputs, state = self._present(self._start(task.support), task.support)
        answers = torch.cat([outputs, self._answers(state, task.query.x)])[:, : task.support.y.shape[1]]
        return self.likelihood.nll(
            answers, torch.cat([task.support.y, task.query.y]), torch.cat([task.support.mask, task.query.mask])
        )

    def _start(self, support: Examples) -> Stream:
        zeros = support.y.new_zeros
        return Stream(self.cell.start(), zeros(support.x.shape[1] + self.cell.outputs), zeros(support.y.shape[1]))

    def _present(self, state: Stream, examples: Examples) -> tuple[Tensor, Stream]:
        """What is said at each presentation, before its label is known, and the state after all of them."""
        labels = wide_labels(examples, self.cell.inputs, self.cell.outputs, shown=2)
        before, last = _rows_before(state.last, torch.cat([examples.x, labels], -1), examples.mask)
        outputs, after = read(self.cell, torch.cat([examples.x, before], -1), examples.mask, state.state)
        present = torch.maximum(state.present, self.likelihood.present(examples.y, examples.mask))
        return outputs, Stream(after, last, present)

    def _answers(self, state: Stream, x: Tensor) -> Tensor:
        memory = map_leaves(lambda leaf: leaf.expand(x.shape[0], *leaf.shape), state.state)
        return self.cell(torch.cat([x, state.last.expand(x.shape[0], -1)], -1), memory)[0]


def _rows_before(first: Tensor, rows_SD: Tensor, mask_S: Tensor) -> tuple[Tensor, Tensor]:
    """The last real row before each row (S, D), and the one that comes last."""
    last, before = first, []
    for row, real in zip(rows_SD.unbind(0), (mask_S > 0).unbind(0), strict=True):
        before.append(last)
        last = torch.where(real, row, last)
    return (torch.stack(before) if before else rows_SD), last
