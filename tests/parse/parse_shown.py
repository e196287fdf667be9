"""Trees written on one line, so that a table of formulas and what they are read as can be read by eye."""

from __future__ import annotations

from symbackprop.parse import Formula, Vocabulary
from symbackprop.parse.tree import (
    Big,
    Call,
    Cases,
    Derivative,
    Dots,
    Fence,
    Fraction,
    Indicator,
    Infix,
    Juxtaposed,
    Listed,
    Matrix,
    Nabla,
    Name,
    Number,
    Relation,
    Root,
    Script,
    Signed,
    Text,
    Tree,
)  # fmt: skip

WORDS = Vocabulary(
    frozenset("dW dZ dA db dz da dc dV dO dQ dK dS dgamma dpc dscores tmp prev next".split()),  # noqa: SIM905
    frozenset({"sigma", "f", "g", "softmax", "ReLU", "mean", "var", "diag"}),
)


def shown(tree: Tree | None) -> str:
    """`W_{j k}` as `W_(j k)`, `a b` as `(a b)`, a sum as `sum[k; low; high; condition](body)`; brackets that were typed are doubled."""
    match tree:
        case None:
            return "-"
        case Number(text):
            return text
        case Name(name, accents):
            return name + "".join(f":{a}" for a in accents)
        case Script(base, sub, sup, primes):
            return shown(base) + "'" * primes + (f"_{shown(sub)}" if sub else "") + (f"^{shown(sup)}" if sup else "")
        case Juxtaposed(items):
            return f"({' '.join(map(shown, items))})"
        case Listed(items, separator):
            return f"<{f'{separator} '.join(map(shown, items))}>"
        case Infix(op, left, right):
            return f"({shown(left)} {op} {shown(right)})"
        case Signed(op, arg):
            return f"({op}{shown(arg)})"
        case Fraction(above, below):
            return f"frac({shown(above)}, {shown(below)})"
        case Root(arg, degree):
            return f"root({shown(arg)}, {shown(degree)})"
        case Derivative(of, by, sign):
            return f"{sign}({shown(of)} / {' '.join(map(shown, by))})"
        case Nabla(of, by):
            return f"nabla({shown(of)} / {shown(by)})"
        case Big(kind, indices, low, high, condition, body):
            return f"{kind}[{' '.join(map(shown, indices))}; {shown(low)}; {shown(high)}; {shown(condition)}]{shown(body)}"
        case Call(function, args, options):
            return f"{shown(function)}!({', '.join([*map(shown, args), *(f'{n}={shown(v)}' for n, v in options)])})"
        case Fence(left, body, right):
            return f"{left}{shown(body)}{right}"
        case Relation(op, left, right):
            return f"{{{shown(left)} {op} {shown(right)}}}"
        case Indicator(condition):
            return f"one({shown(condition)})"
        case Cases(pieces):
            return f"cases({'; '.join(f'{shown(v)} if {shown(c)}' for v, c in pieces)})"
        case Matrix(rows):
            return f"matrix({'; '.join(', '.join(map(shown, row)) for row in rows)})"
        case Dots():
            return "..."
        case Text(text):
            return repr(text)


def line(formula: Formula) -> str:
    chain = " ".join(f"{link.relation} {shown(link.tree)}".strip() for link in formula.items)
    return chain + "".join(f" | {shown(c)}" for c in formula.conditions) + "".join(f" #{label}" for label in formula.labels)
