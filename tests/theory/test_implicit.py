"""The derivative of a minimum equals finite differences and long unrolling, by loop and by vmap; solvers meet their theory."""

import gc
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from quickstudy.execution.batching import over_tasks
from quickstudy.functional.implicit import ConjugateGradients, Neumann, Solver, implicit
from quickstudy.functional.unroll import SGD, Weights, descend

D = 5
EXACT = ConjugateGradients(D + 2)


@pytest.fixture(autouse=True)
def double(seeded: None) -> None:
    torch.set_default_dtype(torch.float64)


def definite(size: int = D, low: float = 0.2) -> Tensor:
    root = torch.randn(size, size)
    return root @ root.mT / size + low * torch.eye(size)


def product(a: Tensor) -> Callable[[Weights], Weights]:
    def apply(v: Weights) -> Weights:
        return named(a @ flat(v))

    return apply


def named(b: Tensor) -> Weights:
    return {"a": b[: D - 2], "b": b[D - 2 :].reshape(1, 2)}


def flat(v: Weights) -> Tensor:
    return torch.cat([part.flatten() for part in v.values()])


def test_conjugate_gradients_solve_in_as_many_steps_as_there_are_unknowns() -> None:
    a, b = definite(), torch.randn(D)
    expected = torch.linalg.solve(a, b)
    errors = [float((flat(ConjugateGradients(k)(product(a), named(b))) - expected).norm()) for k in range(D + 4)]
    assert errors[D] < 1e-9 * errors[0] and max(errors[D:]) < 1e-9 and min(errors[:4]) > 1e-6
    damped = flat(ConjugateGradients(D, damping=0.5)(product(a), named(b)))
    torch.testing.assert_close(damped, torch.linalg.solve(a + 0.5 * torch.eye(D), b), rtol=1e-7, atol=1e-9)
    scaled = flat(ConjugateGradients(3)(product(7 * a), named(7 * b)))
    torch.testing.assert_close(scaled, flat(ConjugateGradients(3)(product(a), named(b))))


def test_conjugate_gradients_minimise_over_the_krylov_space() -> None:
    """After k steps the error is the smallest in A's norm that a polynomial of degree k in A can leave."""
    a, b = definite(), torch.randn(D)
    for k in range(1, D):
        space = torch.stack([torch.linalg.matrix_power(a, j) @ b for j in range(k)], 1)
        best = space @ torch.linalg.solve(space.mT @ a @ space, space.mT @ b)
        torch.testing.assert_close(flat(ConjugateGradients(k)(product(a), named(b))), best, rtol=1e-7, atol=1e-9)


def test_nothing_to_solve_is_solved_without_dividing_by_zero() -> None:
    zero = {"a": torch.zeros(3)}
    for solver in (ConjugateGradients(4), Neumann(4)):
        assert solver(lambda v: v, zero)["a"].equal(zero["a"])
    identity = ConjugateGradients(6)(lambda v: v, {"a": torch.ones(3)})["a"]
    torch.testing.assert_close(identity, torch.ones(3))


def test_the_neumann_series_and_its_rate() -> None:
    """The error after k terms is ``(I − ηA)^k A⁻¹ b``."""
    a, b = definite(), torch.randn(D)
    eta = 1 / float(torch.linalg.eigvalsh(a).max())
    exact = torch.linalg.solve(a, b)
    for k in (1, 2, 5, 40):
        found = flat(Neumann(k, eta)(product(a), named(b)))
        torch.testing.assert_close(exact - found, torch.linalg.matrix_power(torch.eye(D) - eta * a, k) @ exact)
    torch.testing.assert_close(flat(Neumann(2000, eta)(product(a), named(b))), exact)


