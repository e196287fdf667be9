r"""Fractions, derivatives written as fractions of differentials, gradients, roots."""

from __future__ import annotations

import re
from typing import Literal

from symbackprop.languages import Message

from .pratt import PRODUCT, Parser
from .tokens import Token
from .tree import Derivative, Fraction, Juxtaposed, Nabla, Number, Root, Script, Tree

__all__ = ["fraction", "inline", "inline_follows", "nabla", "root", "slope"]

_D = r"d(?=\s*(?:[A-Za-z{(^}]|\\(?!cdot|odot|times|circ|ast|bullet|over)[a-zA-Z,;!]))|\\(?:mathrm|operatorname|text|rm)\s*(?:\{\s*d\s*\}|\s+d)"
_DELTA = r"\\delta(?=\s*(?:[A-Za-z{(}]|\\(?!cdot|odot|times|circ|ast|bullet|over)[a-zA-Z]))"
_SIGN = re.compile(rf"\s*(?:\{{\s*\\rm\s+d\s*\}}|(?P<partial>\\partial(?![a-zA-Z]))|(?P<delta>{_DELTA})|(?P<d>{_D}))")
_PIECE = r"\\(?!cdot|odot|times|circ|ast|bullet|over|frac)[a-zA-Z]++|[A-Za-z0-9]|\{[^{}]*\}|[_^]|\([^()]*\)|'|\s|\\[,;!]"
_INLINE = re.compile(
    rf"(?P<d>{_D}|{_DELTA})(?:{_PIECE}){{0,16}}+(?:/|\\over(?![a-zA-Z]))\s*(?:\\partial(?![a-zA-Z])|{_DELTA}|{_D})|\\partial(?![a-zA-Z])"
)
_BRACE = re.compile(r"\s*\{")
_ARGUMENT = re.compile(r"\(\s*\\?[A-Za-z]+\s*(?:[_^]\s*\w\s*)?\)")


def inline_follows(p: Parser, start: int) -> bool:
    """Whether a derivative in one line, `dC/dz`, starts there."""
    return _INLINE.match(p.text, start) is not None


def fraction(p: Parser, token: Token) -> Tree:
    r"""A fraction set one above the other; a derivative if a differential stands at the start of both."""
    above = _SIGN.match(p.text, p.token.end if p.token.kind == "{" else p.token.start)
    below = _denominator(p) if above else None
    if above and below and above.lastgroup == below.lastgroup:
        return _differentials(p, token, above, below)
    numerator = p.argument(f"\\{token.text}")
    denominator = p.argument(f"\\{token.text}")
    return Fraction(numerator, denominator, span=p.span(token.start))


def _denominator(p: Parser) -> re.Match[str] | None:
    """The sign of a differential at the start of the second argument of a fraction."""
    if p.token.kind == "{":
        end = p.survey.closes.get(p.token.start, len(p.text)) + 1
    else:
        sign = _SIGN.match(p.text, p.token.start)
        end = sign.end() if sign else len(p.text)
    brace = _BRACE.match(p.text, end)
    return _SIGN.match(p.text, brace.end()) if brace else None


def _sign(found: re.Match[str]) -> Literal["partial", "d", "delta"]:
    return "partial" if found["partial"] else "delta" if found["delta"] else "d"


def _order(p: Parser) -> int:
    r"""The order of a derivative, the 2 of `\partial^2`."""
    if p.token.kind != "^":
        return 1
    p.advance()
    at = p.token.start
    order = p.argument("^")
    if not isinstance(order, Number) or order.text not in ("1", "2", "3", "4"):
        raise p.fail(Message("the order of a derivative is a whole number up to 4"), at)
    return int(order.text)


def _differentials(p: Parser, token: Token, above: re.Match[str], below: re.Match[str]) -> Tree:
    braced = p.token.kind == "{"
    p.move(above.end())
    order = _order(p)
    of: Tree | None = None
    if braced:
        if p.token.kind != "}":
            of = p.listing()
        _closing(p, above.start())
    by: list[Tree] = []
    while p.token.kind != "}":
        start = p.token.start if by else below.start()
        sign = _SIGN.match(p.text, start)
        if sign is None:
            raise p.fail(Message("a differential was expected below the line of the derivative"))
        p.move(sign.end())
        by.append(_variable(p))
    _closing(p, below.start())
    return _derivative(p, token, of, _repeated(p, order, by, below.start()), _sign(above))


def _closing(p: Parser, opened: int) -> None:
    if p.token.kind == "end":
        raise p.fail(Message("the brace opened at {place} is never closed", place=p.place(max(opened - 1, 0))), max(opened - 1, 0))
    if p.token.kind != "}":
        raise (
            p.unexpected() if p.token.kind not in ("relation", "op") else p.fail(Message("'{text}' has no place in a derivative", text=p.token.text))
        )
    p.advance()


