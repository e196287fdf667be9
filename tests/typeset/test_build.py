"""Equations, expressions and matrices in every notation: golden strings, a real TeX run, well-formed MathML."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from programs import needs
from sympy import And, Derivative, Float, Integral, KroneckerDelta, Max, Piecewise, Pow, Rational, S, erf, exp, log, pi, sign, sqrt

from symbackprop.backprop import backpropagate
from symbackprop.builders import deep
from symbackprop.derivation import activation_derivation
from symbackprop.equations import (
    Abstract,
    Entry,
    Equation,
    Func,
    Grad,
    Partial,
    Tensor,
    add,
    index,
    mul,
    scalar,
    size,
    summation,
)
from symbackprop.errors import UnknownName
from symbackprop.lift import (
    Apply,
    Broadcast,
    Const,
    Diag,
    Hadamard,
    Identity,
    Map,
    MatMul,
    MatrixEquation,
    Ones,
    Plus,
    Scale,
    SquaredNorm,
    SumAxis,
    Transpose,
    Var,
    lift,
    lift_equation,
    placeholder,
)
from symbackprop.lift.matrix import Node as MatrixNode
from symbackprop.notation import Notation, load_notation, notation_names
from symbackprop.rules import ACTIVATIONS
from symbackprop.typeset import tree as t
from symbackprop.typeset.build import Builder, build, build_equation, build_shape, chain
from symbackprop.typeset.build_names import juxtaposed
from symbackprop.typeset.latex import latex
from symbackprop.typeset.mathml import mathml
from symbackprop.typeset.widths import width

NIELSEN = replace(load_notation("nielsen"), input_layer=0)  # layers as the equations count them
l, L, i, j, k, s, m = map(index, ("l", "L", "i", "j", "k", "s", "m"))  # noqa: E741 - the letters of the mathematics
x, y, z, alpha, kappa = map(scalar, ("x", "y", "z", "alpha", "kappa"))
C, target = Tensor("C"), Tensor("y", (3,))
a, z_l, w12 = Tensor("a", (3,), l), Tensor("z", (3,), l), Tensor("w", (30, 20), 1)


def n(layer: Any) -> Any:
    return size("n", layer)


def the_four(notation: Notation, batched: bool) -> list[Equation]:
    """Nielsen's BP1 to BP4, and the forward equation, with the letter that the notation has for ∂C/∂z."""
    tail, indices = ((m,), (s,)) if batched else ((), ())
    cost = Tensor("J" if batched else "C")
    factor = notation.named(batched)

    def of(name: str, layer: Any) -> Tensor:
        return Tensor(name, (n(layer), *tail), layer)

    def gradient(name: str, tensor: Tensor, *at: Any) -> Any:
        return Entry(Tensor(factor[name].symbol, tensor.shape, tensor.layer) if name in factor else Grad(cost, tensor), *at)

    def error(layer: Any, at: Any) -> Any:
        return gradient("z", of("z", layer), at, *indices)

    def weight(layer: Any) -> Tensor:
        return Tensor("w", (n(layer), n(layer - 1)), layer)

    def over_samples(term: Any) -> Any:
        mean = () if not batched or factor.get("z") is None or factor["z"].factor == 1 else (Pow(m, -1),)
        return mul(*mean, summation(term, (s, 1, m))) if batched else term

    bias = Tensor("b", (n(l),), l)
    forward = summation(mul(weight(l)[j, k], Entry(of("a", l - 1), k, *indices)), (k, 1, n(l - 1)))
    back = summation(mul(weight(l + 1)[k, j], error(l + 1, k)), (k, 1, n(l + 1)))
    return [
        Equation(Entry(of("z", l), j, *indices), add(forward, bias[j])),
        Equation(error(L, j), mul(gradient("a", of("a", L), j, *indices), Func("sigma", Entry(of("z", L), j, *indices), 1))),
        Equation(error(l, j), mul(back, Func("sigma", Entry(of("z", l), j, *indices), 1))),
        Equation(gradient("b", bias, j), over_samples(error(l, j))),
        Equation(gradient("w", weight(l), j, k), over_samples(mul(error(l, j), Entry(of("a", l - 1), k, *indices)))),
    ]


