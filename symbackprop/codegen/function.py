"""A network's loss and gradients as a function: the emitted module, loaded, behind a door that checks what comes in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from sympy import Integer

from symbackprop.codegen.backends import BACKENDS, Run
from symbackprop.codegen.bound import Step
from symbackprop.codegen.complex_step import complex_loss
from symbackprop.codegen.differences import METHODS, Differences, compare_with_differences
from symbackprop.codegen.fast.calling import FastForm
from symbackprop.codegen.fast.simplify import reduced
from symbackprop.codegen.given import array_of, checked, named
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.numpy_source import numpy_source
from symbackprop.codegen.program import Program, array_program
from symbackprop.errors import InputError, one_of
from symbackprop.languages import ENGLISH, load_language
from symbackprop.network import Network
from symbackprop.notation import Notation

__all__ = ["BACKENDS", "DTYPES", "GradientFunction", "compile", "emit"]

DTYPES = ("float64", "float32")


@dataclass(frozen=True, eq=False)
class GradientFunction:
    """`loss, grads = f(params, X, Y)`: grads has the keys and the shapes of params; nothing that is given is ever written to.

    `source` is the module behind it; numbers that the formulas leave open (alpha, kappa, lambda_) are given by name. The gradients
    are new arrays; `out=` takes a dict of arrays to write them to, and `reuse=True` writes them over those of the last such call of
    the same thread, which saves the time that memory takes. What is given must lie elsewhere. Numbers that are not finite are found
    by what comes of them: where they are refused, the arrays written to hold nothing of use.

    >>> from symbackprop.builders import mlp
    >>> f = compile(mlp([3, 2], activation="tanh", samples="m"))
    >>> f.params
    {'W1': (3, 2), 'b1': (2,)}
    >>> loss, grads = f({"W1": np.ones((3, 2)), "b1": np.zeros(2)}, np.zeros((5, 3)), np.ones((5, 2)))
    >>> float(loss), grads["W1"].shape
    (1.0, (3, 2))
    """

    program: Program
    source: str
    backend: str
    dtype: str
    run: Run = field(repr=False)

    def __call__(
        self, params: Mapping[str, Any], /, *data: Any, out: Mapping[str, Any] | None = None, reuse: bool = False, **scalars: Any
    ) -> tuple[Any, dict[str, Any]]:
        if out is None and reuse is False:
            return self.run(params, *data, **scalars)
        if not isinstance(reuse, bool):
            raise InputError(f"reuse is True or False, not {reuse!r}")
        if out is not None and reuse:
            raise InputError("gradients go to the arrays of out, or with reuse=True to those of the last call, not both")
        if not self._owns:
            raise InputError(f"the {self.backend} backend makes new arrays in every call; out= and reuse= belong to {_owners()}")
        return self.run(params, *data, out=out, reuse=reuse, **scalars)

    def bind(self, params: Mapping[str, Any], /, *data: Any, **scalars: Any) -> Step:
        """`step()`, a function of no arguments that answers `loss, grads` for these very arrays as they then are.

        For loops in which parameters change in place: names, shapes and dtypes are looked at once, and gradients are written to the
        same arrays by every step. Each binding has arrays of its own; one thread at a time may step.

        Raises `InputError` for what a call would refuse, and for what it would convert, as a list.

        >>> from symbackprop.builders import mlp
        >>> params = {"W1": np.zeros((1, 1)), "b1": np.ones(1)}
        >>> step = compile(mlp([1, 1], activation="identity", samples="m")).bind(params, np.zeros((2, 1)), np.zeros((2, 1)))
        >>> for _ in range(3):
        ...     loss, grads = step()
        ...     params["b1"] -= 0.5 * grads["b1"]
        >>> params["b1"]
        array([0.125])
        """
        bind = getattr(self.run, "bind", None)
        if bind is None:
            why = "every call makes new arrays, and writes to none that are there"
            raise InputError(f"the {self.backend} backend cannot bind: {why}; compile for {_owners()}")
        return bind(params, *data, **scalars)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        taken = ", ".join(["params", *(g.name for g in (*self.program.inputs, *self.program.targets)), *(f"{s}=..." for s in self.program.scalars)])
        return f"<{self.program.title} of '{self.program.net.name}': f({taken}); {self.backend}, {self.dtype}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.program, self.source, self.backend, self.dtype)

    @cached_property
    def _owns(self) -> bool:
        return BACKENDS[self.backend].owns

    @property
    def params(self) -> dict[str, tuple[Any, ...]]:
        """The shape of each parameter as it is stored; a size that is free is a symbol."""
        return {g.name: tuple(int(n) if isinstance(n, Integer) else n for n in g.shape) for g in self.program.params}

    def flatten(self, params: Mapping[str, Any]) -> Any:
        """All parameters in one vector, in the order of `params`, as scipy.optimize wants them.

        >>> from symbackprop.builders import mlp
        >>> compile(mlp([1, 1])).flatten({"W1": np.array([[2.0]]), "b1": np.array([3.0])})
        array([2., 3.])
        """
        shapes = self._fixed()
        named(params, list(shapes))
        found = {name: array_of(name, params[name]) for name in shapes}
        for name, array in found.items():
            if array.shape != shapes[name] or array.dtype.kind not in "fiu":
                raise InputError(f"{name} has shape {array.shape} and dtype {array.dtype}; expected {shapes[name]} and real numbers")
        return np.concatenate([np.ravel(array) for array in found.values()])

    def unflatten(self, theta: Any) -> dict[str, Any]:
        """The parameters that a vector made by `flatten` stands for, in the dtype of the function."""
        shapes = self._fixed()
        sizes = [int(np.prod(s, dtype=int)) for s in shapes.values()]
        vector = array_of("theta", theta)
        if vector.shape != (sum(sizes),) or vector.dtype.kind != "f":
            raise InputError(f"theta is a vector of {sum(sizes)} real numbers, not an array of shape {vector.shape} and dtype {vector.dtype}")
        parts = np.split(vector.astype(self.dtype), np.cumsum(sizes)[:-1])
        return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}

    def flat(self, theta: Any, /, *data: Any, **scalars: Any) -> tuple[float, Any]:
        """`loss, gradient` for one vector of all parameters: `scipy.optimize.minimize(f.flat, theta, args=(X, Y), jac=True)`."""
        if not self.program.whole:
            raise InputError(f"a flat vector holds the gradient of a loss by every parameter; this function computes {self.program.title}")
        loss, grads = self(self.unflatten(theta), *data, **scalars)
        return float(loss), self.flatten(grads).astype("float64")

    def check(self, params: Mapping[str, Any], /, *data: Any, method: str = "differences", **scalars: Any) -> Differences:
        """The gradients against central differences of the loss, or with `method="complex"` against complex steps.

        For each parameter the largest relative error and where it is. A complex step loses no digits, but needs a loss that is
        analytic: `InputError` names what is not, as abs and max.
        """
        one_of("method", method, METHODS)
        if not self.program.whole:
            raise InputError(f"differences are taken of a loss by every parameter; this function computes {self.program.title}")
        given = checked(self.program, self.dtype, params, data, scalars)
        fine = tuple(x.astype("float64") if x.dtype.kind == "f" else x for x in given.data)
        names = [g.name for g in (*self.program.inputs, *self.program.targets)]
        grads = self(params, *data, **scalars)[1]
        if method == "complex":
            at = complex_loss(reduced(self.program))
            known = {**dict(zip(names, fine, strict=True)), **given.scalars}
            return compare_with_differences(lambda values: at({**known, **values}), given.params, grads, self.dtype, method)
        readable = loaded(numpy_source(self.program))["loss_and_gradients"]  # it computes in the dtype of what it is given
        return compare_with_differences(lambda values: readable(values, *fine, **given.scalars)[0], given.params, grads, self.dtype)

    @property
    def fast_source(self) -> str:
        """The module that does the work: for numpy the same statements as instructions on arrays that are allocated once, for numba as steps."""
        return str(getattr(self.run, "source", self.source))

    def form(self, **sizes: int) -> str:
        """How a call with arrays of these sizes is computed: as "arrays", or entry by entry as "scalars".

        >>> from symbackprop.builders import mlp
        >>> f = compile(mlp([2, 2, 1], samples="m"))
        >>> f.form(m=1), f.form(m=100)
        ('scalars', 'arrays')
        """
        names = self.program.size_names
        for name in sizes:
            one_of("size", name, names.values())
        for name, size in sizes.items():
            if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
                raise InputError(f"{name} is a whole number from 1, not {size!r}")
        missing = [name for name in names.values() if name not in sizes]
        if missing:
            raise InputError(f"say how large {', '.join(missing)} is: form({', '.join(f'{n}=...' for n in missing)})")
        small = isinstance(self.run, FastForm) and self.run.spaces.small({n: sizes[name] for n, name in names.items()})
        return "scalars" if small else "arrays"

    def _fixed(self) -> dict[str, tuple[int, ...]]:
        for name, shape in self.params.items():
            if not all(isinstance(n, int) for n in shape):
                raise InputError(f"{name} has shape {shape}: a flat vector needs sizes that are numbers")
        return self.params


def _rebuilt(program: Program, source: str, backend: str, dtype: str) -> GradientFunction:
    return GradientFunction(program, source, backend, dtype, BACKENDS[backend].run(program, source, dtype))


def _owners() -> str:
    return ", ".join(name for name, backend in BACKENDS.items() if backend.owns)


def emit(
    net: Network, backend: str = "numpy", notation: str | Notation | None = None, *,
    layout: str | None = None, of: str | None = None, wrt: Sequence[str] | None = None, language: str = "en",
) -> str:  # fmt: skip
    """The source of a module that computes the loss of `net` and all its gradients, or what `of` and `wrt` name, as `compile` does.

    Docstrings and comments are in `language`, the code of one that `symbackprop list languages` lists.

    >>> from symbackprop.builders import mlp
    >>> "def loss_and_gradients(params, X, Y):" in emit(mlp([2, 1], samples="m"))
    True
    """
    one_of("backend", backend, BACKENDS)
    spoken = load_language(language)
    return BACKENDS[backend].source(array_program(net, notation, layout=layout, of=of, wrt=wrt), spoken)


def compile(
    net: Network, backend: str = "numpy", dtype: Any = "float64", notation: str | Notation | None = None, *,
    layout: str | None = None, of: str | None = None, wrt: Sequence[str] | None = None,
) -> GradientFunction:  # fmt: skip
    """The loss of `net` and its gradient by every parameter, as a function of arrays; or any other derivative.

    `notation` gives the letters and the layout; by default samples are rows, and equations that were typed keep their axes and
    letters. `layout` stores arrays otherwise: rows (samples by units, X W + b), columns (units by samples, W A + b) or single (no
    axis of samples). `of` names what is differentiated, a quantity `A2` or one entry `A2[0, 3]` of its array, counted from 0; `wrt`
    names by what, `["W1", "X"]`: the derivative of A2 by W1 has the axes of A2, then those of W1. The Hessian times a vector is the
    gradient of `directional(net)`. `dtype` is float64 or float32, by its name or as a library has it (np.float32).

    Raises `UnknownName` for a backend, dtype, notation, layout or quantity that does not exist, `SpecError` for a network without
    concrete layers, `InputError` for an expression that has no array form.

    >>> from symbackprop.builders import mlp
    >>> print(compile(mlp([2, 2], samples="m")).source.splitlines()[-2])
        db1 = np.sum(Delta1, axis=0)  # BP3-1 (2,)
    >>> softmax = compile(mlp([3, 3], activation="softmax"), of="a1", wrt=["z1"])
    >>> p, jacobian = softmax({"W1": np.zeros((3, 3)), "b1": np.zeros(3)}, np.zeros(3))
    >>> jacobian["z1"].round(2)
    array([[ 0.22, -0.11, -0.11],
           [-0.11,  0.22, -0.11],
           [-0.11, -0.11,  0.22]])
    """
    one_of("backend", backend, BACKENDS)
    precision = one_of("dtype", _dtype_name(dtype), DTYPES)
    program = array_program(net, notation, layout=layout, of=of, wrt=wrt)
    source = BACKENDS[backend].source(program, ENGLISH)
    return _rebuilt(program, source, backend, precision)


def _dtype_name(dtype: Any) -> str:
    """The name of a dtype as every library has it: np.float32, np.dtype("float32"), torch.float32 and jnp.float32 are float32.

    >>> _dtype_name(np.float32), _dtype_name(np.dtype("float64"))
    ('float32', 'float64')
    """
    return str(getattr(dtype, "__name__", dtype)).rpartition(".")[2]
