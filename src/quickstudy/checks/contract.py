"""The contract battery: the rules that every learner keeps, except for those that its facts excuse."""

from typing import Any

from quickstudy.checks.exporting import exports_its_adaptation, exports_its_predictor
from quickstudy.checks.gradient import REMEDY, metagradient_is_right
from quickstudy.checks.invariance import (
    adapting_is_pure,
    labels_permute,
    order_is_free,
    padding_is_ignored,
    queries_stand_alone,
)
from quickstudy.checks.learning import learns, update_is_adapt_on_the_union
from quickstudy.checks.mapping import state_is_a_tree, vmap_equals_loop
from quickstudy.checks.record import Checks, Promise, ask
from quickstudy.checks.scene import Expected, Scene, Training
from quickstudy.checks.upkeep import keeps_dtype_and_device, repr_names_it, saves_and_loads
from quickstudy.checks.value import predictors_do_not_drift, threads_do_not_mix
from quickstudy.execution.agreement import agree
from quickstudy.learner import Learner
from quickstudy.tasks.source import TaskSource

__all__ = ["BATTERY", "check_learner"]

BATTERY = (
    Promise(
        1,
        vmap_equals_loop,
        "Write adapt and predict in tensor operations without .item() and branches on values, pass "
        "networks through quickstudy.nn.norm.convert, or declare Facts(batchable=False).",
    ),
    Promise(2, state_is_a_tree, "Return a NamedTuple, a dictionary or a registered dataclass of tensors from adapt."),
    Promise(
        7,
        adapting_is_pure,
        "Change nothing in place in encode, adapt and predict (a stock batch norm inside adapt does: pass "
        "the network through quickstudy.nn.norm.convert); declare random draws: Facts(stochastic=True).",
    ),
    Promise(
        5,
        queries_stand_alone,
        "Keep statistics of the query batch out of encode and predict (batch norm without running "
        "averages is one), or declare Facts(transductive=True).",
    ),
    Promise(3, padding_is_ignored, "Weigh rows by support.mask wherever rows are summed, averaged or chosen."),
    Promise(4, order_is_free, "Pool over the support set, or declare Facts(ordered=True)."),
    Promise(6, labels_permute, "Let columns of y be treated alike, or declare Facts(label_order=True)."),
    Promise(8, metagradient_is_right, REMEDY),
    Promise(9, saves_and_loads, "Register what matters as parameters and buffers; keep tensors and plain values in states."),
    Promise(10, keeps_dtype_and_device, "Make new tensors from given ones (x.new_zeros, torch.zeros_like)."),
    Promise(
        14,
        threads_do_not_mix,
        "Keep what a call computes out of class attributes, module globals and shared objects: modules of the learner are "
        "copied for each thread, nothing else is.",
    ),
    Promise(
        15,
        predictors_do_not_drift,
        "Keep what is meta-learned in parameters, buffers and attributes of the learner, so that a predictor can copy it.",
    ),
    Promise(11, learns, "Choose a source that suits the learner, or more steps: trained=Training(steps=...)."),
    Promise(12, update_is_adapt_on_the_union, "Keep counts in the state, so that an update weighs old and new rows alike."),
    Promise(13, repr_names_it, "Extend Learner.extra_repr instead of replacing it, and keep the module's own repr."),
    Promise(
        16,
        exports_its_predictor,
        "Read sizes by x.shape[0] instead of len(x) or int(...), branch on no number in encode and predict, or declare why it "
        'cannot be: Facts(unexportable="...").',
    ),
    Promise(
        17,
        exports_its_adaptation,
        "Read sizes by x.shape[0], branch on no number in encode and adapt, or declare why it cannot be: "
        "Facts(unexportable_adaptation=INNER_GRADIENTS) of a learner that takes gradients inside, or a reason of your own.",
    ),
)
"""In the order in which they are checked: a promise comes after those that it rests on."""


def check_learner(
    learner: Learner[Any],
    source: TaskSource[Any],
    *,
    trained: Training = Training(),  # noqa: B008  a frozen record
    expected_gradient: Expected | None = None,
    tolerance: float = 1e-6,
    seed: int = 0,
    export: bool = True,
) -> Checks:
    """Checks that ``learner`` keeps the contract on which training, evaluating, saving and serving rely.

    Call it in the tests of a learner of your own. Copies are used, in double precision where numbers are compared; the
    learner stays as it is. A point is excused only by what the class declares in its `Facts`, or where there is nothing to check.

    Args:
        learner: any learner.
        source: tasks that suit it: of its input shape, with two or more support examples, learnable in a short training.
        trained: the short meta-training of point 11.
        expected_gradient: the stated formula of a surrogate gradient, see `check_metagradient`.
        tolerance: largest deviation, relative to 1 + the number; an iterative solver inside may need a larger one.
        seed: of tasks and random numbers.
        export: whether points 16 and 17 (export) are checked, which takes one to several seconds.

    Returns:
        The points with what was measured; prints as a table.

    Raises:
        LearnerError: no learner, or one of other targets than the source's: classes, values or labels.
        ContractError: the first promise that is broken, with what was measured and the likely remedy.

    >>> import torch
    >>> from quickstudy.datasets.arrays import from_arrays
    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> from quickstudy.tasks.few_shot import FewShot
    >>> labels = torch.arange(400) % 20
    >>> signal = torch.nn.functional.one_hot(labels, 20) + 0.1 * torch.randn(400, 20)
    >>> x = torch.cat([signal, 2 * torch.randn(400, 20)], 1)
    >>> checks = check_learner(ProtoNet(torch.nn.Linear(40, 16)), FewShot(from_arrays(x, labels), 3, 2, 5))
    >>> checks.held, checks.excused
    ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17), {})
    """
    agree(learner, source)
    scene = Scene(learner, source, trained, tolerance, expected_gradient, seed, export)
    return ask(type(learner).__name__, BATTERY, scene)
