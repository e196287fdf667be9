"""An array program as a pure JAX module, for jax.jit and whatever device JAX computes on."""

from __future__ import annotations

from symbackprop.codegen.dialects import Dialect
from symbackprop.codegen.module import module_source
from symbackprop.codegen.program import Program
from symbackprop.languages import ENGLISH, Language, Message

__all__ = ["JAX", "jax_source"]

JAX = Dialect(
    "jax", "jnp",
    imports=("import jax", "import jax.numpy as jnp"),
    about=Message("The function is pure: jax.jit(loss_and_gradients) compiles it. float64 needs jax.config.update('jax_enable_x64', True)."),
    functions={"erf": "jax.scipy.special.erf", "erfc": "jax.scipy.special.erfc"},
    has={
        "sigmoid": "jax.nn.sigmoid({0})", "softmax": "jax.nn.softmax({0}, axis={axis})", "log_softmax": "jax.nn.log_softmax({0}, axis={axis})",
        "logsumexp": "jax.nn.logsumexp({0}, axis={axis})",
    },
    copy="{0}",  # arrays of JAX are never written to, so sharing them is safe
    traced=True,
)  # fmt: skip


def jax_source(program: Program, language: Language = ENGLISH) -> str:
    """The module that computes the loss and all gradients with JAX, its comments in a language.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> print(jax_source(array_program(mlp([3, 2], activation="tanh", samples="m"))).partition("A1 =")[2].splitlines()[0])
     jnp.tanh(Z1)  # forward (m, 2)
    """
    return module_source(program, JAX, language)