FOUR: dict[tuple[str, bool], list[str]] = {
    ("nielsen", False): [
        r"z^l_j = \sum_{k=1}^{n_{l-1}} w^l_{jk} a^{l-1}_k + b^l_j",
        r"z^l = w^l a^{l-1} + b^l",
        r"\delta^L_j = \frac{\partial C}{\partial a^L_j} \sigma'(z^L_j)",
        r"\delta^L = \nabla_a C \odot \sigma'(z^L)",
        r"\delta^l_j = \left( \sum_{k=1}^{n_{l+1}} w^{l+1}_{kj} \delta^{l+1}_k \right) \sigma'(z^l_j)",
        r"\delta^l = ((w^{l+1})^T \delta^{l+1}) \odot \sigma'(z^l)",
        r"\frac{\partial C}{\partial b^l_j} = \delta^l_j",
        r"\frac{\partial C}{\partial b^l} = \delta^l",
        r"\frac{\partial C}{\partial w^l_{jk}} = a^{l-1}_k \delta^l_j",
        r"\frac{\partial C}{\partial w^l} = \delta^l (a^{l-1})^T",
    ],
    ("nielsen", True): [
        r"z^l_{js} = \sum_{k=1}^{n_{l-1}} w^l_{jk} a^{l-1}_{ks} + b^l_j",
        r"Z^l = w^l A^{l-1} + b^l",
        r"\delta^L_{js} = \frac{\partial C}{\partial a^L_{js}} \sigma'(z^L_{js})",
        r"\Delta^L = \nabla_{A^L} C \odot \sigma'(Z^L)",
        r"\delta^l_{js} = \left( \sum_{k=1}^{n_{l+1}} w^{l+1}_{kj} \delta^{l+1}_{ks} \right) \sigma'(z^l_{js})",
        r"\Delta^l = ((w^{l+1})^T \Delta^{l+1}) \odot \sigma'(Z^l)",
        r"\frac{\partial C}{\partial b^l_j} = \sum_{s=1}^m \delta^l_{js}",
        r"\frac{\partial C}{\partial b^l} = \Delta^l \, \mathbf{1}",
        r"\frac{\partial C}{\partial w^l_{jk}} = \sum_{s=1}^m a^{l-1}_{ks} \delta^l_{js}",
        r"\frac{\partial C}{\partial w^l} = \Delta^l (A^{l-1})^T",
    ],
    ("ng", False): [
        r"z^{[l]}_j = \sum_{k=1}^{n^{[l-1]}} w^{[l]}_{jk} a^{[l-1]}_k + b^{[l]}_j",
        r"z^{[l]} = W^{[l]} a^{[l-1]} + b^{[l]}",
        r"d z^{[L]}_j = d a^{[L]}_j \, g'(z^{[L]}_j)",
        r"d z^{[L]} = d a^{[L]} \odot g'(z^{[L]})",
        r"d z^{[l]}_j = \left( \sum_{k=1}^{n^{[l+1]}} w^{[l+1]}_{kj} \, d z^{[l+1]}_k \right) g'(z^{[l]}_j)",
        r"d z^{[l]} = (W^{[l+1]T} \, d z^{[l+1]}) \odot g'(z^{[l]})",
        r"d b^{[l]}_j = d z^{[l]}_j",
        r"d b^{[l]} = d z^{[l]}",
        r"d w^{[l]}_{jk} = d z^{[l]}_j \, a^{[l-1]}_k",
        r"d W^{[l]} = d z^{[l]} \, a^{[l-1]T}",
    ],
    ("ng", True): [
        r"z^{[l](i)}_j = \sum_{k=1}^{n^{[l-1]}} w^{[l]}_{jk} a^{[l-1](i)}_k + b^{[l]}_j",
        r"Z^{[l]} = W^{[l]} A^{[l-1]} + b^{[l]}",
        r"d z^{[L](i)}_j = d a^{[L](i)}_j \, g'(z^{[L](i)}_j)",
        r"d Z^{[L]} = d A^{[L]} \odot g'(Z^{[L]})",
        r"d z^{[l](i)}_j = \left( \sum_{k=1}^{n^{[l+1]}} w^{[l+1]}_{kj} \, d z^{[l+1](i)}_k \right) g'(z^{[l](i)}_j)",
        r"d Z^{[l]} = (W^{[l+1]T} \, d Z^{[l+1]}) \odot g'(Z^{[l]})",
        r"d b^{[l]}_j = \frac{1}{m} \sum_{i=1}^m d z^{[l](i)}_j",
        r"d b^{[l]} = \frac{1}{m} d Z^{[l]} \, \mathbf{1}",
        r"d w^{[l]}_{jk} = \frac{1}{m} \sum_{i=1}^m d z^{[l](i)}_j \, a^{[l-1](i)}_k",
        r"d W^{[l]} = \frac{1}{m} d Z^{[l]} \, A^{[l-1]T}",
    ],
    ("rows", False): [
        r"z^{(l)}_j = \sum_{k=1}^{n_{l-1}} w^{(l)}_{kj} a^{(l-1)}_k + b^{(l)}_j",
        r"z^{(l)} = a^{(l-1)} W^{(l)} + b^{(l)}",
        r"\delta^{(L)}_j = \frac{\partial C}{\partial a^{(L)}_j} \sigma'(z^{(L)}_j)",
        r"\delta^{(L)} = \frac{\partial C}{\partial a^{(L)}} \odot \sigma'(z^{(L)})",
        r"\delta^{(l)}_j = \left( \sum_{k=1}^{n_{l+1}} w^{(l+1)}_{jk} \delta^{(l+1)}_k \right) \sigma'(z^{(l)}_j)",
        r"\delta^{(l)} = (\delta^{(l+1)} (W^{(l+1)})^{\top}) \odot \sigma'(z^{(l)})",
        r"\frac{\partial C}{\partial b^{(l)}_j} = \delta^{(l)}_j",
        r"\frac{\partial C}{\partial b^{(l)}} = \delta^{(l)}",
        r"\frac{\partial C}{\partial w^{(l)}_{kj}} = \delta^{(l)}_j a^{(l-1)}_k",
        r"\frac{\partial C}{\partial W^{(l)}} = (a^{(l-1)})^{\top} \delta^{(l)}",
    ],
    ("rows", True): [
        r"z^{(l)}_{sj} = \sum_{k=1}^{n_{l-1}} w^{(l)}_{kj} a^{(l-1)}_{sk} + b^{(l)}_j",
        r"Z^{(l)} = A^{(l-1)} W^{(l)} + b^{(l)}",
        r"\delta^{(L)}_{sj} = \frac{\partial J}{\partial a^{(L)}_{sj}} \sigma'(z^{(L)}_{sj})",
        r"\Delta^{(L)} = \frac{\partial J}{\partial A^{(L)}} \odot \sigma'(Z^{(L)})",
        r"\delta^{(l)}_{sj} = \left( \sum_{k=1}^{n_{l+1}} w^{(l+1)}_{jk} \delta^{(l+1)}_{sk} \right) \sigma'(z^{(l)}_{sj})",
        r"\Delta^{(l)} = (\Delta^{(l+1)} (W^{(l+1)})^{\top}) \odot \sigma'(Z^{(l)})",
        r"\frac{\partial J}{\partial b^{(l)}_j} = \sum_{s=1}^m \delta^{(l)}_{sj}",
        r"\frac{\partial J}{\partial b^{(l)}} = \mathbf{1}^{\top} \Delta^{(l)}",
        r"\frac{\partial J}{\partial w^{(l)}_{kj}} = \sum_{s=1}^m \delta^{(l)}_{sj} a^{(l-1)}_{sk}",
        r"\frac{\partial J}{\partial W^{(l)}} = (A^{(l-1)})^{\top} \Delta^{(l)}",
    ],
    ("wt", False): [
        r"z^{(l)}_j = \sum_{k=1}^{n_{l-1}} w^{(l)}_{kj} a^{(l-1)}_k + b^{(l)}_j",
        r"\mathbf{z}^{(l)} = (\mathbf{W}^{(l)})^{\top} \mathbf{a}^{(l-1)} + \mathbf{b}^{(l)}",
        r"\delta^{(L)}_j = \frac{\partial C}{\partial a^{(L)}_j} \sigma'(z^{(L)}_j)",
        r"\boldsymbol{\delta}^{(L)} = \frac{\partial C}{\partial \mathbf{a}^{(L)}} \odot \sigma'(\mathbf{z}^{(L)})",
        r"\delta^{(l)}_j = \left( \sum_{k=1}^{n_{l+1}} w^{(l+1)}_{jk} \delta^{(l+1)}_k \right) \sigma'(z^{(l)}_j)",
        r"\boldsymbol{\delta}^{(l)} = (\mathbf{W}^{(l+1)} \boldsymbol{\delta}^{(l+1)}) \odot \sigma'(\mathbf{z}^{(l)})",
        r"\frac{\partial C}{\partial b^{(l)}_j} = \delta^{(l)}_j",
        r"\frac{\partial C}{\partial \mathbf{b}^{(l)}} = \boldsymbol{\delta}^{(l)}",
        r"\frac{\partial C}{\partial w^{(l)}_{kj}} = \delta^{(l)}_j a^{(l-1)}_k",
        r"\frac{\partial C}{\partial \mathbf{W}^{(l)}} = \mathbf{a}^{(l-1)} (\boldsymbol{\delta}^{(l)})^{\top}",
    ],
    ("wt", True): [
        r"z^{(l)}_{js} = \sum_{k=1}^{n_{l-1}} w^{(l)}_{kj} a^{(l-1)}_{ks} + b^{(l)}_j",
        r"\mathbf{Z}^{(l)} = (\mathbf{W}^{(l)})^{\top} \mathbf{A}^{(l-1)} + \mathbf{b}^{(l)}",
        r"\delta^{(L)}_{js} = \frac{\partial J}{\partial a^{(L)}_{js}} \sigma'(z^{(L)}_{js})",
        r"\boldsymbol{\Delta}^{(L)} = \frac{\partial J}{\partial \mathbf{A}^{(L)}} \odot \sigma'(\mathbf{Z}^{(L)})",
        r"\delta^{(l)}_{js} = \left( \sum_{k=1}^{n_{l+1}} w^{(l+1)}_{jk} \delta^{(l+1)}_{ks} \right) \sigma'(z^{(l)}_{js})",
        r"\boldsymbol{\Delta}^{(l)} = (\mathbf{W}^{(l+1)} \boldsymbol{\Delta}^{(l+1)}) \odot \sigma'(\mathbf{Z}^{(l)})",
        r"\frac{\partial J}{\partial b^{(l)}_j} = \sum_{s=1}^m \delta^{(l)}_{js}",
        r"\frac{\partial J}{\partial \mathbf{b}^{(l)}} = \boldsymbol{\Delta}^{(l)} \, \mathbf{1}",
        r"\frac{\partial J}{\partial w^{(l)}_{kj}} = \sum_{s=1}^m \delta^{(l)}_{js} a^{(l-1)}_{ks}",
        r"\frac{\partial J}{\partial \mathbf{W}^{(l)}} = \mathbf{A}^{(l-1)} (\boldsymbol{\Delta}^{(l)})^{\top}",
    ],
}

