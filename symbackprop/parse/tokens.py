r"""The signs a formula is made of: commands by table, runs of letters cut into known words, one sign at a time.

A sign is read where the parser stands, so that TeX's own rule holds: `^Tdz` raises `T` alone, `\frac12` is a half.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import NamedTuple

from symbackprop.errors import ReadError, TooLarge
from symbackprop.languages import Message

from .tree import Vocabulary

__all__ = ["ACCENTS", "CONNECTIVES", "DIGITS", "FUNCTIONS", "Brackets", "Token", "brackets", "is_command", "lex"]


class Token(NamedTuple):
    """One sign: its kind, what it says, where it stands, and for a letter the end of the run of letters it was cut from."""

    kind: str
    text: str
    start: int
    end: int
    run: int = 0


def _table(**kinds: str) -> dict[str, tuple[str, str]]:
    """Commands by kind, `command` or `command:what it says`."""
    entries = ((kind, *entry.partition(":")[::2]) for kind, listed in kinds.items() for entry in listed.split())
    return {command: (kind, says or command) for kind, command, says in entries}


ACCENTS = {command: says for command, (_, says) in _table(accent=(
    "hat widehat:hat tilde widetilde:tilde bar overline:bar dot ddot vec overrightarrow:vec check breve acute grave mathring:ring underline "
    "mathbf:bold boldsymbol:bold bm:bold bf:bold textbf:bold symbf:bold pmb:bold mathbfit:bold mathrm:roman rm:roman "
    "operatorname:roman mathop:roman symrm:roman mathcal:cal cal:cal mathscr:script mathbb:double mathds:double mathfrak:fraktur "
    "mathsf:sans mathtt:mono mathit:italic it:italic mathnormal:italic")).items()}  # fmt: skip
_COMMANDS = {
    **{command: ("accent", command) for command in ACCENTS},
    **_table(
        name=(
            "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi varpi rho varrho sigma varsigma "
            "tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell infty hbar top intercal "
            "dagger imath:i jmath:j varnothing emptyset aleph"
        ),
        function="exp log ln lg sin cos tan cot sec csc tanh cosh sinh coth arctan arcsin arccos det dim ker rank deg sgn sign Pr gcd tr erf",
        op="cdot times odot circ bullet ast star:ast otimes div:/",
        relation=(
            "equiv triangleq coloneqq::= coloneq::= approx simeq:approx doteq:approx cong:approx sim propto varpropto:propto ne:!= neq:!= "
            "le:<= leq:<= leqslant:<= ge:>= geq:>= geqslant:>= lt:< gt:> ll:< gg:> in notin Rightarrow:implies implies Longrightarrow:implies "
            "Leftrightarrow:iff iff Longleftrightarrow:iff to rightarrow:to longrightarrow:to mapsto:to leftarrow:gets gets longleftarrow:gets "
            "subset subseteq colon:: therefore:implies because:implies"
        ),
        open="langle:< lbrace:{ lbrack:[ lvert:| lVert:|| lfloor lceil",
        close="rangle:> rbrace:} rbrack:] rvert:| rVert:|| rfloor rceil",
        bar="vert:| Vert:|| mid:mid",
        big="sum prod int bigoplus bigodot max min sup inf argmax argmin lim arg",
        dots="dots ldots cdots vdots ddots dotsc dotsb dotso",
        fraction="frac dfrac:frac tfrac:frac cfrac:frac",
        slope="pdv dv pderiv:pdv diffp:pdv",
        pass_="boxed substack mathstrut mathbin mathrel mathord mathclose mathopen ensuremath displaylines",
        brace="underbrace overbrace",
        text="text mbox textit textnormal textup textrm textsf texttt intertext shortintertext",
        label="tag label",
        open_any="left bigl Bigl biggl Biggl",
        close_any="right bigr Bigr biggr Biggr",
        any="big Big bigg Bigg middle bigm Bigm",
        quad="quad qquad",
    ),
    **{c: (c, c) for c in ("sqrt", "partial", "nabla", "forall", "begin", "over", "not", "overset", "stackrel", "prime")},
    **{"end": ("end_of", "\\end"), "|": ("bar", "||"), "{": ("open", "{"), "}": ("close", "}")},
}  # fmt: skip
FUNCTIONS = frozenset(says for kind, says in _COMMANDS.values() if kind == "function")
_REFUSED = {
    "pm": Message("{sign} stands for two formulas: write out the one you mean", sign="±"),
    "mp": Message("{sign} stands for two formulas: write out the one you mean", sign="∓"),
    **dict.fromkeys(("cancel", "bcancel", "xcancel", "sout"), Message("what is crossed out may be kept or gone: write what is left")),
    "def": Message("a formula defines no commands: write the symbol itself"),
    "newcommand": Message("a formula defines no commands: write the symbol itself"),
}
_SIGNS = {
    **dict.fromkeys(("+", "-", "*", "/", "@", ".*", "./", "**"), "op"),
    **dict.fromkeys(("=", ":=", "=:", "!=", "<=", ">=", "<", ">"), "relation"),
    **dict.fromkeys("([", "open"), **dict.fromkeys(")]", "close"), **dict.fromkeys(("|", "||"), "bar"),
    **dict.fromkeys("{}^_&.", ""), **dict.fromkeys(",;", ","),
}  # fmt: skip
_BLANK = "?"  # what stands on a worksheet where a formula is to be written
_SAME = {"==": ("relation", "="), "=>": ("relation", "implies"), "->": ("relation", "to"), "...": ("dots", "..."), ":": ("relation", ":")}

_ALIGNED = r"(?:align(?:ed|at)?|equation|gather(?:ed)?|split|multline|eqnarray|flalign|displaymath|math|dmath)\*?"
_SKIP = re.compile(
    r"(?:[\s~$]+|%[^\n]*(?:\n|\Z)|\{\s*\}(?=\s*[_^'])|\\(?:[,;:!>\s\[\]()/]"
    rf"|(?:begin|end)\s*\{{{_ALIGNED}\}}|(?:hspace|vspace|color|textcolor|[hv]?phantom)\*?\s*\{{[^{{}}]*(?:\{{[^{{}}]*\}}[^{{}}]*)*\}}"
    r"|(?:displaystyle|textstyle|scriptstyle|limits|nolimits|nonumber|notag|hfill|thinspace|noindent|allowbreak|mathstrut)(?![a-zA-Z])))*"
)
_TOKEN = re.compile(
    r"(?P<command>\\(?:[a-zA-Z]+|[^\\]))|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)"
    r"|(?P<dotted>(?:np|numpy|torch|tf|jnp)(?:\.[A-Za-z_]\w*)+)|(?P<letters>[a-zA-Z][a-zA-Z0-9]*)|(?P<attribute>\.[A-Za-z]\w*)"
    r"|(?P<row>\\\\\*?(?:\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm)\s*\])?)|(?P<primes>'+)|(?P<sign>\*\*|\.\.\.|\.\*|\./|[:!<>=]=|=>|=:|->|\|\||.)",
    re.DOTALL,
)
_WORD = re.compile(r"\s*\{\s*([A-Za-z](?:[A-Za-z0-9. -]|\\[_ ])*)\}")
_RAW = re.compile(r"\s*\{((?:[^{}\\]|\\.|\{[^{}]*\})*)\}", re.DOTALL)
_NEGATED = re.compile(r"\s*(=|\\in(?![a-zA-Z]))")
_ALONE = re.compile(r"\s*[,}]")  # behind the colon of a whole axis, W_{i,:}
_QUADS = re.compile(r"(?:\s*\\q?quad(?![a-zA-Z]))*")
CONNECTIVES = frozenset((
    "and", "or", "if", "for", "where", "otherwise", "else", "with", "when", "since", "because", "so", "then", "thus", "hence", "by", "as", "all",
))  # fmt: skip
DIGITS = 1_000  # more than any formula needs, and fewer than Python refuses to convert
_CONTINUES = frozenset({"op", "relation", "end", "row", "close", ",", "&", ".", "label", "}"})
_DELIMITER = re.compile(r"\s*(\\[a-zA-Z]+|\\[{}|]|[()\[\]|<>./])")


def lex(text: str, pos: int, vocabulary: Vocabulary, single: bool = False) -> Token:
    """The sign that stands at `pos` or after the space there; `single` takes one letter or digit of a run, as an argument does."""
    skipped = _SKIP.match(text, pos)
    start = skipped.end() if skipped else pos
    found = _TOKEN.match(text, start)
    if found is None:
        if start < len(text):
            raise ReadError(text, start, Message("the formula stops after a backslash"))
        return Token("end", "", start, start)
    kind, said, end = found.lastgroup or "", found.group(), found.end()
    if kind == "letters":
        return Token("name", said[0], start, start + 1, end) if single else _letters(said, start, end, vocabulary)
    if kind == "number":
        if len(said) > DIGITS:
            raise TooLarge(text, start, Message("the number has more than {most} digits", most=DIGITS))
        return Token(kind, said[0], start, start + 1) if single else Token(kind, said, start, end)
    if kind == "command":
        return _command(text, said[1:], start, end, vocabulary)
    if kind == "sign":
        known = _SIGNS.get(said)
        if known is not None:
            return Token(known or said, said, start, end)
        if said == ":" and _ALONE.match(text, end):
            return Token("name", said, start, end)
        if said == _BLANK:
            raise ReadError(text, start, Message("nothing is filled in here"))
        if said not in _SAME:
            raise ReadError(text, start, Message("the character '{said}' has no meaning in a formula", said=said))
        return Token(*_SAME[said], start, end)
    return Token("word" if kind == "dotted" else kind, said, start, end)


def _letters(run: str, start: int, end: int, vocabulary: Vocabulary) -> Token:
    """The longest known word that the run of letters starts with, else its first letter."""
    for length in range(min(len(run), vocabulary.longest), 1, -1):
        if run[:length] in vocabulary.known:
            return Token("name", run[:length], start, start + length, end)
    return Token("name", run[0], start, start + 1, end)


def _command(text: str, command: str, start: int, end: int, vocabulary: Vocabulary) -> Token:
    if command not in _COMMANDS:
        if command in _REFUSED:
            raise ReadError(text, start, _REFUSED[command])
        near = get_close_matches(command[:40], _COMMANDS, n=1)
        said = f"\\{command[:40]}"
        unknown = Message("the command {sign} is not known", sign=said)
        near_it = Message("the command {sign} is not known; did you mean {near}?", sign=said, near=f"\\{near[0]}") if near else unknown
        raise ReadError(text, start, near_it)
    kind, says = _COMMANDS[command]
    if kind == "accent" and ACCENTS[command] in ("roman", "sans", "mono"):
        word = _WORD.match(text, end)
        if word and word.group(1).strip().lower() in CONNECTIVES:
            return Token("text", word.group(1).strip(), start, word.end())
        if word and len(word.group(1)) > 1:
            return Token("word", re.sub(r"\\|\s", "", word.group(1)), start, word.end())
    elif kind in ("text", "label"):
        raw = _RAW.match(text, end)
        if raw is None:
            raise ReadError(text, start, Message("{sign} needs words in braces, {sign}{{...}}, closed again", sign=f"\\{command}"))
        return Token(kind, raw.group(1).strip(), start, raw.end())
    elif kind in ("open_any", "close_any", "any"):
        delimiter = _DELIMITER.match(text, end)
        if delimiter is None:
            raise ReadError(text, start, Message("a bracket must follow {sign}", sign=f"\\{command}"))
        return _sized(text, kind, delimiter, start)
    elif kind == "quad":
        quads = _QUADS.match(text, end)
        after = lex(text, quads.end() if quads else end, vocabulary)
        return after if after.kind in _CONTINUES else Token(kind, says, start, end)
    elif kind == "not":
        negated = _NEGATED.match(text, end)
        if negated is None:
            raise ReadError(text, start, Message("{sign} is read before {one} and {other} only", sign="\\not", one="=", other="\\in"))
        return Token("relation", "!=" if negated.group(1) == "=" else "notin", start, negated.end())
    elif kind in ("overset", "stackrel"):
        above = _RAW.match(text, end)
        below = _RAW.match(text, above.end()) if above else None
        if below is None or not below.group(1).strip():
            raise ReadError(text, start, Message("{sign} needs two arguments in braces", sign=f"\\{command}"))
        return lex(text, below.start(1), vocabulary)._replace(start=start, end=below.end())
    elif kind == "prime":
        return Token("primes", "'", start, end)
    return Token(kind, says, start, end)


_DELIMITERS = {
    **{sign: ("open", sign) for sign in "([<."}, **{sign: ("close", sign) for sign in ")]>"}, "|": ("bar", "|"), "/": ("op", "/"),
}  # fmt: skip


def _sized(text: str, side: str, delimiter: re.Match[str], start: int) -> Token:
    r"""A bracket after `\left`, `\bigr`, `\Big` ...: on which side it stands is said, or follows from its shape."""
    shape = delimiter.group(1)
    kind, says = _DELIMITERS.get(shape) or _COMMANDS.get(shape[1:], ("", ""))
    if kind not in ("open", "close", "bar", "op"):
        raise ReadError(text, start, Message("'{shape}' is no bracket", shape=shape))
    if kind != "op" and side != "any":
        kind = side.removesuffix("_any")
    return Token(kind, says, start, delimiter.end())


class Brackets(NamedTuple):
    """What stands in which bracket, by the offset of its opening: where it closes, whether it holds a list, whether a relation.

    `given` are those with an odd number of bars, one of which parts what they hold: `p(y | x)`.
    """

    closes: dict[int, int]
    lists: set[int]
    relations: set[int]
    given: set[int]


_STRUCTURE = re.compile(r"\\\\|\\[{}]|\\(?:mid|neq?|leq?|geq?|in|notin|lt|gt)(?![a-zA-Z])|\\.|[(){}\[\],;=<>|]", re.DOTALL)
_PAIRS = {")": "(", "]": "[", "}": "{", "\\}": "\\{"}


def brackets(text: str) -> Brackets:
    r"""Survey the brackets of `text` in one pass; what does not match is left to the parser to complain about.

    >>> brackets("a(b, c) + {d}").closes, brackets("a(b, c)").lists
    ({1: 6, 10: 12}, {1})
    """
    survey = Brackets({}, set(), set(), set())
    open_now: list[tuple[str, int]] = []
    for found in _STRUCTURE.finditer(text):
        sign, at = found.group(), found.end() - 1
        if sign in ("(", "[", "{", "\\{"):
            open_now.append((sign, at))
        elif sign in _PAIRS:
            if sign == "}":
                while open_now and open_now[-1][0] != "{":
                    open_now.pop()
            if open_now and open_now[-1][0] == _PAIRS[sign]:
                survey.closes[open_now.pop()[1]] = at
        elif open_now and sign in ",;":
            survey.lists.add(open_now[-1][1])
        elif open_now and sign in ("|", "\\mid"):
            survey.given.symmetric_difference_update({open_now[-1][1]})
        elif open_now and (len(sign) > 2 or sign in "=<>"):
            survey.relations.add(open_now[-1][1])
    return survey


def is_command(name: str) -> bool:
    """Whether a name is typed with a backslash."""
    return len(name) > 1 and _COMMANDS.get(name, ("",))[0] in ("name", "function", "op")
