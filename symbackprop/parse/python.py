"""Python-like lines, `dW = X.T @ dZ`, read through `ast` against a whitelist into the trees of LaTeX; nothing is evaluated."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace

from symbackprop.errors import ReadError, TooLarge
from symbackprop.languages import Message

from .latex import check_height
from .letters import spelled_out
from .tokens import DIGITS
from .tree import Call, Formula, Indicator, Infix, Limits, Link, Listed, Name, Number, Relation, Script, Signed, Span, Tree, Vocabulary

__all__ = ["read_python"]

_LIMITS = Limits()
_GREEK = re.compile(r"[\u0370-\u03ff]")
_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**"}
_RELATIONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "=", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in", ast.NotIn: "notin",
}  # fmt: skip
_CONSTRUCTS: dict[type[ast.AST], str] = {
    **dict.fromkeys((ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp), Message("a comprehension")),
    ast.Lambda: Message("a lambda"),
    ast.IfExp: Message("an 'if' inside a formula (np.where is read)"),
    ast.Dict: Message("a dictionary"),
    ast.Set: Message("a set"),
    ast.Slice: Message("a slice with ends"),
    ast.JoinedStr: Message("a string"),
    ast.Starred: Message("a starred argument"),
    ast.Await: "await",
    ast.Yield: "yield",
    ast.NamedExpr: Message("an assignment inside a formula"),
    ast.BoolOp: Message("'and' or 'or' outside a condition"),
}


def read_python(text: str, vocabulary: Vocabulary, limits: Limits = _LIMITS) -> Formula:
    """Read one line of Python-like text: an expression, an assignment or a chain of them; a line `= b` continues a chain.

    Names stay as they were typed (`np.sum`, `dW1`); Greek letters become their commands. Raises `ReadError` for what is no formula,
    in words, and `TooLarge` beyond `limits`.

    >>> formula = read_python("db = np.sum(dZ, axis=0)", Vocabulary())
    >>> formula.items[1].tree
    Call(function=Name(name='np.sum', accents=()), args=(Name(name='dZ', accents=()),), options=(('axis', Number(text='0')),))
    """
    if len(text) > limits.formula:
        raise TooLarge(text, 0, Message("the line has {count} characters; {most} are read", count=len(text), most=limits.formula))
    continues = re.match(r"\s*=(?!=)", text)
    lead = continues.end() if continues else 0
    body = text[lead:].lstrip()
    start = len(text) - len(body)
    return _Reader(text, body.rstrip(), start, limits).formula("=" if continues else "")


class _Reader:
    def __init__(self, text: str, body: str, start: int, limits: Limits) -> None:
        self.text, self.body, self.limits = text, body, limits
        self.starts = [start]
        self.lines = body.split("\n")
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def formula(self, relation: str) -> Formula:
        node = self.parsed()
        links: list[Link] = []
        match node:
            case ast.Assign(targets=targets, value=value):
                parts: Sequence[ast.expr] = [*targets, value]
            case ast.Expr(value=ast.Compare(left=left, comparators=comparators, ops=ops)) if all(isinstance(op, ast.Eq) for op in ops):
                parts = [left, *comparators]
            case ast.Expr(value=value):
                parts = [value]
            case ast.AugAssign():
                raise self.fail(node, Message("'+=' and its like change a name; write the whole of what it is equal to, name = ..."))
            case _:
                raise self.fail(node, Message("a formula or 'name = formula' was expected, not a statement"))
        for part in parts:
            tree = self.read(part)
            check_height(tree, self.text, self.limits)
            links.append(Link("=" if links else relation, tree, tree.span))
        return Formula(tuple(links))

    def parsed(self) -> ast.stmt:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = ast.parse(self.body)
        except SyntaxError as error:
            line = min(max(error.lineno or 1, 1), len(self.lines))
            at = min(self.starts[line - 1] + max((error.offset or 1) - 1, 0), len(self.text))
            raise ReadError(self.text, at, self.refused(error.msg)) from None
        except UnicodeEncodeError as error:
            raise ReadError(
                self.text, min(self.starts[0] + error.start, len(self.text)), Message("half a character has no meaning in a formula")
            ) from None
        except (ValueError, RecursionError, MemoryError):
            raise TooLarge(self.text, 0, Message("the line is nested too deep")) from None
        if len(module.body) != 1:
            raise ReadError(self.text, self.starts[0], Message("one formula in one line was expected"))
        self.measure(module)
        return module.body[0]

    def refused(self, reason: str) -> Message:
        """In words what Python says of a text that it cannot parse."""
        bracket = re.match(r"(?:unmatched )?'(.)'(?P<open> was never closed)?$", reason)
        if bracket is None:
            return Message("this is no formula in Python's notation")
        if bracket["open"]:
            return Message("the bracket '{sign}' is never closed", sign=bracket.group(1))
        return Message("the bracket '{sign}' was never opened", sign=bracket.group(1))

    def measure(self, module: ast.Module) -> None:
        level: list[ast.AST] = [module]
        height = nodes = 0
        while level:
            height, nodes = height + 1, nodes + len(level)
            if height > self.limits.height or nodes > 3 * self.limits.signs:
                raise TooLarge(
                    self.text, 0, Message("the line has more than {most} signs in one chain or nested in each other", most=self.limits.height)
                )
            level = [child for node in level for child in ast.iter_child_nodes(node)]

    def place(self, line: int, column: int) -> int:
        """The offset in the text of a column that `ast` counts in bytes."""
        here = self.lines[line - 1]
        return self.starts[line - 1] + (column if here.isascii() else len(here.encode()[:column].decode(errors="ignore")))

    def span(self, node: ast.expr | ast.stmt) -> Span:
        return Span(self.place(node.lineno, node.col_offset), self.place(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset))

    def fail(self, node: ast.expr | ast.stmt, problem: str) -> ReadError:
        return ReadError(self.text, self.span(node).start, problem)

    def read(self, node: ast.expr) -> Tree:
        span = self.span(node)
        match node:
            case ast.Constant(value=bool()):
                raise self.fail(node, Message("True and False are values of options only"))
            case ast.Constant(value=int() | float()):
                digits = self.text[span.start : span.end].replace("_", "")
                if digits[:2].lower() in ("0x", "0o", "0b"):
                    raise self.fail(node, Message("a number is written in decimal digits"))
                if len(digits) > DIGITS:
                    raise TooLarge(self.text, span.start, Message("the number has more than {most} digits", most=DIGITS))
                return Number(digits, span=span)
            case ast.Name(id=name):
                return self.name(name, node)
            case ast.Attribute() if (dotted := _dotted(node)) is not None:
                return Name(dotted, span=span)
            case ast.Attribute(value=value, attr="T"):
                return _raised(self.read(value), Name("T", span=Span(span.end - 1, span.end)), span)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
                return Signed("-" if isinstance(op, ast.USub) else "+", self.operand(operand), span=span)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return Infix(_OPERATORS[type(op)], self.operand(left), self.operand(right), span=span)
            case ast.Compare():
                return self.relation(node)
            case ast.BoolOp(op=ast.And(), values=values) if all(isinstance(v, ast.Compare) for v in values):
                return Listed(tuple(self.read(v) for v in values), span=span)
            case ast.Subscript(value=value, slice=index):
                return self.entry(self.read(value), self.place_in(index), span)
            case ast.Tuple(elts=[_, _, *_] as items) | ast.List(elts=[_, _, *_] as items):
                return Listed(tuple(self.read(i) for i in items), span=span)
            case ast.Tuple(elts=[item]) | ast.List(elts=[item]):
                return self.read(item)
            case ast.Call():
                return self.call(node)
        what = _CONSTRUCTS.get(type(node), f"'{self.text[span.start : min(span.end, span.start + 40)]}'")
        raise self.fail(node, Message("{what} has no place in a formula; + - * / @ **, names, calls, .T and subscripts do", what=what))

    def operand(self, node: ast.expr) -> Tree:
        """A comparison that is computed with is one where it holds and zero elsewhere."""
        found = self.read(node)
        return Indicator(found, span=found.span) if isinstance(node, (ast.Compare, ast.BoolOp)) else found

    def name(self, name: str, node: ast.expr) -> Name:
        if name.startswith("__"):
            raise self.fail(node, Message("'{name}' is no name of a quantity", name=name[:40]))
        plain = spelled_out(name)[0].replace("\\", "").replace(" ", "") if _GREEK.search(name) else name
        return Name(plain, word=name, span=self.span(node))

    def place_in(self, node: ast.expr) -> Tree:
        """What stands in the brackets behind an array: indices, `:` for a whole axis, None for a new one."""
        match node:
            case ast.Tuple(elts=[_, _, *_] as items):
                return Listed(tuple(self.place_in(i) for i in items), span=self.span(node))
            case ast.Slice(lower=None, upper=None, step=None):
                return Name(":", span=self.span(node))
            case ast.Constant(value=None):
                return Name("None", span=self.span(node))
        found = self.read(node)
        return replace(found, name="None") if isinstance(found, Name) and found.name.endswith(".newaxis") else found

    def entry(self, base: Tree, index: Tree, span: Span) -> Tree:
        if isinstance(base, Script) and base.sub is None:
            return Script(base.base, index, base.sup, base.primes, span=span)
        return Script(base, index, span=span)

    def relation(self, node: ast.Compare) -> Tree:
        sides = [self.operand(side) for side in (node.left, *node.comparators)]
        if not all(type(op) in _RELATIONS for op in node.ops):
            raise self.fail(node, Message("'is' compares objects, not quantities; write =="))
        found = [
            Relation(_RELATIONS[type(op)], left, right, span=Span(left.span.start, right.span.end))
            for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
        ]
        return found[0] if len(found) == 1 else Listed(tuple(found), span=self.span(node))

    def call(self, node: ast.Call) -> Tree:
        span = self.span(node)
        args = [self.read(argument) for argument in node.args]
        options = tuple((self.keyword(node, keyword), self.option(keyword.value)) for keyword in node.keywords)
        match node.func:
            case ast.Attribute(value=value, attr=method) if _dotted(node.func) is None:
                if method.startswith("_"):
                    raise self.fail(node, Message("'.{method}' is no function of a quantity", method=method[:40]))
                return Call(Name(method, span=self.span(node.func)), (self.read(value), *args), options, span=span)
            case ast.Name() | ast.Attribute():
                return Call(self.read(node.func), tuple(args), options, span=span)
        raise self.fail(node, Message("a call starts with the name of a function"))

    def keyword(self, node: ast.Call, keyword: ast.keyword) -> str:
        if keyword.arg is None:
            raise self.fail(node, Message("'**' before an argument has no place in a formula"))
        return keyword.arg

    def option(self, node: ast.expr) -> Tree:
        if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool)):
            return Name(str(node.value), span=self.span(node))
        return self.read(node)


def _dotted(node: ast.Attribute) -> str | None:
    """`np.sum`, `np.linalg.norm`: a name in a module that computes, else None."""
    parts = [node.attr]
    inner = node.value
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    if isinstance(inner, ast.Name) and inner.id in ("np", "numpy", "torch", "tf", "jnp", "math") and not any(p.startswith("_") for p in parts):
        return ".".join([inner.id, *reversed(parts)])
    return None


def _raised(base: Tree, sup: Tree, span: Span) -> Tree:
    if isinstance(base, Script) and base.sup is None:
        return Script(base.base, base.sub, sup, base.primes, span=span)
    return Script(base, None, sup, span=span)
