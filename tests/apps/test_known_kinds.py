"""The score of known kinds of cases: in meta-training each kind has that of the others, a new row that of all."""

import torch

from quickstudy.apps.parts.known_kinds import known_kinds
from quickstudy.datasets.task_table import Table


def table(kinds: int) -> Table:
    """Each kind against 60 normal rows; the first ones are high in the first column, the last one in the second."""
    generator = torch.Generator().manual_seed(0)
    normal = torch.rand(60, 3, generator=generator)
    parts, y, tasks = [], [], []
    for kind in range(kinds):
        cases = torch.rand(12, 3, generator=generator)
        cases[:, int(kind == kinds - 1)] += 5
        parts += [normal, cases]
        y += [0] * 60 + [1] * 12
        tasks += [kind] * 72
    return Table(torch.cat(parts), torch.tensor(y), torch.tensor(tasks), tuple("abcdef"[:kinds]), ("normal", "case"))


def test_a_kind_is_scored_by_the_others() -> None:
    found = table(3)
    backbone, scored = known_kinds(found)
    assert scored.x.shape == (216, 4) and backbone.features == 4
    torch.testing.assert_close(scored.x[:, :3], found.x)
    score, case = scored.x[:, 3], found.y == 1
    assert float(score[case & (found.tasks < 2)].min()) > 0.3  # each of the two knows the other
    assert float(score[case & (found.tasks == 2)].max()) < 0  # nothing that is known is high in the second column
    assert float(score[~case].mean()) < -1
    new = torch.tensor([[0.5, 5.5, 0.5], [5.5, 0.5, 0.5], [0.5, 0.5, 0.5]])
    assert (backbone(new)[:, 3] > 0).tolist() == [True, True, False]


def test_one_kind_has_no_others() -> None:
    _, scored = known_kinds(table(1))
    assert not scored.x[:, 3].any()
