"""Equations rewritten so that computing them neither overflows nor loses digits.

Exponentials that would overflow are found by their structure, in what a rule states, in what was derived from it and in what
somebody typed alike: a quotient of exponentials is a softmax, the logarithm of a sum of them a log-sum-exp, the logarithm of a
probability is taken from the logits it came from. What needs a form along an axis becomes a quantity of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sympy import Add, KroneckerDelta, Mul, Pow, Sum, Symbol, erf, exp, log

from symbackprop.builders import entry_at
from symbackprop.codegen.forms import LOSS_FORMS, is_tanh, with_tails
from symbackprop.codegen.logistic import logistic, one_plus_exp, one_power, without
from symbackprop.codegen.quotients import dividing, exponentials, matching, moved_inside, negated_entry, softmax_factors, with_places
from symbackprop.equations import Entry, Equation, Func, Tensor, add, entries, mul, rebuild, substitute, tensors
from symbackprop.network import Network
from symbackprop.rules import LOSSES

__all__ = ["Special", "Stabilizer", "sizes_of"]

_LETTERS = {"softmax": "p", "log_softmax": "log_p", "logsumexp": "lse", "one_hot": "onehot"}


@dataclass(frozen=True)
class Special:
    """A quantity computed by a form along the axis of the index `over`: `lhs = form(source)`."""

    lhs: Entry
    form: str
    source: Entry
    over: Any


class Stabilizer:
    """Rewrites the equations of one network in order; what they share is computed once."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self._known: dict[tuple[str, Tensor, int], Special] = {}
        self._defined: dict[Tensor, Special] = {}
        self._sizes: dict[Any, Any] = {}
        self._before: list[Special | Equation] = []
        self._arguments: dict[Any, Tensor] = {}
        self._powers: dict[Any, Tensor] = {}

    def rewrite(self, equation: Equation) -> Iterator[Special | Equation]:
        """What is to be computed for an equation: the quantities it needs of its own, then itself."""
        changed = equation.rhs.has(exp, log, erf, KroneckerDelta) or any(is_tanh(f) for f in equation.rhs.atoms(Func))
        if equation.rule not in LOSS_FORMS and not changed:
            yield equation
            return
        self._before = []
        self._sizes = sizes_of(equation)
        started = len(self._known)
        rhs = self._visit(self._loss_form(equation))
        last = self._before[-1] if self._before and len(self._known) > started else None
        if isinstance(last, Special) and isinstance(rhs, Entry) and rhs.tensor == last.lhs.tensor and _same_axes(equation.lhs, rhs):
            # The equation is nothing but the form: the form computes it under its own name.
            named = substitute(last.source, dict(zip(last.lhs.indices, rhs.indices, strict=True)))
            own = Special(equation.lhs, last.form, named, substitute(last.over, dict(zip(last.lhs.indices, rhs.indices, strict=True))))
            key = last.form, last.source.tensor, last.source.indices.index(last.over)
            if rhs.indices == equation.lhs.indices:
                self._known[key] = own
            else:
                del self._known[key]  # it is computed under no name that has its axes
            self._defined[equation.tensor] = own
            yield from self._before[:-1]
            yield own
            return
        yield from self._before
        yield replace(equation, rhs=rhs)
        if isinstance(rhs, exp):
            generic, indices = _generic(rhs.args[0])
            if indices == equation.lhs.indices:
                self._powers[generic] = equation.tensor

    def _loss_form(self, e: Equation) -> Any:
        """The right side with the formula of a registered loss replaced by its stable form."""
        if e.rule not in LOSS_FORMS or not self.net.targets:
            return e.rhs
        rule, y, terms = LOSSES[e.rule], self.net.targets[0], list(Add.make_args(e.rhs))
        for a in (t for t in tensors(e.rhs) if t != y and t.shape[:1] == y.shape[:1]):
            old, new = (r.of(partial(entry_at, a), partial(entry_at, y), a.shape[0]) for r in (rule, replace(rule, formula=LOSS_FORMS[e.rule])))
            if all(t in terms for t in Add.make_args(old)):
                return add(*Add.make_args(new), *(t for t in terms if t not in Add.make_args(old)))
        return e.rhs

    def _visit(self, e: Any) -> Any:
        if isinstance(e, KroneckerDelta):
            return self._class_of(e)
        if not getattr(e, "args", ()) or isinstance(e, (Entry, Tensor)):
            return e
        found = self._logarithm(e.args[0]) if isinstance(e, log) else None
        if found is None and isinstance(e, Add):
            found = self._sum_of_terms(e)
        if found is None and isinstance(e, Add):
            stable = with_tails(e)
            found = None if stable is e else self._visit(stable)
        if found is None and isinstance(e, (Mul, Pow)) and not isinstance(e, exp):
            found = self._quotient([one_power(f) for f in Mul.make_args(e)])
        found = rebuild(e, tuple(self._visit(a) for a in e.args)) if found is None else found
        return self._known_power(found) if isinstance(found, exp) else found

    def _known_power(self, e: Any) -> Any:
        """The quantity that an exponential is, if there is one."""
        generic, indices = _generic(e.args[0])
        return self._powers[generic][indices] if generic in self._powers else e

    def _logarithm(self, of: Any) -> Any:
        """The logarithm of what has a form of its own."""
        over = exponentials(of)
        if over is not None:
            return self._special("logsumexp", *over)
        exponent = one_plus_exp(of)
        if exponent is not None:
            return Func("softplus", self._visit(exponent))
        pair = softmax_factors(Mul.make_args(of))
        if pair is not None and len(Mul.make_args(of)) == 2:
            return self._entry_of("log_softmax", *pair[2:])
        complement = of.args[1] if isinstance(of, Add) and len(of.args) == 2 and of.args[0] == 1 else None
        entry = of if isinstance(of, Entry) else negated_entry(complement)
        return None if entry is None else self._log_probability(entry, complement is not None)

    def _log_probability(self, a: Entry, complement: bool) -> Any:
        """log a or log(1 - a), from the logits that a was computed from."""
        special = self._defined.get(a.tensor)
        at = {} if special is None else dict(zip(special.lhs.indices, a.indices, strict=True))
        if special is not None and special.form == "softmax" and not complement:
            return substitute(self._special("log_softmax", special.source, special.over), at)
        equation = self.net.equation(a.tensor)
        value = equation.at_indices(a.indices) if equation is not None else None
        if isinstance(value, Func) and value.name == "sigmoid" and value.order == 0:
            return mul(-1, Func("softplus", value.argument if complement else mul(-1, value.argument)))
        return None

    def _sum_of_terms(self, e: Add) -> Any:
        """`z_j - log sum_k exp(z_k)`, wherever both stand in a sum."""
        for t in e.args:
            inside = -1 * t if isinstance(t, Mul) and t.args[0] == -1 and len(t.args) == 2 else None
            over = exponentials(inside.args[0]) if isinstance(inside, log) else None
            if over is None:
                continue
            for f in e.args:
                j = matching(f, *over)
                if j is not None:
                    rest = [self._visit(a) for a in e.args if a is not t and a is not f]
                    return add(self._entry_of("log_softmax", *over, j), *rest)
        return None

    def _quotient(self, factors: list[Any]) -> Any:
        """Products with exponentials above and sums of exponentials below."""
        pair = softmax_factors(factors)
        if pair is not None:
            rest = without(factors, pair[0], pair[1])
            more = [Pow(pair[1].base, pair[1].exp + 1, evaluate=False)] if pair[1].exp != -1 else []
            found = self._entry_of("softmax", *pair[2:])
            return mul(found, self._visit(mul(*more, *rest))) if more or rest else found
        moved = moved_inside(factors)
        if moved is not None:
            return self._visit(moved)
        function = logistic(factors)
        if function is not None:
            return mul(self._visit(function[0]), *map(self._visit, function[1]))
        below, above = next((f for f in factors if dividing(f) is not None), None), next((f for f in factors if isinstance(f, exp)), None)
        if below is None or above is None:
            return None
        share = self._known_power(exp(add(self._visit(above.args[0]), mul(-1, self._visit(log(below.base))))))
        more = [] if below.exp == -1 else [Pow(below.base, below.exp + 1, evaluate=False)]
        return mul(share, *(self._visit(f) for f in (*more, *without(factors, below, above))))

    def _entry_of(self, form: str, source: Any, over: Any, j: Any) -> Any:
        """Entry j of a form along `over`; j may stand in `source` too, as on a diagonal."""
        return substitute(self._special(form, source, over), {over: j})

    def _special(self, form: str, source: Any, over: Any) -> Entry:
        """The entry of the form's result at the indices of `source`."""
        source = self._as_entry(self._visit(source), over)
        axis = source.indices.index(over)
        kept = tuple(i for i in source.indices if i != over) if form == "logsumexp" else source.indices
        known = self._known.get((form, source.tensor, axis))
        if known is None:
            shape = [n for i, n in zip(source.indices, source.tensor.shape, strict=True) if i in kept]
            tensor = Tensor(f"{self._letter(form, source, axis)}~{source.tensor.name}~{axis}", shape, source.tensor.layer)
            known = Special(tensor[kept], form, source, over)
            self._known[form, source.tensor, axis] = self._defined[tensor] = known
            self._before.append(known)
        at = dict(zip(known.source.indices, source.indices, strict=True))
        return substitute(known.lhs, at)  # type: ignore[no-any-return]

    def _letter(self, form: str, source: Entry, axis: int) -> str:
        """The letter of a form; the logarithm of a softmax that has a name is called by it."""
        p = self._known.get(("softmax", source.tensor, axis)) if form == "log_softmax" else None
        return _LETTERS[form] if p is None else f"log_{p.lhs.tensor.name.partition('~')[0]}"

    def _as_entry(self, source: Any, over: Any) -> Entry:
        """The argument of a form as one quantity; a formula becomes one."""
        if isinstance(source, Entry) and len(set(source.indices)) == len(source.indices) and all(isinstance(i, Symbol) for i in source.indices):
            return source
        indices = (over, *(i for i in _free(source) if i != over))
        generic = with_places(source, indices)
        if generic in self._arguments:
            return self._arguments[generic][indices]
        sizes = {**self._sizes, **{i: n for e in entries(source) for i, n in zip(e.indices, e.tensor.shape, strict=True)}}
        tensor = Tensor(f"u~{len(self._arguments)}", [sizes[i] for i in indices])
        self._before.append(Equation(tensor[indices], source))
        self._arguments[generic] = tensor
        return tensor[indices]

    def _class_of(self, e: Any) -> Any:
        """`delta(j, y)` for a class label y: entry j of the unit vector that y stands for."""
        j, y = (e.args[0], e.args[1]) if isinstance(e.args[1], Entry) else (e.args[1], e.args[0])
        if not isinstance(y, Entry) or j not in self._sizes:
            return e
        known = self._known.get(("one_hot", y.tensor, -1))
        if known is None:
            tensor = Tensor(f"onehot~{y.tensor.name}", (self._sizes[j], *y.tensor.shape), y.tensor.layer)
            known = self._known["one_hot", y.tensor, -1] = Special(tensor[j, *y.indices], "one_hot", y, j)
            self._before.append(known)
        return known.lhs.tensor[j, *y.indices]


