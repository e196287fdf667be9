"""Equations in which every function stands alone: what it is taken of and what it gives are quantities with names.

`h = tanh(W x + b) + x` is computed as `z_h = W x + b`, `tanh_h = tanh(z_h)` and `h = tanh_h + x`. Then the slope is said by a value
that is there, `1 - tanh_h**2`, and the gradient by z_h, which W and b share, is found once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sympy import Add, Sum, Symbol

from symbackprop.codegen.forms import with_tails
from symbackprop.codegen.logistic import with_names
from symbackprop.codegen.quotients import with_places
from symbackprop.codegen.stable import sizes_of
from symbackprop.equations import Entry, Equation, Func, Grad, Tensor, rebuild, tensors
from symbackprop.network import Network
from symbackprop.rules import ACTIVATIONS

__all__ = ["Parts", "with_functions_apart"]


def with_functions_apart(net: Network) -> Network:
    """A network that was typed, with the functions in its equations as equations of their own; what a builder made has them so.

    >>> net = Network.from_equations(["h[j] = tanh(sum(k, w[j, k]*x[k])) + x[j]", "C = sum(j, h[j])"],
    ...                              tensors={"w": (2, 2), "x": (2,)}, parameters=["w"])
    >>> [str(e) for e in with_functions_apart(net).equations][:2]
    ['z_h[j] = Sum(x[k]*w[j, k], (k, 1, 2))', 'tanh_h[j] = tanh(z_h[j])']
    """
    if not net.typed:
        return net
    net = replace(net, equations=tuple(replace(e, rhs=with_names(e.rhs)) for e in net.equations))
    if not any(e.rhs.has(Func) for e in net.equations):
        return net
    known: dict[Any, Tensor] = {}
    taken = {(t.name, t.layer) for e in net.equations for t in (e.tensor, *tensors(e.rhs))}
    equations: list[Equation] = []
    for e in net.equations:
        equations += Parts(e, known, taken).equations() if e.rhs.has(Func) else [e]
    return replace(net, equations=tuple(equations))


class Parts:
    """The equations of one equation; `known` are the quantities that there are, `taken` the names of all."""

    def __init__(self, equation: Equation, known: dict[Any, Tensor], taken: set[tuple[str, Any]]) -> None:
        self.equation, self.known, self.taken = equation, known, taken
        self.sizes = sizes_of(equation)
        self.before: list[Equation] = []
        # A sum whose tail is computed by a form of its own keeps its functions, for there they would lose their digits.
        self.kept = {f for s in equation.rhs.atoms(Add) if with_tails(s) is not s for f in s.atoms(Func)}

    def equations(self) -> list[Equation]:
        e = self.equation
        if isinstance(e.rhs, Func) and self.splits(e.rhs):
            argument = self.entry("z", self.visit(e.rhs.argument, e.lhs.indices), e.lhs.indices)
            whole = replace(e, rhs=Func(e.rhs.name, argument))
            self.known.setdefault(self.key(whole.rhs, e.lhs.indices), e.tensor)
            return [*self.before, whole]
        rhs = self.visit(e.rhs, e.lhs.indices)
        return [*self.before, replace(e, rhs=rhs)]

    def splits(self, f: Func) -> bool:
        return f.order == 0 and f not in self.kept and f.name in ACTIVATIONS and not ACTIVATIONS[f.name].vector and f.argument.has(Entry)

    def visit(self, e: Any, letters: tuple[Any, ...]) -> Any:
        """`e` with entries in place of its functions; `letters` are the indices that the left side and the sums around it bind."""
        if isinstance(e, Entry) or not e.args or e in self.kept or not e.has(Func):
            return e
        if isinstance(e, Sum):
            body = self.visit(e.function, (*letters, *(k for k, *_ in e.limits)))
            return rebuild(e, (body, *e.limits))
        if isinstance(e, Func):
            if not self.splits(e):
                return e
            return self.entry(e.name, Func(e.name, self.entry("z", self.visit(e.argument, letters), letters)), letters)
        return rebuild(e, tuple(self.visit(a, letters) for a in e.args))

    def entry(self, name: str, value: Any, letters: tuple[Any, ...]) -> Entry:
        """A quantity of its own that has this value; an entry of a tensor is one already."""
        if isinstance(value, Entry) and len({*value.indices}) == len(value.indices) and all(isinstance(i, Symbol) for i in value.indices):
            return value
        free = self.free(value, letters)
        key = self.key(value, free)
        if key not in self.known:
            tensor = Tensor(self.name(name, value), [self.sizes[i] for i in free], self.equation.tensor.layer)
            self.known[key] = tensor
            self.before.append(Equation(Entry(tensor, *free), value))
        return Entry(self.known[key], *free)

    def free(self, value: Any, letters: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(i for i in letters if value.has(i))

    def key(self, value: Any, letters: tuple[Any, ...]) -> Any:
        return with_places(value, self.free(value, letters))

    def name(self, name: str, value: Any) -> str:
        """`tanh_z` where z is a quantity of the author's, else after what the equation defines, `z_h` and `tanh_h`; numbered if taken."""
        defined, layer = self.equation.tensor, self.equation.tensor.layer
        of = f"d{defined.wrt.name}" if isinstance(defined, Grad) else defined.name
        argument = value.argument.tensor.name if isinstance(value, Func) and isinstance(value.argument, Entry) else f"z_{of}"
        wanted = f"{name}_{of if argument.startswith('z_') else argument}"
        found, number = wanted, 1
        while (found, layer) in self.taken:
            number += 1
            found = f"{wanted}{number}"
        self.taken.add((found, layer))
        return found
