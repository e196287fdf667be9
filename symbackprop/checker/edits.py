"""Small changes to what somebody wrote, each a kind of mistake undone: where, what stands there instead, and how likely it is.

A change is made in the text, at the place where a part of its tree was read, so that the mended formula is in the writer's own
letters; it counts only if the mended text can be read and is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from symbackprop.checker.context import Constant, Context, Macro, Quantity, Size
from symbackprop.checker.conventions import children
from symbackprop.checker.symbols import TRANSPOSES, key, letter_key, parts
from symbackprop.parse.tree import (
    Big,
    Call,
    Derivative,
    Fence,
    Fraction,
    Infix,
    Juxtaposed,
    Name,
    Number,
    Script,
    Signed,
    Tree,
)

__all__ = ["LATEX", "PYTHON", "Dialect", "Edit", "edits"]


@dataclass(frozen=True)
class Edit:
    """`text[start:end]` replaced by `new`: undoes a mistake of `kind`; `words` name what was exchanged. Cheap edits are tried first."""

    kind: str
    start: int
    end: int
    new: str
    words: tuple[str, str] = ("", "")
    cost: int = 1


@dataclass(frozen=True)
class Dialect:
    """How operations are typed."""

    transposed: Callable[[str], str]
    times: Callable[[str, str], str]
    hadamard: Callable[[str, str], str]
    product: Callable[[str, str], str]
    over: Callable[[str, str], str]
    summed: Callable[[str, str], str]
    squared: Callable[[str], str]


LATEX = Dialect(
    transposed=lambda a: f"{{{a}}}^T", times=lambda a, b: f"{a} {b}", hadamard=lambda a, b: f"{a} \\odot {b}", product=lambda a, b: f"{a} {b}",
    over=lambda a, b: f"\\frac{{{a}}}{{{b}}}", summed=lambda k, a: f"\\sum_{{{k}}} {a}", squared=lambda a: f"{a}^2",
)  # fmt: skip
PYTHON = Dialect(
    transposed=lambda a: f"{a}.T", times=lambda a, b: f"{a} * {b}", hadamard=lambda a, b: f"{a} * {b}", product=lambda a, b: f"{a} @ {b}",
    over=lambda a, b: f"({a}) / {b}", summed=lambda k, a: f"np.sum({a}, axis={k}, keepdims=True)", squared=lambda a: f"{a}**2",
)  # fmt: skip

_PRODUCTS = ("cdot", "times", "odot", "circ", "*", ".*", "@", "bullet", "ast", "star")
_WHOLE = (Name, Script, Fence, Number, Call, Fraction, Derivative)


@dataclass
class _Editor:
    text: str
    context: Context
    dialect: Dialect
    left: Tree
    names: Sequence[str]

    def slice(self, tree: Tree) -> str:
        return self.text[tree.span.start : tree.span.end]

    def grouped(self, tree: Tree) -> str:
        """A part as one factor."""
        found = self.slice(tree)
        return found if isinstance(tree, _WHOLE) else f"({found})"

    def edit(self, kind: str, tree: Tree, new: str, before: str = "", after: str = "", cost: int = 1) -> Edit:
        return Edit(kind, tree.span.start, tree.span.end, new, (before or self.slice(tree), after or new), cost)

    def at(self, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
        """The changes at one part."""
        match tree:
            case Name() | Script():
                yield from self.symbol(tree, parent)
            case Signed(op, arg):
                yield self.edit("sign", tree, f"{'+' if op == '-' else '-'} {self.slice(arg)}" if op == "+" else self.slice(arg))
            case Infix("+" | "-" as op, a, b):
                yield self.edit("sign", tree, f"{self.slice(a)} {'-' if op == '+' else '+'} {self.slice(b)}", cost=1)
                yield self.edit("missing term", tree, self.slice(a), self.slice(b), cost=5)
                yield from self.brackets(tree, op, a, b)
            case Infix(op, a, b) if op in _PRODUCTS:
                yield from self.pair(tree, a, b, op)
            case Juxtaposed(items):
                yield from self.run(tree, items)
            case Fraction(above, below) | Infix("/", above, below):
                yield self.edit("inverse", tree, self.dialect.over(self.slice(below), self.grouped(above)), cost=4)
                yield self.edit("factor", tree, self.grouped(above), self.dialect.over("1", self.slice(below)), "1", cost=3)
                if isinstance(above, Number):
                    yield self.edit("factor", tree, "1", cost=3)
            case Number(text) if isinstance(parent, (Juxtaposed, Infix)) and text not in ("0", "1"):
                yield self.edit("factor", tree, "1", cost=2)
            case Big(_, indices, _, _, _, body):
                yield self.edit("sum", tree, self.slice(body), cost=3)
                if len(indices) == 1 and tree.condition is not None:
                    yield self.edit("sum condition", tree, self.dialect.summed(self.slice(indices[0]), self.slice(body)), cost=3)
            case Call(function, args):
                yield from self.call(tree, function, args)
            case Fence(_, body, _) if isinstance(body, Infix) and isinstance(parent, Juxtaposed):
                yield self.edit("bracket", tree, self.slice(body), cost=4)
        if isinstance(tree, (Name, Script, Fence, Derivative)) and not isinstance(parent, Call):
            yield self.edit("transpose", tree, self.dialect.transposed(self.slice(tree)), cost=2)
            yield self.edit("power", tree, self.dialect.squared(self.slice(tree)), cost=4)

    def symbol(self, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
        """Another layer, other indices, another letter, a transpose or a power less."""
        if isinstance(tree, Script):
            for part in (*parts(tree.sub), *parts(tree.sup)):
                inner = part.body if isinstance(part, Fence) else part
                yield from self.shifted(tree, part, inner)
                if key(part) in TRANSPOSES:
                    yield self.without(tree, part, "transpose")
                elif part in parts(tree.sup) and isinstance(part, (Number, Signed)) and not self.is_layer(inner):
                    yield self.without(tree, part, "power")
            yield from self.other_indices(tree)
            if tree.primes and tree.primes == 1 and "'" in self.slice(tree):
                yield self.edit("prime", tree, self.slice(tree).replace("'", "", 1), cost=2)
        letter = self.slice(tree.base) if isinstance(tree, Script) else self.slice(tree)
        for name in self.names:
            if name != letter and not isinstance(parent, Call):
                new = self.slice(tree).replace(letter, name, 1)
                yield self.edit("operand", tree, new, cost=3)

    def is_layer(self, inner: Tree) -> bool:
        from symbackprop.checker.symbols import family_number

        return family_number(inner, {**dict.fromkeys(self.context.families, 1), **self.context.depths}) is not None

    def shifted(self, tree: Script, part: Tree, inner: Tree) -> Iterator[Edit]:
        """The neighbouring layers."""
        if not self.context.families or not self.is_layer(inner):
            return
        written = self.slice(inner)
        for new in _neighbours(inner, written):
            whole = self.slice(tree)
            at = inner.span.start - tree.span.start
            changed = f"{{{new}}}" if len(new) > 1 and not isinstance(part, Fence) and whole[at - 1 : at] != "{" else new
            yield self.edit("layer", tree, whole[:at] + changed + whole[at + len(written) :], cost=2)

    def without(self, tree: Script, part: Tree, kind: str) -> Edit:
        whole, at = self.slice(tree), part.span.start - tree.span.start
        new = whole[:at] + whole[part.span.end - tree.span.start :]
        for empty in ("^{}", "^\\", "_{}"):
            new = new.replace(empty, "") if empty != "^\\" else new
        return self.edit(kind, tree, new.rstrip("^._ "), cost=2)

    def other_indices(self, tree: Script) -> Iterator[Edit]:
        sub = [p for p in parts(tree.sub) if isinstance(p, (Name, Script)) and not self.is_layer(p)]
        whole = self.slice(tree)

        def replaced(pairs: Sequence[tuple[Tree, str]]) -> str:
            text = whole
            for part, new in sorted(pairs, key=lambda p: -p[0].span.start):
                a, b = part.span.start - tree.span.start, part.span.end - tree.span.start
                text = text[:a] + new + text[b:]
            return text

        for n, p in enumerate(sub):
            for q in sub[n + 1 :]:
                if key(p) != key(q):
                    yield self.edit("indices", tree, replaced([(p, self.slice(q)), (q, self.slice(p))]), cost=2)
            for letter in _index_letters(self.text, self.left, self.context):
                if letter != key(p):
                    yield self.edit("index", tree, replaced([(p, letter)]), cost=2)

    def pair(self, tree: Tree, a: Tree, b: Tree, op: str) -> Iterator[Edit]:
        """A product of two: the other order, the other product, one factor less."""
        x, y = self.grouped(a), self.grouped(b)
        d = self.dialect
        sign = self.text[a.span.end : b.span.start]
        yield self.edit("order", tree, f"{y}{sign}{x}", cost=2)
        elementwise = op in ("odot", "circ", ".*", "bullet", "ast") or (op == "*")
        if elementwise:
            yield self.edit("matrix product", tree, d.product(x, y), cost=2)
        if op in ("@", "cdot", "times"):
            yield self.edit("hadamard", tree, d.hadamard(x, y), cost=2)
        yield from self.outer(tree, x, y)
        yield self.edit("extra factor", tree, x, y, cost=3)
        yield self.edit("extra factor", tree, y, x, cost=3)

    def outer(self, tree: Tree, x: str, y: str) -> Iterator[Edit]:
        d = self.dialect
        plain = lambda s: s[: s.rindex("^")] if "^" in s and s.rstrip("}").endswith(("T", "top")) and not s.endswith(")") else s  # noqa: E731
        yield self.edit("order", tree, d.product(d.transposed(x), y), cost=3)
        yield self.edit("outer product", tree, d.product(x, d.transposed(y)), cost=3)
        if plain(x) != x:
            yield self.edit("outer product", tree, d.product(plain(x), d.transposed(y)), cost=3)

    def run(self, tree: Juxtaposed, items: tuple[Tree, ...]) -> Iterator[Edit]:
        """Factors side by side."""
        pieces = [self.grouped(i) for i in items]
        d = self.dialect
        for n in range(len(items)):
            rest = [*pieces[:n], *pieces[n + 1 :]]
            if rest:
                yield self.edit("extra factor", tree, " ".join(rest), pieces[n], cost=3)
        for n in range(len(items) - 1):
            swapped = [*pieces[:n], pieces[n + 1], pieces[n], *pieces[n + 2 :]]
            yield self.edit("order", tree, " ".join(swapped), cost=2)
            left, right = " ".join(pieces[: n + 1]), " ".join(pieces[n + 1 :])
            yield self.edit("hadamard", tree, d.hadamard(left, right), cost=2)
        if len(items) == 2:
            x, y = (self.slice(i) for i in items)
            yield from self.untransposed(tree, items)
            yield self.edit("outer product", tree, d.product(x, d.transposed(y)), cost=3)

    def untransposed(self, tree: Tree, items: Sequence[Tree]) -> Iterator[Edit]:
        """`e^T a` for `a e^T`."""
        x, y = items
        yield self.edit("outer product", tree, f"{self.grouped(y)} {self.grouped(x)}", cost=2)

    def brackets(self, tree: Tree, op: str, a: Tree, b: Tree) -> Iterator[Edit]:
        """A bracket around a sum before what follows it, or closed later."""
        if isinstance(b, Juxtaposed) and len(b.items) > 1:
            first, rest = self.slice(b.items[0]), " ".join(self.grouped(i) for i in b.items[1:])
            yield self.edit("bracket", tree, f"({self.slice(a)} {op} {first}) {rest}", cost=3)
        if isinstance(b, Infix) and b.op in _PRODUCTS:
            sign = self.text[b.left.span.end : b.right.span.start]
            yield self.edit("bracket", tree, f"({self.slice(a)} {op} {self.slice(b.left)}){sign}{self.slice(b.right)}", cost=3)
        if isinstance(a, Juxtaposed) and len(a.items) > 1:
            first, last = " ".join(self.grouped(i) for i in a.items[:-1]), self.slice(a.items[-1])
            yield self.edit("bracket", tree, f"{first} ({last} {op} {self.slice(b)})", cost=3)

    def call(self, tree: Call, function: Tree, args: tuple[Tree, ...]) -> Iterator[Edit]:
        """A function for its derivative and back, at another place."""
        head = self.slice(function)
        rest = self.text[function.span.end : tree.span.end]
        if isinstance(function, Script) and function.primes:
            yield self.edit("prime", tree, head.replace("'", "", 1) + rest, cost=2)
        elif letter_key(function) in self.context.symbols:
            yield self.edit("prime", tree, f"{head}'{rest}", cost=2)
        for a in args:
            for name in self.names:
                inner = self.slice(a.base) if isinstance(a, Script) else self.slice(a)
                if isinstance(a, (Name, Script)) and name != inner:
                    yield self.edit("evaluation point", a, self.slice(a).replace(inner, name, 1), cost=2)


def _neighbours(inner: Tree, written: str) -> list[str]:
    match inner:
        case Number(text):
            n = int(text)
            return [str(n - 1), str(n + 1)] if n else ["1"]
        case Infix("+" | "-", a, _):
            letter = key(a)
            return [letter, *(f"{letter}{s}1" for s in "+-" if f"{letter}{s}1" != written.replace(" ", ""))]
    return [f"{written}-1", f"{written}+1"]


def _index_letters(text: str, left: Tree, context: Context) -> list[str]:
    from symbackprop.checker.declaring import letters_of

    found = [k for k in letters_of(left) if len(k) == 1 and k.isalpha() and k not in context.families and k not in context.depths]
    return sorted({*found, *(c for c in "ijkpq" if f"{c}" in text)})


def edits(text: str, tree: Tree, left: Tree, context: Context, dialect: Dialect) -> list[Edit]:
    """All changes at all parts of a tree that was read from `text`, the likely ones first."""
    editor = _Editor(text, context, dialect, left, _letters(context, text))
    found: dict[tuple[int, int, str], Edit] = {}
    stack: list[tuple[Tree, Tree | None]] = [(tree, None)]
    while stack:
        node, parent = stack.pop()
        for e in editor.at(node, parent):
            known = found.get((e.start, e.end, e.new))
            if known is None or known.cost > e.cost:
                found[e.start, e.end, e.new] = e
        stack += [(child, node) for child in _inside(node)]
    whole = editor.grouped(tree)
    start, end = tree.span
    found[start, end, f"-{whole}"] = Edit("sign", start, end, f"-{whole}", cost=1)
    for factor in ("2", *_factors(context, text)):
        found.setdefault((start, end, dialect.times(factor, whole)), Edit("factor", start, end, dialect.times(factor, whole), ("", factor), 2))
        found.setdefault((start, end, dialect.over("1", factor) + " " + whole), Edit("factor", start, end, _divided(dialect, factor, whole), ("", f"1/{factor}"), 2))
    for n in (0, 1):
        found[start, end, f"sum{n}"] = Edit("sum", start, end, dialect.summed(str(n), editor.slice(tree)), cost=2) if dialect is PYTHON else Edit(
            "sum", start, end, f"\\mathrm{{np.sum}}({editor.slice(tree)}, axis={n}, keepdims=True)", cost=2)  # fmt: skip
    for k in _index_letters(text, tree, context) if dialect is LATEX else ():
        found.setdefault((start, end, f"sum {k}"), Edit("sum", start, end, dialect.summed(k, editor.slice(tree)), cost=3))
    for name in _wholes(context, tree, text):
        found.setdefault((start, end, dialect.times(whole, name)), Edit("missing factor", start, end, dialect.times(name, whole), ("", name), 3))
        found.setdefault((start, end, dialect.hadamard(whole, name)), Edit("missing factor", start, end, dialect.hadamard(whole, name), ("", name), 3))
    return sorted(found.values(), key=lambda e: e.cost)


def _divided(dialect: Dialect, factor: str, whole: str) -> str:
    return dialect.over(whole, factor) if dialect is PYTHON else f"\\frac{{1}}{{{factor}}} {whole}"


def _inside(node: Tree) -> list[Tree]:
    """The parts that are expressions of their own: not what stands in scripts or under a fraction of differentials."""
    match node:
        case Script(base, _, _, _):
            return [base] if not isinstance(base, Name) else []
        case Derivative():
            return []
        case Big(_, _, _, _, _, body):
            return [body]
        case Call(_, args, _):
            return list(args)
    return children(node)


def _letters(context: Context, text: str) -> list[str]:
    """How the quantities of a problem are typed, to be put in place of one another."""
    found = []
    for base, symbols in context.symbols.items():
        if any(isinstance(s.meaning, (Quantity, Macro)) for s in symbols):
            found.append(typed(base, text))
    return found


def _factors(context: Context, text: str) -> list[str]:
    return [typed(base, text) for base, symbols in context.symbols.items() if any(isinstance(s.meaning, (Size, Constant)) and not s.pattern.where for s in symbols)]


def _wholes(context: Context, tree: Tree, text: str) -> list[str]:
    """Single symbols of the line and of the problem that a factor may have been."""
    found = {text[t.span.start : t.span.end]: None for t in _walk(tree) if isinstance(t, (Name, Script, Call, Fence))}
    for base, symbols in context.symbols.items():
        for s in symbols:
            if isinstance(s.meaning, Quantity) and not s.pattern.where and not s.pattern.sub and not s.pattern.sup:
                found.setdefault(typed(base, text))
    return list(found)


def _walk(tree: Tree) -> Iterator[Tree]:
    yield tree
    for child in _inside(tree):
        yield from _walk(child)


def typed(base: str, text: str) -> str:
    """A letter as it would be typed: `hat y` is `\\hat y`, `delta` is `\\delta`, in the style that the text uses."""
    *accents, name = base.split(" ")
    letter = name if len(name) == 1 or not name.isalpha() or (f"\\{name}" not in text and name not in _COMMANDS) else f"\\{name}"
    for style in ("\\mathbf", "\\boldsymbol", "\\mathrm"):
        if f"{style}{{{letter}}}" in text or (len(letter) == 1 and f"{style}{{" in text and style == "\\mathbf"):
            letter = f"{style}{{{letter}}}"
            break
    for accent in accents:
        letter = f"\\{accent}{{{letter}}}"
    return letter


_COMMANDS = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau",
    "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Sigma", "Phi", "Psi", "Omega", "ell",
}  # fmt: skip
