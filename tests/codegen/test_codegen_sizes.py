"""A size may be called like an index: the oracle is the same network with numbers for its sizes."""

from __future__ import annotations

from string import ascii_letters
from typing import Any

import codegen_oracles as oracles
import numpy as np
import pytest

import symbackprop as sb
from symbackprop.codegen.sizes import Size, with_sizes
from symbackprop.errors import SpecError

WIDTHS, COUNT = (3, 4, 2), 5
DEEP = {"activation": "tanh", "output": "softmax", "loss": "cross_entropy"}


def same(net: sb.Network, numbers: sb.Network, params: dict[str, Any], *data: Any, **options: Any) -> None:
    value, grads = sb.compile(net, **options)(params, *data)
    expected, slopes = sb.compile(numbers, **options)(params, *data)
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    for name, g in slopes.items():
        np.testing.assert_allclose(grads[name], g, rtol=1e-12, atol=1e-15)


def given(numbers: sb.Network) -> tuple[dict[str, Any], Any, Any]:
    rng = np.random.default_rng(0)
    return oracles.parameters([*WIDTHS], rng), rng.normal(size=(COUNT, WIDTHS[0])), oracles.targets(numbers, COUNT, WIDTHS[-1], rng)


@pytest.mark.parametrize("letter", ascii_letters)
def test_every_letter_at_every_place(letter: str) -> None:
    numbers = sb.mlp(WIDTHS, samples="m_", **DEEP)  # type: ignore[arg-type]
    params, x, y = given(numbers)
    for place in range(len(WIDTHS)):
        sizes = [letter if n == place else width for n, width in enumerate(WIDTHS)]
        net = sb.mlp(sizes, samples="m_", **DEEP)  # type: ignore[arg-type]
        same(net, numbers, params, x, y)
    same(sb.mlp(WIDTHS, samples=letter, **DEEP), numbers, params, x, y)  # type: ignore[arg-type]


@pytest.mark.parametrize("loss", sb.rules.LOSSES)
@pytest.mark.parametrize("letters", ["ijks", "skim", "sjik"])
def test_every_loss(loss: str, letters: str) -> None:
    described = {"activation": "softplus", "output": oracles.OUTPUT.get(loss, "identity"), "loss": loss}
    numbers = sb.mlp(WIDTHS, samples="m_", **described)  # type: ignore[arg-type]
    params, x, y = given(numbers)
    net = sb.mlp([*letters[:3]], samples=letters[3], **described)  # type: ignore[arg-type]
    f, g = sb.compile(net), sb.compile(numbers)
    scalars = {n: oracles.NUMBERS[n] for n in f.program.scalars}
    value, grads = f(params, x, y, **scalars)
    expected, slopes = g(params, x, y, **scalars)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    for name, slope in slopes.items():
        np.testing.assert_allclose(grads[name], slope, rtol=1e-12, atol=1e-15)


def test_the_hessian_times_a_vector() -> None:
    numbers = sb.mlp(WIDTHS, samples="m_", **DEEP)  # type: ignore[arg-type]
    params, x, y = given(numbers)
    rng = np.random.default_rng(1)
    v = [rng.normal(size=p.shape) for p in params.values()]
    same(sb.directional(sb.mlp(["k", "i", "j"], samples="s", **DEEP)), sb.directional(numbers), params, *v, x, y)  # type: ignore[arg-type]


def test_equations_in_which_a_letter_is_both() -> None:
    """k counts the entries of x, and k is how many there are of w; by hand the gradient is that of n/2 |w|^2 + |x|^2 w_1."""
    net = sb.Network.from_equations(
        ["h[j] = sum(k, x[k]**2)*w[j]/k", "C = k*k*sum(k, h[k]) + k/2*sum(j, w[j]**2)"], tensors={"x": ("n",), "w": ("k",)}, parameters=["w"]
    )
    w, x = np.array([1.0, 2.0, 4.0]), np.array([1.0, -1.0])
    value, grads = sb.compile(net)({"w": w}, x)
    assert np.isclose(value, 3 * 2 * w.sum() + 1.5 * (w @ w))
    np.testing.assert_allclose(grads["w"], 3 * 2 + 3 * w)


@pytest.mark.parametrize("text", ["z[k] = k*x[k]", "z[k] = sum(j, k*w[k, j])", "z[k] = x[k]*sum(j, j*w[k, j])"])
def test_a_letter_that_may_be_either_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"in z\[k\] = .*'[kj]' is the name of a size and of an index; call one of them otherwise"):
        sb.Network.from_equations([text, "C = sum(i, z[i])"], tensors={"x": ("k",), "w": ("k", "j"), "z": ("k",)}, parameters=["x", "w"])


def test_sizes_are_told_apart_once() -> None:
    net = with_sizes(sb.mlp(["k", 2], samples="m"))
    assert with_sizes(net) == net
    assert isinstance(net.samples, Size)
    assert str(net.equations[0]) == str(sb.mlp(["k", 2], samples="m").equations[0])
    assert with_sizes(sb.mlp([3, 2])) == sb.mlp([3, 2])