class Inner:
    """A smooth, strongly convex problem without closed form whose Hessian depends on the minimum and on the parameters."""

    def __init__(self) -> None:
        self.parameters = {"start": torch.randn(D), "x": torch.randn(7, D), "y": torch.randn(7), "rows": torch.arange(7).flip(0)}

    def loss(self, found: Weights, parameters: dict[str, Tensor]) -> Tensor:
        point = torch.cat([found["a"], found["b"].flatten()])
        x = parameters["x"][parameters["rows"]]
        fit = torch.nn.functional.softplus(x @ point - parameters["y"]).mean() + (point**4).sum() / 20
        return fit + ((point - parameters["start"]) ** 2).sum() / 2

    def minimum(self, parameters: dict[str, Tensor], steps: int, first_order: bool = True) -> Weights:
        begin = named(parameters["start"])
        return descend(lambda found: self.loss(found, parameters), begin, rule=SGD(0.3), steps=steps, first_order=first_order)

    def implicit(self, parameters: dict[str, Tensor], solver: Solver = EXACT, steps: int = 300) -> Weights:
        with torch.no_grad():
            found = self.minimum(parameters, steps)
        return implicit(self.loss, found, parameters, solver=solver)


def outer(found: Weights) -> Tensor:
    return (flat(found).sin() * torch.arange(1.0, D + 1)).sum()


def wanted(inner: Inner) -> list[Tensor]:
    return [p.requires_grad_() for p in inner.parameters.values() if p.is_floating_point()]


def test_the_derivative_equals_finite_differences() -> None:
    inner = Inner()
    rows = inner.parameters["rows"]

    def f(*given: Tensor) -> Tensor:
        start, x, y = given
        return outer(inner.implicit({"start": start, "x": x, "y": y, "rows": rows}))

    assert torch.autograd.gradcheck(f, wanted(inner), rtol=1e-4, atol=1e-6)


def test_the_derivative_equals_long_unrolling() -> None:
    inner = Inner()
    leaves = wanted(inner)
    short = torch.autograd.grad(outer(inner.implicit(inner.parameters)), leaves)
    unrolled = torch.autograd.grad(outer(inner.minimum(inner.parameters, 120, first_order=False)), leaves)
    for mine, theirs in zip(short, unrolled, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("solver", [EXACT, ConjugateGradients(2), Neumann(3, 0.5)], ids=["exact", "two steps", "series"])
def test_mapped_equals_looped(solver: Solver) -> None:
    """With a shared start, as meta-training has it, and data of each task's own."""
    inner = Inner()
    shared = inner.parameters["start"].requires_grad_()
    data = {"x": torch.randn(3, 7, D, requires_grad=True), "y": torch.randn(3, 7, requires_grad=True)}
    rows = torch.stack([torch.randperm(7) for _ in range(3)])

    def task(data: dict[str, Tensor]) -> Tensor:
        return outer(inner.implicit({"start": shared} | data, solver, steps=20))

    found = []
    for way in ("loop", "vmap"):
        losses = over_tasks(task, data | {"rows": rows}, "vmap" if way == "vmap" else "loop")
        found.append([losses.detach(), *torch.autograd.grad((losses * torch.arange(1.0, 4)).sum(), [shared, *data.values()])])
    for looped, mapped in zip(*found, strict=True):
        torch.testing.assert_close(mapped, looped)
        assert looped.abs().max() > 0


def saved(run: Callable[[], Any]) -> int:
    """Bytes that the graph of a result of ``run`` holds for its backward pass, those of the steps on the way left out."""
    packed: list[weakref.ref[Tensor]] = []

    def pack(tensor: Tensor) -> Tensor:
        packed.append(weakref.ref(tensor))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = run()
    gc.collect()
    alive = {tensor.data_ptr(): tensor.nbytes for tensor in (reference() for reference in packed) if tensor is not None}
    assert result is not None
    return sum(alive.values())


def test_no_step_is_remembered() -> None:
    inner = Inner()
    wanted(inner)
    counts = [saved(partial(inner.implicit, inner.parameters, steps=steps)) for steps in (1, 10, 100)]
    assert counts[0] == counts[1] == counts[2] > 0
    unrolled = [saved(partial(inner.minimum, inner.parameters, steps, first_order=False)) for steps in (1, 10, 100)]
    assert unrolled[2] > 5 * unrolled[1] > 5 * counts[0]


def test_constants_are_left_alone() -> None:
    found = implicit(lambda v, n: (v["a"] ** n).sum(), {"a": torch.zeros(2)}, torch.tensor(2), solver=EXACT)
    assert found["a"].equal(torch.zeros(2)) and not found["a"].requires_grad