INDEXED: list[tuple[Any, str]] = [
    (w12[1, 2], r"w^1_{12}"),
    (w12[10, 2], r"w^1_{10,2}"),
    (w12[j, k + 1], r"w^1_{j,k+1}"),
    (Tensor("w1", (3, 2))[j, k], r"w_{1,jk}"),
    (Tensor("W_hh", (3, 3))[j, k], r"W_{\mathit{hh},jk}"),
    (Entry(Grad(C, a), j), r"\frac{\partial C}{\partial a^l_j}"),
    (Partial(Entry(Grad(C, a), k), w12[j, i]), r"\frac{\partial^2 C}{\partial w^1_{ji} \, \partial a^l_k}"),
    (Abstract(C, a, target), r"C(a^l, y)"),
    (mul(x, -2), r"x(-2)"),
    (mul(x, 2, y), r"x \cdot 2 y"),
    (mul(x, mul(Rational(1, 2), y)), r"x \cdot \frac{1}{2} y"),
    (mul(Func("sigma", z, 1), 2, add(a[j], mul(-1, target[j]))), r"\sigma'(z) \cdot 2(a^l_j - y_j)"),
    (mul(-1, add(x, y)), r"-(x + y)"),
    (add(a[j], mul(-1, target[j])), r"a^l_j - y_j"),
    (add(x, mul(Rational(-1, 2), Pow(kappa, 2))), r"x - \frac{1}{2} \kappa^2"),
    (add(mul(-1, x), y), r"-x + y"),
    (mul(-1, target[j], Pow(a[j], -1)), r"-\frac{y_j}{a^l_j}"),
    (mul(Pow(m, -1), summation(a[j], (j, 1, 3))), r"\frac{1}{m} \sum_{j=1}^3 a^l_j"),
    (mul(Rational(1, 2), Pow(m, -1), x), r"\frac{1}{2 m} x"),
    (mul(x, Pow(y, -1), z), r"\frac{x}{y} z"),
    (mul(x, Pow(y, -1), Pow(z, -1)), r"\frac{x}{y z}"),
    (mul(2, Entry(Grad(C, a), j), x, Pow(y, -1)), r"2 \frac{\partial C}{\partial a^l_j} \, \frac{x}{y}"),
    (mul(summation(a[j], (j, 1, 3)), x), r"\left( \sum_{j=1}^3 a^l_j \right) x"),
    (mul(x, summation(add(a[j], x), (j, 1, 3))), r"x \sum_{j=1}^3 (a^l_j + x)"),
    (summation(mul(-1, x, a[j]), (j, 1, 3)), r"\sum_{j=1}^3 (-x a^l_j)"),
    (summation(mul(a[j], target[k]), (j, 1, 3), (k, 1, n(l))), r"\sum_{j=1}^3 \sum_{k=1}^{n_l} a^l_j y_k"),
    (mul(x, log(a[j])), r"x \log a^l_j"),
    (mul(log(a[j]), x), r"(\log a^l_j) x"),
    (log(add(1, mul(-1, a[j]))), r"\log(1 - a^l_j)"),
    (Pow(Func("sigma", z), 2), r"{\sigma(z)}^2"),
    (Pow(Func("tanh", z), 2), r"{\tanh(z)}^2"),
    (Pow(a[j], 2), r"(a^l_j)^2"),
    (Pow(target[j], 2), r"y^2_j"),
    (Pow(add(x, y), 2), r"(x + y)^2"),
    (Pow(x, -2), r"\frac{1}{x^2}"),
    (Pow(add(1, exp(mul(-1, z))), -1), r"\frac{1}{1 + e^{-z}}"),
    (sqrt(2 / pi), r"\frac{\sqrt{2}}{\sqrt{\pi}}"),
    (exp(mul(-1, Pow(mul(x, Pow(y, -1)), 2))), r"\exp\!\left( -\frac{x^2}{y^2} \right)"),
    (abs(x - y), r"\lvert x - y\rvert"),
    (sign(x), r"\operatorname{sgn}(x)"),
    (erf(x), r"\operatorname{erf}(x)"),
    (Max(x, y), r"\max(x, y)"),
    (Rational(8943, 200000), r"0.044715"),
    (Rational(-1, 3), r"-\frac{1}{3}"),
    (Float("1e-5"), r"1 \times 10^{-5}"),
    (S.Infinity, r"\infty"),
    (KroneckerDelta(j, k), r"\delta_{jk}"),
    (KroneckerDelta(j, k + 1), r"\delta_{j,k+1}"),
    (alpha, r"\alpha"),
    (scalar("lambda_"), r"\lambda"),
    (n(l - 1), r"n_{l-1}"),
    (Derivative(exp(mul(-1, z)), z), r"\frac{d}{d z} \, e^{-z}"),
    (Derivative(mul(z, Func("sigma", z)), z), r"\frac{d}{d z}(z \sigma(z))"),
    (Derivative(z**3, z, z), r"\frac{d^2}{d z^2} \, z^3"),
    (
        Derivative(add(target[j], summation(mul(w12[j, k], a[k]), (k, 1, 3))), a[i]),
        r"\frac{\partial}{\partial a^l_i}\!\left( y_j + \sum_{k=1}^3 w^1_{jk} a^l_k \right)",
    ),
    (Derivative(a[j], a[k]), r"\frac{\partial a^l_j}{\partial a^l_k}"),
    (mul(Derivative(exp(z), z), x), r"\left( \frac{d}{d z} \, e^z \right) x"),
    (Piecewise((1, z > 0), (0, True)), r"\begin{cases} 1 & \text{if } z > 0 \\ 0 & \text{otherwise} \end{cases}"),
    (
        Piecewise((1, And(z > 0, z < 1)), (alpha, True)),
        r"\begin{cases} 1 & \text{if } z > 0 \text{ and } z < 1 \\ \alpha & \text{otherwise} \end{cases}",
    ),
    (
        add(mul(x, Piecewise((1, z > 0), (0, True))), y),
        r"\left( x \begin{cases} 1 & \text{if } z > 0 \\ 0 & \text{otherwise} \end{cases} \right) + y",
    ),
    (Func("softmax", z), r"\operatorname{softmax}(z)"),
    (Func("log_softmax", z), r"\log \, \operatorname{softmax}(z)"),
    (Func("gelu_tanh", z, 2), r"\operatorname{GELU}''_{\tanh}(z)"),
    (Equation(a[j], mul(exp(z_l[j]), Pow(summation(exp(z_l[k]), (k, 1, n(l))), -1))), r"a^l_j = \frac{e^{z^l_j}}{\sum_{k=1}^{n_l} e^{z^l_k}}"),
    (
        Equation(C(), mul(-1, summation(add(mul(target[j], log(a[j])), mul(add(1, mul(-1, target[j])), log(add(1, mul(-1, a[j]))))), (j, 1, 3)))),
        r"C = -\sum_{j=1}^3 (y_j \log a^l_j + (1 - y_j) \log(1 - a^l_j))",
    ),
    (Equation(x, y, relation="equiv"), r"x \equiv y"),
]

