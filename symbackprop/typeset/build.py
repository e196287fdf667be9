"""Equations, expressions, matrices and chains of them as layout trees, in one notation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from symbackprop.equations import Equation, Grad, Layers, Tensor, index, tensors
from symbackprop.errors import one_of
from symbackprop.lift import MatrixEquation, Var, children
from symbackprop.lift.matrix import Node as MatrixNode
from symbackprop.notation import Notation
from symbackprop.typeset import tree as t
from symbackprop.typeset.build_matrix import Matrices
from symbackprop.typeset.widths import break_line, width

__all__ = ["Builder", "build", "build_equation", "build_shape", "chain"]

RELATIONS = {"=": "=", "equiv": "equiv", "approx": "approx", "define": "define", "le": "le", "ge": "ge"}
_INDENT = t.Space("quad")


class Builder(Matrices):
    """Builds trees in one notation.

    `samples` is the number of examples of a batch where it is not `m` (then an index of that axis is printed as that of an
    example); `last` is the last layer where it is not `L`. `words` translates the words inside formulas: if, otherwise, and, or.
    `ahead` is added to the letter l of a layer; where it is None each equation chooses it as `about` does.
    """

    def __init__(
        self, notation: Notation, samples: Any = None, words: Mapping[str, str] | None = None, last: Any = None, ahead: int | None = None
    ) -> None:
        super().__init__(notation, samples, words, last, ahead)
        self.holes = {}

    def build(self, expr: Any) -> t.Node:
        """An expression, a tensor, a matrix expression, an equation of either kind, or the layers that one holds for.

        Raises:
            TypeError: the expression is of a kind that cannot be printed; the message names it.
        """
        if isinstance(expr, (Equation, MatrixEquation)):
            return self.equation(expr)
        if isinstance(expr, MatrixNode):
            return self.matrix(expr)
        return self.layers(expr) if isinstance(expr, Layers) else self.expr(expr)

    def about(self, *things: Any) -> Builder:
        """The same builder, the letter l chosen so that the weights in `things` are called W^(l), whichever layer they lead to."""
        notation, letter = self.notation, index("l")
        if notation.weight_layer == "to":
            return self
        layers = (tensor.layer for thing in things for tensor in _named_in(thing) if tensor.name in self.weights and tensor.layer is not None)
        behind = [1 - (layer - letter) for layer in layers if layer.has(letter)]
        return Builder(notation, self.samples, self.words, self.last, max(behind, default=0))

    def equation(self, equation: Equation | MatrixEquation) -> t.Row:
        """Both sides with the relation between them."""
        if self.ahead is None and self.notation.weight_layer == "from":
            return self.about(equation.lhs, equation.rhs).equation(equation)
        return t.row(self.build(equation.lhs), self.relation_sign(equation.relation), self.build(equation.rhs))

    def called(self, name: str, lhs: Any) -> str:
        """The name of a derivation by the layer that is printed on its left side: BP4-2 where the first weights are w^2.

        A name that ends in no number stays as it is.
        """
        kind, _, number = name.rpartition("-")
        layers = [self.layer_of(tensor) for tensor in _named_in(lhs) if tensor.layer is not None] if number.isdigit() else []
        return f"{kind}-{layers[-1]}" if layers else name

    def on_layers(self, node: t.Node, layers: Layers | None) -> t.Node:
        """A side of an equation, and after it the layers that the equation holds for, if there are many."""
        return node if layers is None else t.row(node, t.Operator("comma"), t.Space("quad"), self.layers(layers))

    @staticmethod
    def relation_sign(relation: str) -> t.Operator:
        """The sign of a relation by its name: =, equiv, approx, define, le, ge."""
        return t.Operator(RELATIONS[one_of("relation", relation, RELATIONS)])

    def shape(self, shape: Sequence[Any]) -> t.Node:
        """The sizes of a tensor's axes."""
        return t.join(map(self.number, shape), t.Operator("times")) if shape else t.Number("1")


def _named_in(thing: Any) -> Iterator[Tensor]:
    """The tensors in an expression or a matrix expression; of a gradient, what it is taken by."""
    for part in children(thing) if isinstance(thing, MatrixNode) else ():
        yield from _named_in(part)
    for tensor in (thing.tensor,) if isinstance(thing, Var) else () if isinstance(thing, MatrixNode) else tensors(thing):
        while isinstance(tensor, Grad):
            tensor = tensor.wrt
        yield tensor


