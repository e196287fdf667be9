"""Where two notations really differ for one network: the settings are compared, and what is printed with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sympy import Mul, Pow, S, exp, preorder_traversal

from symbackprop.equations import Entry, Func, Grad, Tensor, index, size, summation, tensors
from symbackprop.languages import ENGLISH, Language, Message
from symbackprop.lift import Broadcast, Hadamard, Map, MatMul, Transpose, Var, children, placeholder
from symbackprop.lift.matrix import Node as MatrixNode
from symbackprop.translate.sides import Side
from symbackprop.typeset.build_names import glyph
from symbackprop.typeset.latex import latex
from symbackprop.typeset.tree import Node, Operator, join, row

__all__ = ["Difference", "called", "differences"]

_MEANINGS = {
    "x": Message("the input"), "z": Message("the pre-activations"), "a": Message("the activations"), "w": Message("the weights"),
    "b": Message("the biases"), "y": Message("the target"), "L": Message("the losses of the examples"), "C": Message("the cost"),
    "J": Message("the cost"),
}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One thing that the two notations do differently: what it is, and what stands for it in each, a formula or words.

    `kind` is letter, layers, indices, layout, gradient, cost, factor, transposes, order, sign or style.
    """

    kind: str
    what: str
    first: Node | Message
    second: Node | Message

    def __str__(self) -> str:
        return self.said(ENGLISH)

    def said(self, language: Language) -> str:
        """The difference on one line in a language, formulas in LaTeX."""
        one, other = (language.say(side) if isinstance(side, Message) else latex(side) for side in (self.first, self.second))
        return f"{language.say(self.what)}: {one} | {other}"


Finder = Callable[[Side, Side], Iterator[Difference]]


def differences(first: Side, second: Side) -> tuple[Difference, ...]:
    """Everything in which two sides of one network differ, what is the same left out."""
    return tuple(d for find in _FINDERS for d in find(first, second) if _printed(d.first) != _printed(d.second))


def _printed(side: Node | Message) -> str:
    return side if isinstance(side, Message) else latex(side)


def _quantities(side: Side) -> dict[str, Tensor]:
    """The quantities of a network, one of each name, without their layers."""
    return {t.name: Tensor(t.name, t.shape) for e in side.net.equations for t in (e.tensor, *tensors(e.rhs))}


def _plain(side: Side, tensor: Tensor) -> Node:
    """The letters of a quantity without layers: of an entry, and of the whole where that has another."""
    one = glyph(side.notation.symbols.get(tensor.name, tensor.name))
    whole = side.builder.whole(tensor)
    return one if not tensor.rank or latex(whole) == latex(one) else row(one, Operator("comma"), whole)


def _letters(first: Side, second: Side) -> Iterator[Difference]:
    for name, tensor in _quantities(first).items():
        yield Difference("letter", _MEANINGS.get(name, name), _plain(first, tensor), _plain(second, tensor))
    for of in sorted({*first.notation.output, *second.notation.output} & {*_quantities(first)}):
        at_last = next((e.tensor for e in first.net.equations if e.tensor.name == of and e.tensor.layer == first.net.last_layer), None)
        at_last = at_last or Tensor(of, _quantities(first)[of].shape, first.net.last_layer)
        what = Message("{quantity} of the last layer", quantity=_MEANINGS.get(of, of))
        yield Difference("letter", what, first.builder.whole(at_last), second.builder.whole(at_last))
    for name in sorted({f.name for e in first.net.equations for f in e.rhs.atoms(Func)}):
        yield Difference("letter", Message("the function {name}", name=name), first.builder.function_name(name), second.builder.function_name(name))
    if first.net.samples is not None:
        shown = [s.builder.number(s.net.samples) for s in (first, second)]
        yield Difference("letter", Message("the number of examples"), *shown)


def _layers(first: Side, second: Side) -> Iterator[Difference]:
    if not any(e.tensor.layer is not None for e in first.net.equations):
        return

    yield Difference("layers", Message("the layer of a quantity"), *(s.builder.whole(Tensor("z", (2,), index("l"))) for s in (first, second)))
    yield Difference("layers", Message("the number of the input layer"), *(s.builder.number(s.builder.numbered(S.Zero)) for s in (first, second)))
    leads = [s.builder.layer_of(Tensor("z", (), 1)) - s.builder.layer_of(Tensor("w", (), 1)) for s in (first, second)]
    shown = [s.builder.number(index("l") + n) for s, n in zip((first, second), leads, strict=True)]
    yield Difference("layers", Message("the layer to which weights with the letter of a layer lead"), *shown)
    if first.net.depth is not None:
        shown = [s.builder.number(s.net.depth) for s in (first, second)]
        yield Difference("layers", Message("the number of the last layer"), *shown)


