"""Activations: each one record that states its formula, its symbol, where it is defined and its kinks. No derivative is written down.

An elementwise activation is a formula in `z`; a vector activation is a formula for entry `j` of its result, from the entries `z[k]`.
At a kink `(at, slope)` the derivative does not exist; `slope` is the value chosen there.
"""

from __future__ import annotations

from symbackprop.rules.record import ACTIVATIONS, Activation

for _record in (
    Activation("identity", "z", symbol="id"),
    Activation("sigmoid", "1 / (1 + exp(-z))", symbol="sigma"),
    Activation("tanh", "(exp(z) - exp(-z)) / (exp(z) + exp(-z))", symbol="tanh"),
    Activation("relu", "where(z > 0, z, 0)", symbol="ReLU", kinks=((0, 0),)),
    Activation("leaky_relu", "where(z > 0, z, alpha*z)", symbol="LReLU", scalars=("alpha",), kinks=((0, "alpha"),)),
    Activation("elu", "where(z > 0, z, alpha*(exp(z) - 1))", symbol="ELU", scalars=("alpha",), kinks=((0, "alpha"),)),
    Activation("softplus", "log(1 + exp(z))", symbol="softplus"),
    Activation("silu", "z * sigmoid(z)", symbol="SiLU"),
    Activation("gelu", "1/2 * z * (1 + erf(z / sqrt(2)))", symbol="GELU"),
    Activation("gelu_tanh", "1/2 * z * (1 + tanh(sqrt(2/pi) * (z + 0.044715 * z**3)))", symbol="GELU_tanh"),
    Activation("softmax", "exp(z[j]) / sum(k, exp(z[k]))", symbol="softmax", vector=True),
    Activation("log_softmax", "z[j] - log(sum(k, exp(z[k])))", symbol="log softmax", vector=True),
):
    ACTIVATIONS.add(_record)