A, Z = (Var(Tensor(name, (3, m), l), (0, 1)) for name in "az")
Y, Wt = Var(Tensor("y", (3, m)), (0, 1)), Var(Tensor("w", (3, 3), l), (0, 1))
b, v, yv = Var(Tensor("b", (3,), l), (0, None)), Var(a, (0, None)), Var(target, (0, None))
G, NA = Var(Grad(C, Wt.tensor), (0, 1)), Var(Grad(C, Tensor("a", (3,), L)), (0, None))
p1, p2 = placeholder(1), placeholder(2)

MATRICES: list[tuple[MatrixNode, str]] = [
    (Wt, r"w^l"),
    (G, r"\frac{\partial C}{\partial w^l}"),
    (NA, r"\nabla_a C"),
    (Transpose(NA), r"(\nabla_a C)^T"),
    (Transpose(Wt), r"(w^l)^T"),
    (Transpose(Y), r"Y^T"),
    (Transpose(G), r"\left( \frac{\partial C}{\partial w^l} \right)^T"),
    (Transpose(Plus((A, Y))), r"(A^l + Y)^T"),
    (Transpose(Ones(3, 1)), r"\mathbf{1}^T"),
    (MatMul((Wt, Plus((A, Scale(-1, Y))))), r"w^l(A^l - Y)"),
    (MatMul((Plus((A, Y)), Wt)), r"(A^l + Y) w^l"),
    (MatMul((Wt, Hadamard((A, Y)))), r"w^l(A^l \odot Y)"),
    (MatMul((Wt, Broadcast(b, "columns", m))), r"w^l b^l \, \mathbf{1}^T"),
    (MatMul((Wt, Scale(S(1) / m, A))), r"w^l\!\left( \frac{1}{m} A^l \right)"),
    (Plus((MatMul((Wt, A)), Broadcast(b, "columns", m))), r"w^l A^l + b^l"),
    (Plus((Scale(-1, A), Y)), r"-A^l + Y"),
    (Plus((A, Scale(Rational(-1, 2), Plus((Y, A))))), r"A^l - \frac{1}{2}(Y + A^l)"),
    (Hadamard((MatMul((Transpose(Wt), A)), Apply("sigma", 1, Z))), r"((w^l)^T A^l) \odot \sigma'(Z^l)"),
    (Hadamard((Plus((A, Scale(-1, Y))), Y)), r"(A^l - Y) \odot Y"),
    (Hadamard((A, Plus((Ones(3, m), Scale(-1, A))))), r"A^l \odot (\mathbf{1} - A^l)"),
    (Hadamard((v, Broadcast(MatMul((Transpose(NA), v)), "rows", 3))), r"((\nabla_a C)^T a^l) a^l"),
    (Scale(-1, Hadamard((Y, Map(1 / p1, (A,))))), r"-\frac{Y}{A^l}"),
    (Scale(S(1) / m, MatMul((A, Transpose(Y)))), r"\frac{1}{m} A^l Y^T"),
    (Scale(add(x, y), A), r"(x + y) A^l"),
    (Hadamard((G, Wt, Map(1 / p1, (Wt,)))), r"\frac{\partial C}{\partial w^l} \odot \frac{w^l}{w^l}"),
    (
        Hadamard((Map(exp(p1), (v,)), Broadcast(Map(1 / p1, (SumAxis(Map(exp(p1), (v,)), "all"),)), "rows", 3))),
        r"\frac{\exp(a^l)}{\mathbf{1}^T \exp(a^l)}",
    ),
    (Apply("softmax", 0, Z), r"\operatorname{softmax}(Z^l)"),
    (Map(exp(p1), (Z,)), r"\exp(Z^l)"),
    (Map(log(p1), (A,)), r"\log(A^l)"),
    (Map(1 / p1, (A,)), r"\frac{1}{A^l}"),
    (Map(p1**2, (Plus((A, Scale(-1, Y))),)), r"(A^l - Y)^{\odot2}"),
    (Map(mul(2, p1, Pow(p2, -1)), (A, Y)), r"\frac{2 A^l}{Y}"),
    (Map(mul(p1, exp(p2)), (Plus((A, Y)), Z)), r"(A^l + Y) \odot \exp(Z^l)"),
    (Map(abs(p1), (A,)), r"\lvert A^l\rvert"),
    (Map(Piecewise((p1, p1 > 0), (0, True)), (Z,)), r"\begin{cases} Z^l & \text{if } Z^l > 0 \\ 0 & \text{otherwise} \end{cases}"),
    (SumAxis(Z, "columns"), r"Z^l \, \mathbf{1}"),
    (SumAxis(Z, "rows"), r"\mathbf{1}^T Z^l"),
    (SumAxis(Z, "all"), r"\mathbf{1}^T Z^l \, \mathbf{1}"),
    (SumAxis(v, "all"), r"\mathbf{1}^T a^l"),
    (SumAxis(Hadamard((A, Y)), "columns"), r"(A^l \odot Y) \, \mathbf{1}"),
    (SumAxis(Plus((A, Y)), "rows"), r"\mathbf{1}^T(A^l + Y)"),
    (Ones(3, m), r"\mathbf{1}"),
    (Ones(1, 3), r"\mathbf{1}^T"),
    (Ones(1, 1), r"1"),
    (Identity(3), r"I"),
    (Plus((Diag(v), Scale(-1, MatMul((v, Transpose(v)))))), r"\operatorname{diag}(a^l) - a^l (a^l)^T"),
    (Scale(Rational(1, 2), SquaredNorm(Plus((v, Scale(-1, yv))))), r"\frac{1}{2} \lVert a^l - y\rVert^2"),
    (SquaredNorm(Wt), r"\lVert w^l\rVert^2_F"),
    (Const(S(1) / m), r"\frac{1}{m}"),
]


