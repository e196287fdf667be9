"""The parser: strengths of signs, brackets, the budgets; what quantities look like stands in the `Grammar`.

Every recursion passes through `Parser.factor` or `Parser.argument`, which count how deep it stands, so that no text reaches Python's own limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from symbackprop.errors import ReadError, TooLarge
from symbackprop.languages import Message

from .tokens import CONNECTIVES, Token, brackets, lex
from .tree import Fence, Fraction, Infix, Juxtaposed, Limits, Listed, Name, Relation, Signed, Span, Tree, Vocabulary

__all__ = ["PRODUCT", "Grammar", "Parser", "upright"]

SUM, PRODUCT, SIDE = 10, 20, 30
_STRENGTH = {"+": SUM, "-": SUM, "/": SIDE, "**": SIDE + 1}  # every other sign is that of a product
_CLOSES = {"(": ")", "[": "]", "{": "}", "<": ">", "|": "|", "||": "||", "lfloor": "rfloor", "lceil": "rceil"}
_FACTORS = frozenset((
    "name", "word", "function", "number", "open", "{", "accent", "big", "fraction", "sqrt", "partial", "nabla", "dots", "begin", "pass_", "brace",
    "slope",
))  # fmt: skip
_SIGN_ALONE = re.compile(r"\{\s*(\*|\+|-|\\ast|\\star)\s*\}")
_OPTION = re.compile(r"([A-Za-z_]{2,})\s*=(?!=)\s*(True|False|None)?")


def upright(text: str, span: Span) -> Name:
    """A name set upright, which says something of single letters only."""
    return Name(text, ("roman",) if len(text) == 1 else (), span=span)


class _Open(NamedTuple):
    """A bracket that is open now: its sign, and where it stands."""

    sign: str
    start: int


class Parser:
    """The state of one reading: the sign at hand, the brackets open now, and the budgets."""

    def __init__(self, text: str, vocabulary: Vocabulary, limits: Limits, grammar: Grammar, origin: list[int] | None = None) -> None:
        self.text, self.vocabulary, self.limits, self.grammar, self.origin = text, vocabulary, limits, grammar, origin
        self.survey = brackets(text)
        self.open: list[_Open] = []
        self.labels: list[str] = []
        self.depth = self.signs = self.last = 0
        self.move(0)

    # ---------------------------------------------------------------- signs

    def move(self, pos: int) -> None:
        """Go to the next sign at or after `pos` that says something here."""
        while True:
            self.signs += 1
            if self.signs > self.limits.signs:
                raise TooLarge(self.text, pos, Message("the formula has more than {most} signs", most=self.limits.signs))
            token = lex(self.text, pos, self.vocabulary)
            pos = token.end
            kind = token.kind
            if kind == "text":
                token = self._words(token)
                if token.text:
                    break
            elif kind == "label":
                self.labels.append(token.text)
            elif kind in ("&", "row"):
                if self.open and self.open[-1].sign == "begin":
                    break
                if kind == "row" and self.open and self.open[-1].sign == "{":  # the rows of \\substack
                    token = token._replace(kind=",", text=",")
                    break
            elif kind != "quad" or not self.open:
                break
        self.token = token

    def _words(self, token: Token) -> Token:
        r"""A name typed as `\text{softmax}`, if it is known or something is attached to it, else words."""
        name = token.text
        attached = self.text[token.end : token.end + 1] in ("(", "_", "^")
        if (name in self.vocabulary.known and name not in CONNECTIVES) or (attached and name.isidentifier() and name.isascii()):
            return token._replace(kind="word")
        return token._replace(text=name.strip())

    def advance(self) -> Token:
        token = self.token
        self.last = token.end
        self.move(token.end)
        return token

    def span(self, start: int) -> Span:
        """From `start` to the end of what was read last, in the text as it was typed."""
        return Span(self.origin[start], self.origin[max(self.last - 1, 0)] + 1) if self.origin else Span(start, self.last)

    def place(self, start: int) -> str:
        at = self.origin[start] if self.origin else start
        return Message("column {column}", column=at - self.text.rfind("\n", 0, start) if not self.origin else at + 1)

    def fail(self, problem: str, start: int | None = None) -> ReadError:
        return ReadError(self.text, self.token.start if start is None else start, problem)

    def unexpected(self) -> ReadError:
        """What is wrong with the sign at hand, where a quantity was expected."""
        kind, text, *_ = self.token
        if kind == "end" and self.open:
            return self.never_closed()
        if kind == "end":
            return self.fail(Message("the formula stops where a quantity was expected"))
        if kind in ("close", "}"):
            return self.fail(
                Message("nothing stands before the bracket '{sign}'", sign=text)
                if self.open
                else Message("the bracket '{sign}' was never opened", sign=text)
            )
        if kind in ("^", "_", "primes"):
            return self.fail(Message("nothing stands before '{sign}'", sign=text))
        if kind == "over":
            return self.fail(Message("{sign} needs something above it", sign="\\over"))
        if kind in ("forall", "text"):
            return self.fail(Message("words stand where a quantity was expected"))
        return self.fail(Message("a quantity was expected before '{sign}'", sign=text))

    def never_closed(self) -> ReadError:
        opened = self.open[-1]
        sign = self.text[opened.start : opened.start + 1] if opened.sign != "begin" else "\\begin"
        return self.fail(Message("the bracket '{sign}' opened at {place} is never closed", sign=sign, place=self.place(opened.start)), opened.start)

    # ---------------------------------------------------------------- expressions

    def expression(self, floor: int = SUM) -> Tree:
        """Operands and the signs between them that bind at least as strongly as `floor`."""
        start = self.token.start
        left = self.factor(floor)
        while True:
            kind, text, *_ = self.token
            if kind == "op":
                strength = _STRENGTH.get(text, PRODUCT)
                if strength < floor:
                    return left
                self.advance()
                right = self.expression(strength + 1)
                left = Infix(text, left, right, span=self.span(start))
            elif floor <= SIDE and self.factor_follows():
                items = [left]
                while self.factor_follows():
                    items.append(self.factor(SIDE + 1))
                left = Juxtaposed(tuple(items), span=self.span(start))
            else:
                return left

    def factor_follows(self) -> bool:
        kind, text, *_ = self.token
        if kind == "bar":
            return text != "mid" and not self.bar_closes() and not (text == "|" and self.open and self.open[-1].start in self.survey.given)
        return kind in _FACTORS

    def factor(self, floor: int = SIDE + 1) -> Tree:
        """One quantity with what is attached to it."""
        kind, start = self.token.kind, self.token.start
        self._enter()
        found = self.grammar.attached(self, self.atom(floor), start, kind)
        self.depth -= 1
        return found

    def _enter(self) -> None:
        self.depth += 1
        if self.depth > self.limits.nesting:
            raise TooLarge(self.text, self.token.start, Message("the formula is nested deeper than {most} levels", most=self.limits.nesting))

    def atom(self, floor: int = SIDE + 1) -> Tree:
        """One quantity without its scripts; a sign of its own reaches as far as `floor` lets it."""
        token = self.token
        if token.kind == "op" and token.text in ("+", "-"):
            self.advance()
            return Signed(token.text, self.expression(max(floor, PRODUCT)), span=self.span(token.start))
        read = self.grammar.atoms.get(token.kind)
        if read is None:
            raise self.unexpected()
        self.advance()
        return read(self, token)

    def compared(self) -> Tree:
        """An expression, or a relation; of a chain `1 <= k <= n` the list of its relations."""
        start = self.token.start
        left = self.expression()
        found: list[Tree] = []
        while self.token.kind == "relation":
            op = self.advance().text
            right = self.expression()
            found.append(Relation(op, left, right, span=self.span(start)))
            left = right
        if not found:
            return left
        return found[0] if len(found) == 1 else Listed(tuple(found), span=self.span(start))

    def listing(self, options: bool = False) -> Tree:
        """What a bracket holds: things with `,` between them, in groups with `;` or `|` between those; words part as a comma does."""
        start = self.token.start
        groups: list[list[Tree]] = [[self._item(options)]]
        separator = ","
        while True:
            kind, text, *_ = self.token
            bar = kind == "bar" and not self.bar_closes()
            if not (kind in (",", "text") or bar):
                break
            self.advance()
            if self.token.kind in ("close", "}"):
                break
            if text == ";" or bar:
                separator = "|" if bar else ";"
                groups.append([])
            groups[-1].append(self._item(options))
        rows: list[Tree] = [g[0] if len(g) == 1 else Listed(tuple(g), span=self.span(start)) for g in groups]
        return rows[0] if len(rows) == 1 else Listed(tuple(rows), separator, span=self.span(start))

    def _item(self, options: bool) -> Tree:
        start = self.token.start
        option = _OPTION.match(self.text, start) if options and self.token.kind == "name" else None
        if option is None:
            return self.compared()
        self.last = option.end(1)
        name = Name(option.group(1), span=self.span(start))
        self.move(option.start(2) if option.group(2) else option.end())
        if option.group(2):
            self.last = option.end()
            value: Tree = Name(option.group(2), span=self.span(option.start(2)))
            self.move(option.end())
        else:
            value = self.expression()
        return Relation("=", name, value, span=self.span(start))

    # ---------------------------------------------------------------- brackets

    def bar_closes(self) -> bool:
        """Whether the bar at hand is the end of the bracket opened last."""
        return bool(self.open) and self.open[-1].sign in ("|", "||") and self.token.text.startswith(self.open[-1].sign)

    def fence(self, token: Token, options: bool = False) -> Fence:
        """The rest of a bracket whose opening was just read."""
        self.open.append(_Open(token.text, token.end - 1))
        self.move(token.end)
        if self.token.kind == "close":
            raise self.fail(Message("nothing stands between the brackets"))
        body = self.listing(options)
        close = self.token
        if close.kind == "bar" and token.text == "|" and close.text == "||":
            close = close._replace(text="|", end=close.start + 1)
        sized = close.end - close.start > 2 and self.text[close.start : close.start + 2] != r"\r"
        expected = _CLOSES.get(token.text)
        if close.kind not in ("close", "bar") or (close.kind == "bar" and close.text != expected and not sized):
            raise self.never_closed() if close.kind == "end" else self._misplaced(token)
        sides_agree = close.text == expected or token.text == "." or self.text.startswith(("\\right", "\\big", "\\Big"), close.start)
        if not sides_agree:
            raise self.fail(
                Message(
                    "the bracket '{sign}' opened at {place} is closed by '{other}'", sign=token.text, place=self.place(token.start), other=close.text
                )
            )
        self.close_here(close.end)
        return Fence(token.text, body, close.text, span=self.span(token.start))

    def open_here(self, sign: str, start: int, pos: int) -> None:
        """Open a bracket that starts at `start` and go on at `pos`."""
        self.open.append(_Open(sign, start))
        self.move(pos)

    def close_here(self, pos: int) -> None:
        """Close the bracket opened last and go on at `pos`."""
        self.open.pop()
        self.last = pos
        self.move(pos)

    def _misplaced(self, opened: Token) -> ReadError:
        return self.fail(
            Message(
                "'{sign}' stands where the bracket '{other}' opened at {place} was to be closed",
                sign=self.token.text,
                other=opened.text,
                place=self.place(opened.start),
            )
        )

    def group(self, token: Token) -> Tree:
        r"""The rest of `{...}`, which groups without being seen; `{a \over b}` is a fraction."""
        self.open.append(_Open("{", token.start))
        self.move(token.end)
        words = self.token
        if words.kind == "text":
            self.advance()
            found: Tree = upright(words.text, self.span(words.start))
        elif words.kind == "}":
            raise self.fail(Message("nothing stands between the braces"))
        else:
            found = self.listing()
        if self.token.kind == "over":
            self.advance()
            found = Fraction(found, self.listing(), span=self.span(token.start))
        if self.token.kind == "end":
            raise self.never_closed()
        if self.token.kind != "}":
            raise self._misplaced(token)
        self.open.pop()
        self.advance()
        return found

    def argument(self, of: str) -> Tree:
        """What a command or a script takes: a group, a bracket, or a single letter, digit or command."""
        if self.token.kind in ("name", "number"):
            self.token = lex(self.text, self.token.start, self.vocabulary, single=True)
        token = self.token
        if token.kind == "{":
            alone = _SIGN_ALONE.match(self.text, token.start)
            if alone:
                self.last = alone.end()
                self.move(alone.end())
                return Name(alone.group(1).strip("\\").replace("*", "ast"), span=self.span(token.start))
        elif token.kind == "text":
            self.advance()
            return upright(token.text, self.span(token.start))
        elif token.kind == "op":
            self.advance()
            if token.text == "-" and self.factor_follows():
                return Signed("-", self.factor(), span=self.span(token.start))
            return Name(token.text.replace("*", "ast"), span=self.span(token.start))
        elif token.kind not in _FACTORS or token.kind in ("big", "partial", "nabla"):
            raise self.fail(Message("{of} lacks its argument", of=of))
        self._enter()
        found = self.atom()
        self.depth -= 1
        return found


class Grammar(NamedTuple):
    """How a quantity that starts with a sign of each kind is read, and what is attached to it behind."""

    atoms: Mapping[str, Callable[[Parser, Token], Tree]]
    attached: Callable[[Parser, Tree, int, str], Tree]
