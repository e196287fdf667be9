"""Tiny networks as explicit scalars: SymPy's lambdify of the expanded loss, and the C code that CasADi writes."""

from __future__ import annotations

import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.cases import Case, Data
from benchmarks.speed.record import Call, Candidate, Result, tiny

_FLAGS = ("-O3", "-march=native", "-fPIC", "-shared")


def lambdified(case: Case, data: Data) -> Call:
    """`sympy.diff` of the expanded loss by every parameter, all in one `lambdify(modules="math", cse=True)` on plain floats."""
    import sympy

    f = {"sigmoid": _logistic(sympy.exp), "relu": lambda z: sympy.Max(z, 0), "tanh": sympy.tanh}[case.activation]
    x, y = sympy.symbols(f"x:{case.widths[0]}"), sympy.symbols(f"y:{case.widths[-1]}")
    a, symbols = list(x), []
    for layer, (n, width) in enumerate(pairwise(case.widths), 1):
        w = [sympy.symbols(f"w{layer}_{i}_:{width}") for i in range(n)]
        b = sympy.symbols(f"b{layer}_:{width}")
        symbols += [s for row in w for s in row] + list(b)
        z = [sum(a[i] * w[i][j] for i in range(n)) + b[j] for j in range(width)]
        a = [f(value) for value in z] if layer < len(case.layers) else [_logistic(sympy.exp)(value) for value in z]
    loss = sum((p - t) ** 2 for p, t in zip(a, y, strict=True)) / 2
    function = sympy.lambdify([*x, *y, *symbols], [loss, *(sympy.diff(loss, s) for s in symbols)], modules="math", cse=True)
    params, X, Y = data.params, data.X, data.Y
    shapes = [(name, p.shape, p.size) for name, p in params.items()]

    def run() -> Result:
        values = [*X[0].tolist(), *Y[0].tolist()]
        for p in params.values():
            values += p.ravel().tolist()
        answer = function(*values)
        grads, at = {}, 1
        for name, shape, size in shapes:
            grads[name] = np.array(answer[at : at + size]).reshape(shape)
            at += size
        return answer[0], grads

    return Call(run)


def casadi(case: Case, data: Data, anew: bool) -> Call:
    """The C code that it writes, compiled by the machine's own compiler.

    A call reads and writes where it was told: once before (`anew` false, as `bind` of ours does), or told anew where the parameters and
    the data of each call lie. Its matrices are stored by columns: each is the transpose of NumPy's.
    """
    import casadi as ca

    f = {"sigmoid": _logistic(ca.exp), "relu": lambda z: ca.fmax(z, 0), "tanh": ca.tanh}[case.activation]
    x, y = ca.SX.sym("x", case.widths[0]), ca.SX.sym("y", case.widths[-1])
    a, symbols = x, []
    for layer, (n, width) in enumerate(pairwise(case.widths), 1):
        w, b = ca.SX.sym(f"w{layer}", width, n), ca.SX.sym(f"b{layer}", width)
        symbols += [w, b]
        z = w @ a + b
        a = f(z) if layer < len(case.layers) else _logistic(ca.exp)(z)
    loss = ca.sumsqr(a - y) / 2
    formulas = ca.Function("gradients", [x, y, *symbols], [loss, *(ca.gradient(loss, s) for s in symbols)])
    folder = tempfile.TemporaryDirectory()  # lives as long as the call does
    path = Path(folder.name)
    writer = ca.CodeGenerator("gradients.c")
    writer.add(formulas)
    (path / "gradients.c").write_text(writer.dump(), encoding="utf-8")
    subprocess.run(["cc", *_FLAGS, "-o", "gradients.so", "gradients.c"], cwd=path, check=True, capture_output=True)
    function = ca.external("gradients", str(path / "gradients.so"))
    buffer, trigger = function.buffer()
    value, grads = np.zeros(()), {name: np.zeros_like(p) for name, p in data.params.items()}
    for i, array in enumerate((value, *grads.values())):
        buffer.set_res(i, memoryview(array))

    def give(params: dict[str, Any], X: Any, Y: Any) -> None:
        for i, array in enumerate((X, Y, *params.values())):
            buffer.set_arg(i, memoryview(array))

    def told() -> Any:
        give(data.params, data.X, data.Y)
        trigger()
        return value[()], grads

    def fixed(kept: Any = (buffer, folder)) -> Any:
        trigger()
        return value[()], grads

    give(data.params, data.X, data.Y)
    return Call(told if anew else fixed)


def _logistic(exp: Any) -> Any:
    return lambda z: 1 / (1 + exp(-z))


def _casadi_misfit(case: Case) -> str:
    return tiny(case) or ("" if case.dtype == "float64" else "it computes in float64 only")


SCALARS = [
    Candidate("SymPy lambdify, cse", lambdified, ("sympy",), tiny, writable=True),
    Candidate("CasADi's C, arrays fixed", lambda case, data: casadi(case, data, anew=False), ("casadi",), _casadi_misfit, bound=True),
    Candidate("CasADi's C, arrays given", lambda case, data: casadi(case, data, anew=True), ("casadi",), _casadi_misfit),
]