def spelled(expr: Any, notation: Notation = NIELSEN) -> str:
    return latex(build(expr, notation))


@pytest.mark.parametrize(
    ("factors", "printed"),
    [
        ([t.row(t.Symbol("d"), t.Symbol("a")), t.Symbol("x")], r"d a \, x"),
        ([t.row(t.Symbol("d"), t.Symbol("a")), t.Fence(t.Symbol("x"))], "d a(x)"),
        ([t.Symbol("x"), t.row(t.Symbol("d"), t.Symbol("a"))], r"x \, d a"),
        ([t.Symbol("target", "word"), t.Symbol("x")], r"\mathrm{target} \, x"),
        ([t.Symbol("target", "word"), t.row(t.Symbol("log", "upright"), t.Symbol("x"))], r"\mathrm{target} \log x"),
        ([t.Symbol("x"), t.Symbol("y")], "x y"),
    ],
)
def test_a_name_of_several_letters_stands_apart(factors: list[t.Node], printed: str) -> None:
    """By hand; TeX itself puts the space before the name of a function."""
    assert latex(juxtaposed(factors)) == printed


@pytest.mark.parametrize(("name", "batched"), FOUR)
def test_the_four_equations(name: str, batched: bool) -> None:
    notation = load_notation(name)
    both = [form for e in the_four(notation, batched) for form in (e, lift(e, notation.layout(batched)))]
    assert [spelled(e, notation) for e in both] == FOUR[name, batched]