def _variable(p: Parser) -> Tree:
    """What stands behind one sign of a differential, to the next sign or the end of the denominator."""
    start = p.token.start
    items = [p.factor()]
    while p.factor_follows() and not _SIGN.match(p.text, p.token.start):
        items.append(p.factor())
    return items[0] if len(items) == 1 else Juxtaposed(tuple(items), span=p.span(start))


def _repeated(p: Parser, order: int, by: list[Tree], at: int) -> tuple[Tree, ...]:
    r"""The variables as often as they are differentiated by: `\partial x^2` is twice by x under `\partial^2`."""
    if order == len(by) or order == 1:
        return tuple(by)
    found: list[Tree] = []
    for variable in by:
        match variable:
            case Script(base, sub, Number(text)) if text in ("2", "3", "4"):
                plain: Tree = base if sub is None and not variable.primes else Script(base, sub, None, variable.primes, span=variable.span)
                found.extend([plain] * int(text))
            case _:
                found.append(variable)
    if len(found) != order:
        raise p.fail(Message("the order above the line is {order}, but below it there are {count} differentials", order=order, count=len(found)), at)
    return tuple(found)


def _derivative(p: Parser, token: Token, of: Tree | None, by: tuple[Tree, ...], sign: Literal["partial", "d", "delta"]) -> Tree:
    if of is None and (p.factor_follows() or (p.token.kind == "op" and p.token.text == "-" and p.last == p.token.start)):
        of = p.expression(PRODUCT)
    return Derivative(of, by, sign, span=p.span(token.start))


def inline(p: Parser, token: Token) -> Tree:
    r"""`dC/dz`, `\partial C/\partial z`: the line may be sloped, the quantities are single factors."""
    above = _SIGN.match(p.text, token.start)
    if above is None:
        raise p.unexpected()
    p.move(above.end())
    if p.token.kind == "_":
        p.advance()
        by = p.argument("_")
        return Derivative(_operand(p, "∂"), (by,), _sign(above), span=p.span(token.start))
    order = _order(p)
    of = None if _slope(p) else _variable(p)
    if not _slope(p):
        raise p.fail(
            Message("{sign} stands for part of a derivative, {example}: what it is divided by is missing", sign="∂", example="∂C/∂z"), token.start
        )
    at = p.advance().end
    found: list[Tree] = []
    while len(found) < order:
        sign = _SIGN.match(p.text, at)
        if sign is None:
            break
        p.move(sign.end())
        found.append(p.factor())
        at = p.token.start
    if not found:
        raise p.fail(
            Message("{sign} stands for part of a derivative, {example}: a differential was expected below the line", sign="∂", example="∂C/∂z"), at
        )
    return _derivative(p, token, of, _repeated(p, order, found, at), _sign(above))


def _slope(p: Parser) -> bool:
    return p.token.kind == "over" or (p.token.kind == "op" and p.token.text == "/")


def _operand(p: Parser, sign: str) -> Tree:
    r"""The factor behind a ∇, with the bracket that says what it depends on, `\Omega(\theta)`."""
    if not p.factor_follows():
        raise p.fail(Message("{sign} lacks the quantity that it differentiates", sign=sign))
    start = p.token.start
    found = p.factor()
    if p.token.kind == "open" and _ARGUMENT.match(p.text, p.token.start):
        return Juxtaposed((found, p.factor()), span=p.span(start))
    return found


def slope(p: Parser, token: Token) -> Tree:
    r"""`\pdv{C}{z}`, or `\pdv{z}` with what it is taken of behind it."""
    first = p.argument(f"\\{token.text}")
    second = p.argument(f"\\{token.text}") if p.token.kind == "{" else None
    of, by = (None, first) if second is None else (first, second)
    return _derivative(p, token, of, (by,), "d" if token.text == "dv" else "partial")


def nabla(p: Parser, token: Token) -> Tree:
    r"""The gradient of the factor that follows, `\nabla_a C`."""
    by: Tree | None = None
    if p.token.kind == "_":
        p.advance()
        by = p.argument("_")
    return Nabla(_operand(p, "∇"), by, span=p.span(token.start))


def root(p: Parser, token: Token) -> Tree:
    r"""A root, `\sqrt{x}` or `\sqrt[3]{x}`."""
    degree: Tree | None = None
    if p.token.kind == "open" and p.token.text == "[":
        degree = p.fence(p.token).body
    return Root(p.argument("\\sqrt"), degree, span=p.span(token.start))