def _indices(first: Side, second: Side) -> Iterator[Difference]:
    w = _quantities(first).get("w")
    if w is not None and w.rank == 2:
        at = (index("j"), index("k"))
        shown = [join((s.builder.entry(Entry(w, *at)), s.builder.number(at[0]), s.builder.number(at[1])), Operator("comma")) for s in (first, second)]
        orders = {s.notation.weight_index for s in (first, second)}
        if len(orders) > 1:
            yield Difference("indices", Message("a weight, the unit it leads to, the unit it comes from"), *shown)
    if first.net.samples is not None:
        a = _quantities(first).get("a")
        if a is not None and first.notation.sample_style != second.notation.sample_style:
            entry = Entry(a, index("j"), index("s"))
            yield Difference("indices", Message("unit and example of an activation"), first.builder.entry(entry), second.builder.entry(entry))


_COLUMN_WORD, _ROW_WORD = Message("a column"), Message("a row")
_WAYS: tuple[tuple[str, Message, dict[Any, Message]], ...] = (
    ("z", Message("an example in a batch"), {(0, 1): _COLUMN_WORD, (1, 0): _ROW_WORD, (0, None): _COLUMN_WORD, (None, 0): _ROW_WORD}),
    ("w", Message("the rows of a weight matrix"), {(0, 1): Message("the units it leads to"), (1, 0): Message("the units it comes from")}),
)


def _index_letters(first: Side, second: Side) -> Iterator[Difference]:
    """The letters of the indices that stand in the results."""
    used = {str(s) for side in (first, second) for d in side.derivations.values() for i in _indices_in(d.result.rhs) for s in i.free_symbols}
    for name in sorted(used & {*first.notation.indices, *second.notation.indices}):
        what = Message("the index of an example") if name == "s" else Message("an index of an entry")
        yield Difference("indices", what, *(s.builder.number(index(name)) for s in (first, second)))


def _indices_in(expr: Any) -> Iterator[Any]:
    for entry in expr.atoms(Entry):
        yield from entry.indices


def _layouts(first: Side, second: Side) -> Iterator[Difference]:
    for name, what, words in _WAYS:
        tensor = _quantities(first).get(name)
        if tensor is not None and tensor.rank in (1, 2):
            what = Message("an example") if tensor.rank == 1 else what
            yield Difference("layout", what, *(words[s.layout.axes(tensor)] for s in (first, second)))
    b = _quantities(first).get("b")
    if b is not None and b.rank == 1:
        gradient = Grad(first.net.loss.tensor, b)
        words = _WAYS[0][2]
        pairs = [(words[s.layout.axes(b)], words[s.layout.axes(gradient)]) for s in (first, second)]
        shown = [Message("{vector} whose gradient is {other}", vector=one, other=other) for one, other in pairs]
        yield Difference("layout", Message("a vector of biases"), *shown)


def _gradients(first: Side, second: Side) -> Iterator[Difference]:
    """What stands for the gradient by each quantity, with what it means: dZ = m dJ/dZ."""
    signs = (name for name in "abwz" if (name in first.notation.nabla) != (name in second.notation.nabla))
    for of in dict.fromkeys((*first.named, *second.named, *signs)):
        tensor = _at_a_layer(first, of)
        if tensor is not None:
            what = Message("the gradient by {quantity}", quantity=_MEANINGS.get(of, of))
            yield Difference("gradient", what, _gradient(first, tensor), _gradient(second, tensor))


def _at_a_layer(side: Side, name: str) -> Tensor | None:
    found = [t for e in side.net.equations for t in (e.tensor, *tensors(e.rhs)) if t.name == name]
    return min(found, key=lambda t: t.layer is not None and t.layer.is_Add, default=None)


def _gradient(side: Side, tensor: Tensor) -> Node:
    loss, letters = side.net.loss.tensor, side.named.get(tensor.name)
    builder = side.builder.about(Entry(tensor, *(index(c) for c in "jk"[: tensor.rank])))
    fraction = builder.whole(Grad(loss, tensor))
    if letters is None:
        return fraction
    factor = () if letters.factor == 1 else (builder.expr(letters.factor),)
    return row(builder.whole(Tensor(letters.symbol, tensor.shape, tensor.layer)), Operator("="), *factor, fraction)


def _costs(first: Side, second: Side) -> Iterator[Difference]:
    for one, other in zip(first.net.equations, second.net.equations, strict=True):
        if one.rhs != other.rhs:
            yield Difference("cost", Message("the definition of a cost"), first.builder.build(one), second.builder.build(other))


def _factors(first: Side, second: Side) -> Iterator[Difference]:
    """The derivations whose results carry the 1/m of a mean in one notation only."""
    if first.net.samples is None:
        return
    for name, one, other in _pairs(first, second):
        carries = [_carries(s, d) for s, d in ((first, one), (second, other))]
        if carries[0] != carries[1]:
            yield Difference("factor", _in(Message("the place of the mean"), called(first, second, name)), first.result(one), second.result(other))


def _carries(side: Side, derivation: Any) -> bool:
    return any(p == Pow(side.net.samples, -1) for p in preorder_traversal(derivation.result.rhs))


def _pairs(first: Side, second: Side) -> Iterator[tuple[str, Any, Any]]:
    for name, d in first.derivations.items():
        if name in second.derivations:
            yield name, d, second.derivations[name]