@pytest.mark.parametrize(("expr", "expected"), INDEXED)
def test_index_form(expr: Any, expected: str) -> None:
    assert spelled(expr) == expected


@pytest.mark.parametrize(("node", "expected"), MATRICES)
def test_matrix_form(node: MatrixNode, expected: str) -> None:
    assert spelled(node) == expected


SWITCHES: list[tuple[dict[str, Any], Any, str]] = [
    ({"layer_style": "subscript"}, w12[j, k], "w_{1,jk}"),
    ({"layer_style": "subscript"}, Transpose(Wt), "w^T_l"),
    ({"sample_style": "superscript"}, Tensor("a", (3, m), 1)[j, s], "a^{1(s)}_j"),
    ({"sample_style": "first"}, Tensor("a", (3, m), 1)[j, s], "a^1_{sj}"),
    ({"size_style": "layer", "layer_style": "brackets"}, n(l), "n^{[l]}"),
    ({"weight_index": "from_to"}, w12[j, k], "w^1_{kj}"),
    ({"weight_index": "from_to", "weight_names": ("u",)}, w12[j, k], "w^1_{jk}"),
    ({"transpose": "top", "transpose_style": "merged"}, Transpose(Wt), r"w^{l\top}"),
    ({"transpose": "upright:T"}, Transpose(Y), r"Y^{\mathrm{T}}"),
    ({"hadamard": "circ"}, Hadamard((A, Y)), r"A^l \circ Y"),
    ({"hadamard": "circ"}, Map(p1**2, (A,)), r"(A^l)^{\circ2}"),
    ({"division": "oslash"}, Hadamard((Y, Map(1 / p1, (A,)))), r"Y \oslash A^l"),
    ({"division": "oslash"}, Plus((Y, Map(1 / p1, (A,)))), r"Y + \mathbf{1} \oslash A^l"),
    ({"exponential": "function"}, exp(z), r"\exp(z)"),
    ({"function_powers": "name"}, Pow(Func("tanh", z), 2), r"\tanh^2(z)"),
    ({"sum_limits": "index"}, summation(a[j], (j, 1, 3)), r"\sum_j a^l_j"),
    ({"explicit_broadcast": True}, Plus((A, Broadcast(b, "columns", m))), r"A^l + b^l \, \mathbf{1}^T"),
    ({"kronecker": "Delta"}, KroneckerDelta(j, k), r"\Delta_{jk}"),
    ({"nabla": ()}, NA, r"\frac{\partial C}{\partial a^L}"),
    ({"bold": "upright"}, MatMul((Wt, v)), r"\mathbf{w}^l \mathbf{a}^l"),
    ({"symbols": {"w": "theta"}}, w12[j, k], r"\theta^1_{jk}"),
    ({"symbols": {"C": "C_0"}}, C(), "C_0"),
    ({"functions": {"sigmoid": "varphi"}}, Func("sigmoid", z, 1), r"\varphi'(z)"),
    ({"indices": {"j": "k", "k": "j"}}, w12[j, k], "w^1_{kj}"),
]