def sizes_of(equation: Equation) -> dict[Any, Any]:
    """How far each index of an equation runs."""
    found = {i: n for e in entries(equation.rhs) for i, n in zip(e.indices, e.tensor.shape, strict=True)}
    found |= {k: high for s in equation.rhs.atoms(Sum) for k, _, high in s.limits}
    return found | dict(zip(equation.lhs.indices, equation.tensor.shape, strict=True))


def _same_axes(a: Entry, b: Entry) -> bool:
    """Whether both are read at the same letters, each once, in any order."""
    return len(set(b.indices)) == len(b.indices) == len(a.indices) and set(a.indices) == set(b.indices)


def _free(expr: Any) -> tuple[Any, ...]:
    """The letters that stand free in an expression, in order."""
    return tuple(dict.fromkeys(i for e in entries(expr) for i in e.indices if isinstance(i, Symbol) and not _bound(expr, i)))


def _generic(expr: Any) -> tuple[Any, tuple[Any, ...]]:
    """An expression whatever its letters are, and these."""
    indices = tuple(sorted(_free(expr), key=lambda i: min(str(e.tensor) + str(n) for e in entries(expr) for n, k in enumerate(e.indices) if k == i)))
    return with_places(expr, indices), indices


def _bound(expr: Any, i: Any) -> bool:
    return any(k == i for s in expr.atoms(Sum) for k, *_ in s.limits)