def _products(first: Side, second: Side) -> Iterator[Difference]:
    """Where a transpose stands in one notation and not in the other, and products whose factors stand the other way round."""
    forms = [(n, a.matrix, b.matrix) for n, a, b in _pairs(first, second)]
    names = [("", m, k) for (_, m), (_, k) in zip(first.forward, second.forward, strict=True)]
    for name, one, other in (*names, *((called(first, second, n), a, b) for n, a, b in forms)):
        if one is None or other is None:
            continue
        turned = [sorted(_transposed(s, m.rhs)) for s, m in ((first, one), (second, other))]
        ordered = [[_order(s, p) for p in _parts(m.rhs) if isinstance(p, MatMul)] for s, m in ((first, one), (second, other))]
        if turned[0] != turned[1]:
            yield Difference("transposes", _in(Message("the transposes"), name), first.builder.build(one), second.builder.build(other))
        elif ordered[0] != ordered[1]:
            yield Difference("order", _in(Message("the order of factors"), name), first.builder.build(one), second.builder.build(other))


def called(first: Side, second: Side, name: str) -> str:
    """What the derivation is called in both notations; BP4-2 and BP4-1 where they count layers from different numbers."""
    names = [s.builder.called(name, s.derivations[name].lhs) for s in (first, second) if name in s.derivations]
    if not name.startswith("BP"):
        return ""
    return names[0] if len({*names}) == 1 else Message("{first} and {last}", first=names[0], last=names[1])


def _orders(first: Side, second: Side) -> Iterator[Difference]:
    """Results whose factors stand the other way round in index form."""
    for name, one, other in _pairs(first, second):
        written = [[_factor(s, f) for m in _products_in(d.result.rhs) for f in s.builder.ordered(m.args)] for s, d in ((first, one), (second, other))]
        if written[0] != written[1] and sorted(written[0]) == sorted(written[1]):
            yield Difference("order", _in(Message("the order of factors"), called(first, second, name)), first.result(one), second.result(other))


def _products_in(expr: Any) -> Iterator[Any]:
    yield from (m for m in preorder_traversal(expr) if isinstance(m, Mul) and m.atoms(Entry))


def _factor(side: Side, factor: Any) -> str:
    """A factor by what stands in it, with the names that both notations have."""
    return type(factor).__name__ + " ".join(sorted({_canonical(side, t) for t in tensors(factor)}))


def _in(what: str, name: str) -> str:
    """With the number of the equation, where it has one."""
    return Message("{what} in {equation}", what=what, equation=name) if name else what


def _parts(node: MatrixNode) -> Iterator[MatrixNode]:
    yield node
    for part in children(node):
        yield from _parts(part)


def _canonical(side: Side, tensor: Tensor) -> str:
    """A quantity by the name that it has in both notations: the letter of a gradient is that gradient."""
    of = next((of for of, named in side.named.items() if named.symbol == tensor.name), None)
    while isinstance(tensor, Grad):
        of, tensor = tensor.wrt.name, tensor.wrt
    return f"{tensor.name}({tensor.layer})" if of is None else f"d{of}({tensor.layer})"


def _order(side: Side, product: MatMul) -> tuple[str, ...]:
    return tuple(_canonical(side, p.tensor) for p in _parts(product) if isinstance(p, Var))


def _transposed(side: Side, node: MatrixNode) -> Iterator[str]:
    for part in _parts(node):
        if isinstance(part, Transpose):
            yield from (_canonical(side, p.tensor) for p in _parts(part) if isinstance(p, Var))


def _signs(first: Side, second: Side) -> Iterator[Difference]:
    """The signs of products entry by entry and of transposes, where both print them."""
    yield Difference("sign", Message("the product entry by entry"), *(Operator(s.notation.hadamard) for s in (first, second)))
    yield Difference("sign", Message("a transpose"), *(glyph(s.notation.transpose) for s in (first, second)))
    for setting, (what, example) in _STYLES.items():
        if getattr(first.notation, setting) != getattr(second.notation, setting):
            yield Difference("style", what, *(s.builder.build(example) for s in (first, second)))


_J, _N = index("j"), size("n")
_A, _B, _Y, _Z = (Tensor(name, (_N,)) for name in "abyz")
_COLUMN = (0, None)
_STYLES: dict[str, tuple[str, Any]] = {
    "transpose_style": (Message("a transpose beside a layer"), Transpose(Var(Tensor("w", (_N, _N), index("l")), (0, 1)))),
    "sum_limits": (Message("the limits of a sum"), summation(_A[_J], (_J, 1, _N))),
    "division": (Message("a division entry by entry"), Hadamard((Var(_Y, _COLUMN), Map(1 / placeholder(1), (Var(_A, _COLUMN),))))),
    "exponential": (Message("the exponential function"), exp(_Z[_J])),
    "function_powers": (Message("a power of a function"), Pow(Func("tanh", _Z[_J]), 2)),
    "explicit_broadcast": (Message("a repeated vector, written out"), Broadcast(Var(_B, _COLUMN), "columns", size("m"))),
}


_FINDERS: tuple[Finder, ...] = (_letters, _layers, _indices, _index_letters, _layouts, _gradients, _costs, _factors, _products, _orders, _signs)
