"""The meta-learner LSTM on Omniglot, after Ravi & Larochelle, 2017, whose own tasks were of miniImageNet."""

from functools import partial
from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.optimization.meta_lstm import MetaLSTM
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.fast import NormPolicy
from quickstudy.nn.gated_descent import GatedDescent
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot, one_cycle
from quickstudy.recipes.space import Linear, Log

__all__ = ["meta_lstm_omniglot"]


@checked
def meta_lstm_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 5,
    filters: int = 16,
    inner_steps: Annotated[int, Linear(1, 10)] = 5,
    norm: NormPolicy = "support",
    batch: int = 8,
    steps: int = 1200,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 3e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """MetaLSTM on Omniglot (Vinyals' split, rotations as classes).

    Every weight of the network costs an LSTM step at each inner step, so the network is small: 16 filters in place of the
    paper's 32, and 5 inner steps instead of 12. The input gates begin near the step that serves MAML here (0.27 to 0.5; the
    paper's 0.01 learns far slower: after 50 outer steps still nothing).

    Args:
        ways: classes in a task.
        shots: support examples of each class.
        queries: query examples of each class.
        filters: of each convolution.
        inner_steps: in meta-training and at meta-test.
        norm: "support" (inductive) or "batch" (transductive).
        batch: tasks in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    network = Conv4(hidden=filters, outputs=ways, strided=True)
    learner = MetaLSTM(network, GatedDescent(input_bias=(-1.0, 0.0)), inner_steps=inner_steps, norm=norm)
    return by_adam(
        learner,
        few_shot(
            data,
            (ways, shots, queries),
            (ways, shots, queries),
            (ways, shots, queries),
            sampler=sampler,
            augment=augment,
            steps=steps,
        ),
        lr=lr,
        steps=steps,
        batch=batch,
        schedule=partial(one_cycle, rise=0.1),
        clip=1.0,
        validate_every=max(1, steps // 5),
    )
