"""What was typed, laid out again: a parse tree into the tree of typographic nodes, with the part that a diagnosis is about marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from symbackprop.glyphs import FUNCTIONS
from symbackprop.parse import tree as p
from symbackprop.parse.latex import read_formula
from symbackprop.parse.python import read_python
from symbackprop.typeset import tree as t

__all__ = ["laid_out"]

_READERS = {"latex": read_formula, "python": read_python}
_VOCABULARY = p.Vocabulary(functions=FUNCTIONS | {"diag", "relu", "ReLU", "sigmoid", "softmax", "vec", "tr"})
_RELATIONS = {
    "=": "=", ":=": "define", "equiv": "equiv", "triangleq": "triangleq", "approx": "approx", "propto": "propto", "sim": "sim",
    "implies": "implies", "iff": "iff", "to": "to", "gets": "gets", "!=": "ne", "<": "lt", ">": "gt", "<=": "le", ">=": "ge", "in": "in",
    "notin": "notin",
}  # fmt: skip
_SIGNS = {"+": "+", "-": "-", "/": "slash", "cdot": "cdot", "times": "times", "odot": "odot", "circ": "circ", "otimes": "otimes"}
_FENCES = {"(": "(", ")": ")", "[": "[", "]": "]", "{": "{", "}": "}", "<": "langle", ">": "rangle", "|": "|", "||": "norm", ".": "none"}
_SEPARATORS = {",": "comma", ";": "semicolon", "|": "mid"}
_STYLES = {"bold": "bold", "cal": "calligraphic", "roman": "upright"}
_DIFFERENTIALS = {"partial": t.Symbol("partial"), "d": t.Symbol("d", "upright"), "delta": t.Symbol("delta")}
_TALL = (p.Fraction, p.Derivative, p.Big, p.Matrix, p.Cases)


def laid_out(text: str, syntax: str, start: int = 0, end: int = 0) -> t.Node:
    r"""The formula in a piece of source, LaTeX or Python-like, with what was read from `start` to `end` marked.

    Raises `ValueError` for text that cannot be read, or that has a part no writer knows.

    >>> from symbackprop.typeset.latex import latex
    >>> print(latex(laid_out(r"\delta = W \delta^{l+1} \odot \sigma'(z)", "latex", 9, 10)))
    \delta = \boxed{W} \delta^{l+1} \odot \sigma'(z)
    """
    formula = _READERS[syntax](text, _VOCABULARY)
    trees = [*(link.tree for link in formula.items if link.tree is not None), *formula.conditions]
    marked = _parts(trees, p.Span(start, end)) if end > start else []
    layout = _Layout(text, p.Span(start, end), frozenset(map(id, marked)))
    chain = [part for link in formula.items for part in layout.link(link)]
    beside = [part for condition in formula.conditions for part in (t.Operator("comma"), t.Space("quad"), layout.node(condition))]
    return t.row(*chain, *beside)


def _parts(trees: Iterable[p.Tree], mark: p.Span) -> list[p.Tree]:
    """The largest parts that lie within the mark; if none does, the smallest that holds it."""
    found: list[p.Tree] = []
    for tree in trees:
        low, high = tree.span
        if mark.start <= low < high <= mark.end:
            found.append(tree)
        elif low < mark.end and mark.start < high:
            within = _parts(_children(tree), mark)
            found += within or ([tree] if low <= mark.start and mark.end <= high else [])
    return found


def _children(tree: p.Tree) -> Iterator[p.Tree]:
    pending = [getattr(tree, f.name) for f in fields(tree) if f.name != "span"]
    for value in pending:
        if isinstance(value, p.Node):
            yield value  # type: ignore[misc]  # every node is one of the union
        elif isinstance(value, tuple):
            pending += value


@dataclass(frozen=True)
class _Layout:
    text: str
    mark: p.Span
    marked: frozenset[int]

    def link(self, link: p.Link) -> Iterator[t.Node]:
        if link.relation:
            yield _relation(link.relation)
        if link.tree is not None:
            yield self.node(link.tree)

    def node(self, tree: p.Tree) -> t.Node:
        if id(tree) not in self.marked:
            return self.plain(tree)
        # a mark that lies between the operands is the sign's
        if isinstance(tree, p.Infix) and tree.left.span.end <= self.mark.start and self.mark.end <= tree.right.span.start:
            return t.row(self.node(tree.left), t.Marked(_sign(tree.op)), self.node(tree.right))
        return t.Marked(self.plain(tree))

    def plain(self, tree: p.Tree) -> t.Node:
        match tree:
            case p.Number(text):
                return t.number(text)
            case p.Name():
                return _name(tree)
            case p.Script(base, sub, sup, primes):
                primed = t.Prime(self.node(base), primes) if primes else self.node(base)
                return t.Scripts(primed, self.script(sub), self.script(sup)) if sub or sup else primed
            case p.Juxtaposed(items):
                return t.row(*_together(map(self.node, items)))
            case p.Listed(items, separator):
                return t.join(map(self.node, items), t.Operator(_SEPARATORS.get(separator, separator)))
            case p.Infix("**", left, right):
                return t.Scripts(self.node(left), None, self.node(right))
            case p.Infix(op, left, right):
                return t.row(self.node(left), _sign(op), self.node(right))
            case p.Signed(op, arg):
                return t.row(t.Operator("minus_unary" if op == "-" else "+"), self.node(arg))
            case p.Fraction(above, below):
                return t.Fraction(self.node(above), self.node(below))
            case p.Root(arg, None):
                return t.Root(self.node(arg))
            case p.Derivative():
                return self.derivative(tree)
            case p.Nabla(of, by):
                nabla = t.Symbol("nabla")
                return t.row(nabla if by is None else t.Scripts(nabla, self.node(by)), self.node(of))
            case p.Big():
                return self.big(tree)
            case p.Call():
                return self.call(tree)
            case p.Fence(left, body, right):
                return t.Fence(self.node(body), _FENCES.get(left, left), _FENCES.get(right, right), _is_tall(body))
            case p.Relation(op, left, right):
                return t.row(self.node(left), _relation(op), self.node(right))
            case p.Indicator(condition):
                return t.row(t.Symbol("1", "bold_upright"), t.Fence(self.node(condition), "{", "}"))
            case p.Cases(pieces):
                return t.Cases(tuple((self.node(value), self.condition(condition)) for value, condition in pieces))
            case p.Matrix(rows):
                return t.Matrix(tuple(tuple(map(self.node, cells)) for cells in rows))
            case p.Dots():
                return t.Operator("ldots")
            case p.Text(text):
                return t.Text(f" {text} ")
        raise ValueError(f"a {type(tree).__name__} of this form has no layout")

    def maybe(self, tree: p.Tree | None) -> t.Node | None:
        return None if tree is None else self.node(tree)

    def script(self, tree: p.Tree | None) -> t.Node | None:
        """A layer and what follows it, `l+1` and `T`, stand apart."""
        if id(tree) not in self.marked and isinstance(tree, p.Juxtaposed) and any(isinstance(i, p.Infix) for i in tree.items):
            return t.join(map(self.node, tree.items), t.Space("thin"))
        return self.maybe(tree)

    def condition(self, tree: p.Tree | None) -> t.Node:
        return t.Text("otherwise") if tree is None else t.row(t.Text("if "), self.node(tree))

    def derivative(self, tree: p.Derivative) -> t.Node:
        sign = _DIFFERENTIALS[tree.sign]
        above = sign if len(tree.by) < 2 else t.Scripts(sign, None, t.Number(str(len(tree.by))))
        below = t.row(*(part for variable in tree.by for part in (sign, self.node(variable))))
        if isinstance(tree.of, (p.Name, p.Script)):
            return t.Fraction(t.row(above, self.node(tree.of)), below)
        return t.row(t.Fraction(above, below), *([] if tree.of is None else [self.node(tree.of)]))

    def big(self, tree: p.Big) -> t.Node:
        said = isinstance(tree.condition, p.Relation) and tree.condition.left in tree.indices
        below = [self.node(i) for i in tree.indices if not (said and isinstance(tree.condition, p.Relation) and i == tree.condition.left)]
        if tree.low is not None:
            below = [t.row(t.join(below, t.Operator("comma")), t.Operator("="), self.node(tree.low))]
        if tree.condition is not None:
            below.append(self.node(tree.condition))
        limits = t.join(below, t.Operator("comma")) if below else None
        return t.BigOperator(tree.kind, limits, self.maybe(tree.high), self.node(tree.body))

    def call(self, tree: p.Call) -> t.Node:
        """Brackets stand where they were typed: `log p` has none."""
        function = tree.function
        word = t.Symbol(function.name, "upright") if isinstance(function, p.Name) and _is_word(function) else self.node(function)
        options = [t.row(t.Symbol(name, "upright"), t.Operator("="), self.node(value)) for name, value in tree.options]
        arguments = t.join([*map(self.node, tree.args), *options], t.Operator("comma"))
        between = self.text[function.span.end : tree.args[0].span.start] if tree.args else ""
        if len(tree.args) == 1 and not options and tree.args[0].span.start >= function.span.end and not set(between) & set("([{"):
            return t.row(word, arguments)
        left, right = ("[", "]") if "[" in between else ("(", ")")
        return t.row(word, t.Fence(arguments, left, right, any(map(_is_tall, tree.args))))


def _together(nodes: Iterable[t.Node]) -> list[t.Node]:
    """The same nodes, neighbours that are marked under one mark."""
    found: list[t.Node] = []
    for node in nodes:
        before = found[-1] if found else None
        if isinstance(node, t.Marked) and isinstance(before, t.Marked):
            found[-1] = t.Marked(t.row(before.body, node.body))
        else:
            found.append(node)
    return found


def _is_word(name: p.Name) -> bool:
    return len(name.name) > 1 and not name.accents


def _is_tall(tree: p.Tree) -> bool:
    return isinstance(tree, _TALL) or any(map(_is_tall, _children(tree)))


def _relation(op: str) -> t.Operator:
    return t.Operator(_RELATIONS.get(op, op))


def _sign(op: str) -> t.Node:
    if op in _SIGNS:
        return t.Operator(_SIGNS[op])
    return t.row(t.Space("thin"), t.Symbol("ast"), t.Space("thin")) if op in ("*", "ast") else t.Text(f" {op} ")


def _name(name: p.Name) -> t.Node:
    styles = [_STYLES[a] for a in name.accents if a in _STYLES]
    style = "bold_upright" if {"bold", "upright"} <= set(styles) else styles[0] if styles else "upright" if name.name in FUNCTIONS else "italic"
    shown: t.Node = t.Symbol(name.name, style)
    for accent in name.accents:
        if accent not in _STYLES:
            shown = t.Accent(shown, accent)
    return shown