@pytest.mark.parametrize(("switches", "expr", "expected"), SWITCHES)
def test_switches(switches: dict[str, Any], expr: Any, expected: str) -> None:
    assert spelled(expr, replace(NIELSEN, **switches)) == expected


def test_equations_and_shapes() -> None:
    assert latex(build_equation(Equation(x, y, relation="define"), NIELSEN)) == "x := y"
    assert latex(build_equation(MatrixEquation(v, yv), NIELSEN)) == "a^l = y"
    assert latex(build_shape((n(l), n(l - 1)), NIELSEN)) == r"n_l \times n_{l-1}"
    assert latex(build_shape((3, S(2)), NIELSEN)) == r"3 \times 2"
    with pytest.raises(UnknownName, match="relation"):
        build_equation(Equation(x, y, relation="=="), NIELSEN)


def test_a_number_of_samples_and_words_in_another_language() -> None:
    builder = Builder(load_notation("ng"), samples=4, words={"if": "falls", "otherwise": "sonst"})
    assert latex(builder.build(Tensor("a", (3, 4), 1)[j, i])) == "a^{[1](p)}_j"
    assert latex(builder.build(Tensor("w", (3, 4), 1)[j, i])) == "w^{[1]}_{jp}"
    assert "falls } z > 0" in latex(builder.build(Piecewise((1, z > 0), (0, True))))