def build(expr: Any, notation: Notation) -> t.Node:
    r"""The layout tree of an expression, a matrix expression, or an equation of either kind.

    >>> from symbackprop.equations import Tensor, index
    >>> from symbackprop.notation import load_notation
    >>> from symbackprop.typeset.latex import latex
    >>> w = Tensor("w", (3, 2), layer=index("l"))
    >>> print(latex(build(w[index("j"), index("k")], load_notation("ng"))))
    w^{[l]}_{jk}
    """
    return Builder(notation).build(expr)


def build_equation(equation: Equation | MatrixEquation, notation: Notation) -> t.Row:
    r"""The layout tree of an equation between entries or between matrices.

    >>> from symbackprop.equations import Equation, Func, Tensor, index
    >>> from symbackprop.notation import load_notation
    >>> from symbackprop.typeset.latex import latex
    >>> a, z, j = Tensor("a", (3,), 1), Tensor("z", (3,), 1), index("j")
    >>> print(latex(build_equation(Equation(a[j], Func("sigmoid", z[j])), load_notation("nielsen"))))
    a^2_j = \sigma(z^2_j)
    """
    return Builder(notation).equation(equation)


def build_shape(shape: Sequence[Any], notation: Notation) -> t.Node:
    r"""The sizes of a tensor's axes, rows by columns.

    >>> from symbackprop.equations import index, size
    >>> from symbackprop.notation import load_notation
    >>> from symbackprop.typeset.latex import latex
    >>> l = index("l")
    >>> print(latex(build_shape((size("n", l), size("n", l - 1)), load_notation("nielsen"))))
    n_l \times n_{l-1}
    """
    return Builder(notation).shape(shape)


def chain(lhs: t.Node, links: Iterable[tuple[str, t.Node, t.Node | None]], limit: float = 38) -> t.Aligned:
    r"""A derivation: `lhs`, then one line for each link `(relation, node, note)`, aligned at the relations.

    A line wider than `limit` ems is broken before a + or a -. Notes stand at the right if that fits, otherwise all of them
    stand below their lines.

    >>> from symbackprop.typeset.latex import latex
    >>> x, y, z = map(t.Symbol, "xyz")
    >>> print(latex(chain(x, [("=", y, t.Text("by definition")), ("=", z, None)])))
    \begin{aligned}
    x &= y &&\text{(by definition)} \\
    &= z
    \end{aligned}
    """
    room = max(limit - width(lhs), limit / 2)
    inner = room - width(_INDENT)
    lines: list[tuple[t.Node, t.Node, t.Node | None]] = []
    for relation, node, note in links:
        first, *more = break_line(t.row(Builder.relation_sign(relation), node), room)
        pieces = [first, *(t.row(_INDENT, piece) for piece in (break_line(t.row(*more), inner) if more else ()))]
        lines += [(t.EMPTY if lines or n else lhs, piece, note if n == len(pieces) - 1 else None) for n, piece in enumerate(pieces)]
    aligned = t.Aligned(tuple(lines))
    if width(aligned) <= limit or all(note is None for _, _, note in lines):
        return aligned
    below: list[tuple[t.Node, t.Node, t.Node | None]] = []
    for left, right, note in lines:
        below.append((left, right, None))
        below += [(t.EMPTY, t.row(_INDENT, line), None) for line in (_packed(note, inner) if note is not None else ())]
    return t.Aligned(tuple(below))


def _packed(note: t.Node, limit: float) -> list[t.Node]:
    """A note in parentheses on lines of its own, broken between words and formulas."""
    items = (t.Text("("), *t.row(note).items, t.Text(")"))
    words = [word for item in items for word in (_words(item.text) if isinstance(item, t.Text) else (item,))]
    lines: list[list[t.Node]] = [[]]
    for word in words:
        if word != t.Text(")") and width(t.row(*lines[-1], word)) > limit and lines[-1] not in ([], [t.Text("(")]):
            lines.append([])
        last = lines[-1][-1] if lines[-1] else None
        if isinstance(last, t.Text) and isinstance(word, t.Text):
            lines[-1][-1] = t.Text(last.text + word.text)
        else:
            lines[-1].append(word)
    return [t.row(*line) for line in lines]


def _words(text: str) -> list[t.Node]:
    """The words of a text, each with the space behind it."""
    return [t.Text(word) for word in re.findall(r"\s*\S+\s*|\s+", text)]
