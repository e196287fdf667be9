"""A network in a notation as the declarations of a problem: what is printed in notes is what a submission is read by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sympy import sympify

from symbackprop.backprop import Named
from symbackprop.checker.problem import Problem, problem_from
from symbackprop.documents.manner import layout_of, letters_of, style_of
from symbackprop.equations import Abstract, Entry, Equation, Func, Grad, Tensor, index, scalar, tensors
from symbackprop.errors import SpecError
from symbackprop.lift import lift_equation
from symbackprop.network import Network
from symbackprop.notation import Notation, load_notation, with_cost_of
from symbackprop.typeset.build import Builder
from symbackprop.typeset.build_names import glyph
from symbackprop.typeset.latex import latex

__all__ = ["declarations", "problem_of"]


def problem_of(net: Network, notation: str | Notation | None = None) -> Problem:
    """The problem of a network: submissions are read in the letters and the layout of a notation, by default Nielsen's.

    >>> from symbackprop.builders import mlp
    >>> [str(e.lhs) for e in problem_of(mlp([2, 1], activation="sigmoid"), "nielsen").equations][:2]
    ['z(2)', 'a(2)']
    """
    chosen = notation if isinstance(notation, Notation) else load_notation(notation or "nielsen")
    return _made(net, chosen)


@lru_cache(maxsize=32)
def _made(net: Network, notation: Notation) -> Problem:
    return problem_from(declarations(net, notation), f"the network '{net.name}'")


def declarations(net: Network, notation: Notation, named: Mapping[str, Named] | None = None) -> dict[str, Any]:
    """The table that declares a network with the cost of a notation, as a problem file holds it; `named` are other letters of gradients.

    Raises `SpecError` for a network whose equations have no form that is read back.
    """
    return _Declarations(with_cost_of(net, notation), notation, named).table()


class _Declarations:
    def __init__(self, net: Network, notation: Notation, named: Mapping[str, Named] | None = None) -> None:
        self.net, self.notation, self.layout = net, style_of(net, notation), layout_of(net, notation)
        self.named = letters_of(net, notation) if named is None else named
        self.builder = Builder(self.notation, net.samples, last=net.last_layer)

    def table(self) -> dict[str, Any]:
        net = self.net
        found: dict[str, Any] = {"title": net.name, "loss": self.whole(net.loss.tensor)}
        found["equations"] = [self.equation(e) for e in net.equations if not e.rhs.has(Abstract)]
        costs = [e for e in net.equations if isinstance(e.rhs, Abstract)]
        if costs:
            found["abstract"] = {self.whole(e.tensor): [self.whole(t) for t in e.rhs.arguments] for e in costs}
        computed = {t.name for e in net.equations for t in (e.tensor,)}
        given = dict.fromkeys(t for e in net.equations for t in tensors(e.rhs) if not isinstance(t, Grad))
        found["shapes"] = {self.whole(t): self.shape(t) for t in self.declared(list(given), computed)}
        found["same"] = self.outputs() | self.inputs()
        found |= self.samples() | self.layers() | self.facts() | self.scalars()
        found["names"] = self.names()
        found["functions"] = self.functions()
        found["conventions"] = {"broadcast": any(e.tensor.rank > 1 for e in net.equations), "vectors": "row" if self.layout.row_vectors else "column"}
        if self.layout.jacobians != "shape":
            found["conventions"] |= {"jacobian": self.layout.jacobians, "gradient": "jacobian" if self.layout.jacobians == "numerator" else "shape"}
        return found

    def whole(self, tensor: Tensor) -> str:
        """How the whole of a quantity is written."""
        return latex(self.builder.whole(tensor))

    def equation(self, e: Equation) -> str:
        """In matrix form; in index form where it has none, for which every axis has to be where the layout has it."""
        matrix = lift_equation(e, self.layout)
        if matrix is not None:
            return latex(self.builder.build(matrix))
        turned = next((t for t in (e.tensor, *tensors(e.rhs)) if self.axes(t) != sorted(self.axes(t))), None)
        if turned is not None:
            raise SpecError(f"{e} has no matrix form, and {turned} is stored with its axes in another order: declare the problem by hand")
        builder = self.builder.about(e.lhs, e.rhs)
        at = ",".join(latex(builder.number(i)) for i in e.lhs.indices)
        left = f"{{{self.whole(e.tensor)}}}_{{{at}}}" if at else latex(builder.build(e.lhs))  # z_{ij} could be another letter than Z
        return f"{left} = {latex(builder.build(e.rhs))}"

    def declared(self, given: list[Tensor], computed: set[str]) -> list[Tensor]:
        """What no matrix equation defines; a family of layers once, at its layer letter, for its input has no equation either."""
        families = [e.tensor for e in self.net.equations if e.layers is not None or lift_equation(e, self.layout) is None]
        return [*families, *(t for t in given if t.name not in computed)]

    def shape(self, tensor: Tensor) -> list[Any]:
        if tensor.rank == 2:
            return [1 if a is None else self.size(tensor.shape[a]) for a in self.layout.axes(tensor)]
        return [self.size(tensor.shape[a]) for a in self.axes(tensor)]

    def axes(self, tensor: Tensor) -> list[int]:
        """The axes of the index form in the order in which the layout has them."""
        return list(range(tensor.rank)) if tensor.rank > 2 else [a for a in self.layout.axes(tensor) if a is not None]

    def size(self, n: Any) -> Any:
        return int(n) if sympify(n, strict=True).is_Integer else latex(self.builder.number(n))

    def functions(self) -> dict[str, str]:
        """The functions of one number; where there is one only, the letter for any activation stands for it too, unless it is a quantity's."""
        names = list(dict.fromkeys(f.name for e in self.net.equations for f in e.rhs.atoms(Func)))
        found = {latex(self.builder.function_name(f)): f for f in names}
        letter = latex(self.builder.function_name("sigma"))
        taken = {self.whole(t) for e in self.net.equations for t in (e.tensor, *tensors(e.rhs))}
        return found if len(names) != 1 or letter in taken else {letter: names[0]} | found

    def samples(self) -> dict[str, Any]:
        if self.net.samples is None:
            return {}
        return {"samples": str(self.size(self.net.samples)), "sample_letters": [latex(self.builder.number(index("s")))]}

    def outputs(self) -> dict[str, str]:
        """The letters of the last layer's quantities, beside those of the family they belong to."""
        found, plain = {}, Builder(replace(self.notation, output={}), self.net.samples, last=self.net.last_layer)
        for e in self.net.equations:
            last = e.layers is not None and e.tensor.name in self.notation.output and e.tensor
            if last:
                at_last = Tensor(last.name, e.at_layer(self.net.depth).tensor.shape, self.net.depth)
                found[self.whole(at_last)] = latex(plain.whole(at_last))
        return found

    def inputs(self) -> dict[str, str]:
        """The input as what stands before the first layer: A^{[0]} for X, since A^{[1]} is to the second layer what X is to the first."""
        layered = {(e.tensor.name, e.tensor.layer): tensors(e.rhs) for e in self.net.equations if e.tensor.layer is not None and e.layers is None}
        found = {}
        for (name, layer), first in layered.items():
            for x, a in zip(first, layered.get((name, layer + 1), ()), strict=False):
                if x.layer is None and x in self.net.inputs and a.layer == layer:
                    found[self.whole(Tensor(a.name, x.shape, layer - 1))] = self.whole(x)
        return found

    def layers(self) -> dict[str, Any]:
        layered = next((e.layers for e in self.net.equations if e.layers is not None), None)
        if layered is not None:
            families = [self.builder.about(e.lhs, e.rhs).ends(e.layers)[0] for e in self.net.equations if e.layers is not None]
            low, last = min(families), latex(self.builder.number(self.net.depth))
            return {"layers": {latex(self.builder.number(layered.symbol)): last if low == 1 else f"{low}, ..., {last}"}}
        involved = {t for e in self.net.equations for t in (e.tensor, *tensors(e.rhs))}
        named = self.builder.layer_names
        numbers = [int(self.builder.numbered(t.layer)) for t in involved if t.layer is not None and t.layer.is_Integer]
        if named and numbers:
            letters = ", ".join(f"{latex(glyph(letter))} = {n}" for n, letter in enumerate(named) if n <= max(numbers))
            return {"layers": {latex(self.builder.number(index("l"))): letters}}
        return {"layers": {latex(self.builder.number(index("l"))): max(numbers)}} if numbers else {}

    def facts(self) -> dict[str, Any]:
        kinds = {"one_hot": "one_hot", "binary": "binary", "sign": "sign"}
        if self.net.target not in kinds:
            return {}
        return {"facts": {kinds[self.net.target]: [self.whole(t) for t in self.net.targets]}}

    def scalars(self) -> dict[str, Any]:
        symbols = {s for e in self.net.equations for s in e.rhs.free_symbols if getattr(s, "is_Symbol", False) and not isinstance(s, Entry)}
        found = sorted((s for s in symbols if not s.is_integer and s == scalar(str(s), bool(s.is_positive))), key=str)
        return {"scalars": [latex(self.builder.scalar(s)) for s in found]} if found else {}

    def names(self) -> dict[str, str]:
        """The letters that the notation gives to gradients."""
        found = {}
        loss = self.whole(self.net.loss.tensor)
        for of, named in self.named.items():
            for e in self.net.equations:
                for t in (e.tensor, *tensors(e.rhs)):
                    shifted = (e.layers is not None and t.layer != e.layers.symbol) or (t.layer is not None and t.layer == self.net.depth)
                    if t.name == of and not isinstance(t, Grad) and not shifted:
                        letter = self.whole(Tensor(named.symbol, t.shape, t.layer))
                        factor = "" if named.factor == 1 else f"{self.size(named.factor)} "
                        found[letter] = f"{factor}\\frac{{\\partial {loss}}}{{\\partial {self.whole(t)}}}"
        return found | self.shared_letters()

    def shared_letters(self) -> dict[str, str]:
        """The entries of a vector whose letter in index form is that of another quantity: C_s beside C."""
        wholes = {self.whole(e.tensor): e.tensor for e in self.net.equations}
        found = {}
        for e in self.net.equations:
            letter = latex(self.builder.whole(Tensor(e.tensor.name, (), e.tensor.layer)))
            if e.tensor.rank == 1 and wholes.get(letter, e.tensor) != e.tensor:
                at = (index("s"),)
                found[latex(self.builder.build(Entry(e.tensor, *at)))] = f"{{{self.whole(e.tensor)}}}_{{{latex(self.builder.number(at[0]))}}}"
        return found