@pytest.mark.parametrize("unknown", [Integral(x, x), [1], "x", None])
def test_an_unknown_expression_is_named(unknown: Any) -> None:
    with pytest.raises(TypeError, match=type(unknown).__name__):
        build(unknown, NIELSEN)


def test_a_chain_breaks_long_lines_and_moves_notes_that_do_not_fit() -> None:
    long = build(add(*(mul(x, a[q]) for q in range(1, 9))), NIELSEN)
    short = chain(t.Symbol("x"), [("=", t.Symbol("y"), t.Text("by definition")), ("equiv", t.Symbol("z"), None)])
    assert latex(short) == "\\begin{aligned}\nx &= y &&\\text{(by definition)} \\\\\n&\\equiv z\n\\end{aligned}"
    narrow = chain(t.Symbol("x"), [("=", long, t.row(t.Text("the rule for "), t.Symbol("x"))), ("=", t.Symbol("y"), t.Text("clear"))], 14)
    lines = latex(narrow).splitlines()[1:-1]
    assert lines[0].startswith("x &= x a^l_1 + ")
    assert lines[1].startswith(r"&\quad + x a^l_")
    assert r"&\quad \text{(the rule for } x \text{)} \\" in lines
    assert lines[-1] == r"&\quad \text{(clear)}"
    assert width(narrow) <= 14


def trees() -> Iterator[tuple[str, t.Node]]:
    for name, batched in FOUR:
        notation = load_notation(name)
        for e in the_four(notation, batched):
            yield name, build(e, notation)
            yield name, build(lift(e, notation.layout(batched)), notation)
    for expr, _ in (*INDEXED, *MATRICES):
        yield "nielsen", build(expr, NIELSEN)
    for switches, expr, _ in SWITCHES:
        yield str(switches), build(expr, replace(NIELSEN, **switches))
    for name in ACTIVATIONS:
        if not ACTIVATIONS[name].vector:
            derivation = activation_derivation(name)
            yield name, chain(build(derivation.lhs, NIELSEN), [(step.relation, build(step.expression, NIELSEN), None) for step in derivation])
    for name in notation_names():
        notation = load_notation(name)
        for batched in (False, True):
            net = deep(samples="m" if batched else None, activation="sigmoid", output="softmax", loss="cross_entropy")
            backward = backpropagate(net, notation.named(batched))
            for e in (*net.equations, *(b.equation for b in backward)):
                yield name, build(e, notation)
                matrix = lift_equation(e, notation.layout(batched))
                if matrix is not None:
                    yield name, build(matrix, notation)
            for path in (p for b in backward for p in b.paths):
                yield name, build(path.spelled_out, notation)


def test_everything_is_well_formed_mathml() -> None:
    for _, node in trees():
        ElementTree.fromstring(mathml(node))


@needs("pdflatex")
def test_everything_compiles(tmp_path: Path) -> None:
    formulas = "\n\n".join(rf"\[ {formula} \]" for formula in dict.fromkeys(latex(node) for _, node in trees()))
    source = rf"""\documentclass{{article}}
\usepackage[a3paper,landscape,margin=1cm]{{geometry}}\usepackage[T1]{{fontenc}}\usepackage{{amsmath,amssymb}}
\begin{{document}}
{formulas}
\end{{document}}
"""
    (tmp_path / "all.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "all.tex"]
    run = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, timeout=120)
    log = (tmp_path / "all.log").read_text(encoding="latin-1")
    complaints = re.findall(r"^.*(?:undefined|Missing character|Overfull).*$|^!.*\n.*\n.*$", log, re.MULTILINE)
    assert not complaints, "\n".join(complaints)
    assert run.returncode == 0
