"""A perceptron's share of inputs that are left out is one."""

import pytest

from quickstudy.errors import LearnerError
from quickstudy.nn import MLP


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 1.5])
def test_a_share_that_is_none_is_refused(dropout: float) -> None:
    with pytest.raises(LearnerError, match="must be a share in"):
        MLP(4, (8,), dropout=dropout)
