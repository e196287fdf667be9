"""An array program as a PyTorch module, for tensors of any device; it needs no autograd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sympy import Integer

from symbackprop.codegen.arrays import Op
from symbackprop.codegen.dialects import Dialect
from symbackprop.codegen.forms import Form
from symbackprop.codegen.module import module_source
from symbackprop.codegen.program import Program, Statement
from symbackprop.languages import ENGLISH, Language, Message

__all__ = ["TORCH", "torch_program", "torch_source"]

TORCH = Dialect(
    "torch", "torch",
    imports=("import torch",),
    about=Message("Gradients are computed by these equations, not by autograd: call it under torch.no_grad(), compile it with torch.compile."),
    functions={
        "max": "torch.amax", "power": "torch.pow", "at_least": "torch.clamp({0}, min={1})", "at_most": "torch.clamp({0}, max={1})",
        "sigmoid_backward": "torch.ops.aten.sigmoid_backward", "tanh_backward": "torch.ops.aten.tanh_backward",
        "relu_backward": "torch.ops.aten.threshold_backward({0}, {1}, 0)",
    },
    has={
        "sigmoid": "torch.sigmoid({0})", "softmax": "torch.softmax({0}, dim={axis})", "log_softmax": "torch.log_softmax({0}, dim={axis})",
        "logsumexp": "torch.logsumexp({0}, dim={axis})",
    },
    forms={  # in one pass
        "sigmoid_backward": Form(("sigmoid_backward(g, a)",), "g * a * (1 - a)", ("g", "a")),
        "tanh_backward": Form(("tanh_backward(g, a)",), "g * (1 - a**2)", ("g", "a")),
        "relu_backward": Form(("relu_backward(g, z)",), "where(z > 0, g, 0)", ("g", "z")),
    },
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
    lets_go=True,
)  # fmt: skip

_BOUNDS = {"maximum": "at_least", "minimum": "at_most"}
_ZERO, _ONE = Op("number", (), Integer(0)), Op("number", (), Integer(1))


def torch_source(program: Program, language: Language = ENGLISH) -> str:
    """The module that computes the loss and all gradients with PyTorch, its comments in a language.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> print(torch_source(array_program(mlp([3, 2], activation="tanh", samples="m"))).partition("A1 =")[2].splitlines()[0])
     torch.tanh(Z1)  # forward (m, 2)
    """
    return module_source(torch_program(program), TORCH, language)


def torch_program(program: Program) -> Program:
    """The program in operations that PyTorch does in one pass: a product with a bias, an upstream gradient times a slope.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> [s.value.data for s in torch_program(array_program(mlp([3, 2, 2], samples="m"))).statements if s.name in ("Z1", "Delta1")]
    ['addmm', 'sigmoid_backward']
    """
    fused = _Fused(program)
    return replace(program, statements=tuple(map(fused.statement, program.statements)))


class _Fused:
    def __init__(self, program: Program) -> None:
        given = (*program.params, *program.inputs, *program.targets)
        self.ranks: Mapping[str, int] = {**{g.name: len(g.shape) for g in given}, **{s.name: len(s.shape) for s in program.statements}}
        self.rectified: dict[Op, Op] = {}

    def statement(self, s: Statement) -> Statement:
        """A statement with its value in as few passes as can be."""
        if _is_relu(s.value):  # it is positive where its argument is, which need not be kept then
            self.rectified[s.value.args[0]] = Op("name", (), s.name)
        return replace(s, value=self.value(s.value))

    def value(self, op: Op) -> Op:
        found = Op(op.op, tuple(map(self.value, op.args)), op.data) if op.args else op
        if _is_relu(found):
            return Op("call", found.args[:1], "relu")
        if found.op == "call" and found.data in _BOUNDS and found.args[1].op == "number":
            return Op("call", found.args, _BOUNDS[found.data])
        if found.op == "mul":
            return next(self._slopes(found), found)
        return self._with_bias(found) if found.op == "add" else found

    def _with_bias(self, total: Op) -> Op:
        """A product of matrices, added to what is stored."""
        product = next((t for t in total.args if t.op == "matmul" and all(self._rank(f) == 2 for f in t.args)), None)
        bias = next((t for t in total.args if self._rank(t.args[0] if t.op == "select" else t) in (1, 2)), None)
        if product is None or bias is None:
            return total
        found = Op("call", (bias, *product.args), "addmm")
        rest = tuple(t for t in total.args if t is not product and t is not bias)
        return Op("add", (found, *rest)) if rest else found

    def _rank(self, op: Op) -> int:
        """The number of axes of a stored array, turned or not; 0 for anything else."""
        return self._rank(op.args[0]) if op.op == "permute" else self.ranks.get(op.data, 0) if op.op == "name" else 0

    def _slopes(self, product: Op) -> Iterator[Op]:
        """What is left of a product without the slope of an activation in it, handed to the function that multiplies with that slope."""
        for f in product.args:
            slope = _slope(f)
            if slope is None:
                continue
            form, a = slope
            rest = [g for g in product.args if g is not f]
            if form == "sigmoid_backward":
                if a not in rest:
                    continue
                rest.remove(a)
            if self._rank(a) and rest and any(map(self._is_whole, rest)):
                g = rest[0] if len(rest) == 1 else Op("mul", tuple(rest))
                yield Op("form", (g, self.rectified.get(a, a)), form)

    def _is_whole(self, op: Op) -> bool:
        """Whether an operation is certainly an array of numbers."""
        return op.op in ("add", "sub", "matmul", "neg") or self._rank(op) > 0


def _is_relu(op: Op) -> bool:
    return op.op == "call" and op.data == "maximum" and op.args[0].op == "name" and op.args[1] == _ZERO


def _slope(op: Op) -> tuple[str, Op] | None:
    """The form that multiplies with `1 - a`, `1 - a**2` or `z > 0`, and what it takes the slope of."""
    if op.op == "compare" and op.data == ">" and op.args[1] == _ZERO:
        return "relu_backward", op.args[0]
    if op.op != "add" or len(op.args) != 2 or op.args[0] != _ONE or op.args[1].op != "neg":
        return None
    taken = op.args[1].args[0]
    if taken.op == "pow" and taken.args[1] == Op("number", (), Integer(2)):
        return "tanh_backward", taken.args[0]
    return "sigmoid_backward", taken
