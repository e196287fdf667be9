"""An array program as a PyTorch module, for tensors of any device; it needs no autograd."""

from __future__ import annotations

from symbackprop.codegen.dialects import Dialect
from symbackprop.codegen.module import module_source
from symbackprop.codegen.program import Program

__all__ = ["TORCH", "torch_source"]

TORCH = Dialect(
    "torch", "torch",
    imports=("import torch",),
    about="Gradients are computed by these equations, not by autograd: call it under torch.no_grad(), compile it with torch.compile.",
    functions={"max": "torch.amax", "power": "torch.pow"},
    axis="dim",
    keep="keepdim=True",
    like="dtype={like}.dtype, device={like}.device",
    cast="{0}.to({like}.dtype)",
    copy="{0}.clone()",
    transpose="{0}.permute{order}",
    labels="{0}.long()",  # an index of bytes would be taken for a mask
    full="{like}.new_full({shape}, {0})",
    pad="torch.nn.functional.pad({0}, [{flat}])",
    number="{like}.new_full((), {0})",
    condition="{like}.new_full((), {0}, dtype=torch.bool)",
)  # fmt: skip


def torch_source(program: Program) -> str:
    """The module that computes the loss and all gradients with PyTorch.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> print(torch_source(array_program(mlp([3, 2], activation="tanh", samples="m"))).partition("A1 =")[2].splitlines()[0])
     torch.tanh(Z1)  # forward (m, 2)
    """
    return module_source(program, TORCH)
