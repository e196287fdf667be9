"""The doors of torch and jax: numbers that are not finite are found by what comes of them, also where an activation hides them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.codegen.backends import BACKENDS
from symbackprop.errors import InputError


@pytest.fixture(params=["torch", "jax"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    library = pytest.importorskip(BACKENDS[request.param].needs)
    with library.enable_x64(True) if request.param == "jax" else nullcontext():
        yield request.param


def own(backend: str, x: Any) -> Any:
    """An array of the library."""
    if backend == "torch":
        import torch

        return torch.tensor(x)
    import jax.numpy as jnp

    return jnp.asarray(x)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "leaky_relu"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_dead_units_hide_is_refused(backend: str, activation: str, value: float) -> None:
    """Biases of -5 switch most units off, so that neither loss nor gradients show an infinity in a weight behind them."""
    f = sb.compile(sb.mlp([3, 4, 3, 2], activation=activation, output="softmax", loss="cross_entropy", samples="m"), backend)
    rng = np.random.default_rng(1)
    params = {name: rng.normal(size=shape) - 5 * name.startswith("b") for name, shape in f.params.items()}
    given = {**params, "X": rng.normal(size=(5, 3)), "Y": np.eye(2)[[0, 1, 0, 1, 1]]}
    numbers = dict.fromkeys(f.program.scalars, 0.5)

    def call(arrays: dict[str, Any]) -> Any:
        mine = {name: own(backend, x) for name, x in arrays.items()}
        return f({name: mine[name] for name in params}, mine["X"], mine["Y"], **numbers)

    call(given)
    for name, x in given.items():
        for place in np.ndindex(x.shape):
            wrong = x.copy()
            wrong[place] = value
            with pytest.raises(InputError, match=rf"{name} is not finite in 1 of \d+ entries"):
                call({**given, name: wrong})


def test_numbers_whose_squares_overflow_are_taken(backend: str) -> None:
    """The oracle is the sum by hand: C = sum of w times x, whose gradient is x."""
    f = sb.compile(sb.Network.from_equations(["C = sum(j, w[j]*x[j])"], tensors={"w": (3,), "x": (3,)}, parameters=["w"]), backend)
    x = np.array([1e200, 0.0, 0.0])
    loss, grads = f({"w": own(backend, np.array([1.0, 1.0, 2.0]))}, own(backend, x))
    assert float(loss) == 1e200
    np.testing.assert_array_equal(np.asarray(grads["w"]), x)


def test_torch_writes_a_slope_as_one_operation_and_keeps_what_the_notes_call_it() -> None:
    """The oracle is NumPy's module, of the same statements one operation at a time."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    for activation, said in (("sigmoid", "sigmoid_backward(Delta2 @ W2.T, A1)"), ("tanh", "tanh_backward("), ("relu", "relu_backward(")):
        net = sb.mlp([3, 4, 2], activation=activation, output="softmax", loss="cross_entropy", samples="m")
        f, plain = sb.compile(net, "torch"), sb.compile(net)
        assert f"Delta1 = {said}" in f.source
        assert "Z1 = torch.addmm(b1, X, W1)" in f.source
        params = {name: rng.normal(size=shape) for name, shape in f.params.items()}
        data = rng.normal(size=(5, 3)), np.eye(2)[[0, 1, 1, 0, 1]]
        loss, grads = f({k: torch.tensor(x) for k, x in params.items()}, *map(torch.tensor, data))
        wanted, gradients = plain(params, *data)
        assert np.isclose(float(loss), wanted, rtol=1e-13)
        for name, g in gradients.items():
            np.testing.assert_allclose(grads[name].numpy(), g, rtol=1e-11, atol=1e-15)


@pytest.mark.filterwarnings("ignore")  # torch's own, about what it imports
def test_torch_calls_within_a_compiled_step_maps_them_and_names_sparse_tensors() -> None:
    torch = pytest.importorskip("torch")
    f = sb.compile(sb.mlp([3, 2], activation="tanh", samples="m"), "torch")
    params = {"W1": torch.ones(3, 2, dtype=torch.float64, requires_grad=True), "b1": torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))}
    x, y = torch.rand(4, 5, 3, dtype=torch.float64), torch.rand(4, 5, 2, dtype=torch.float64)
    whole = torch.compile(lambda x, y: f(params, x + 0, y), backend="aot_eager")(x[0], y[0])
    loss, grads = f(params, x[0], y[0])
    assert torch.allclose(whole[0], loss)
    assert not whole[1]["W1"].requires_grad
    mapped = torch.func.vmap(lambda x, y: f({k: p.detach() for k, p in params.items()}, x, y))(x, y)
    assert torch.allclose(mapped[1]["W1"][0], grads["W1"])
    with pytest.raises(InputError, match=r"X is stored as sparse_coo; .* X.to_dense\(\)"):
        f(params, x[0].to_sparse(), y[0])
