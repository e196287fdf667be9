"""Equations in which exponentials meet before anything is differentiated: logarithms taken from exponents, quotients as softmax.

The logarithm of a density that somebody typed is its exponent, `log(p/q)` of two probabilities a difference of logarithms, and
`M_j exp(s_j) / sum_k M_k exp(s_k)` has the weights of a softmax. Then no gradient divides by what is zero or infinite.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sympy import Add, Mul, Piecewise, Pow, S, Sum, exp, log

from symbackprop.codegen.apart import with_functions_apart
from symbackprop.codegen.forms import is_tanh, with_tails
from symbackprop.codegen.logistic import one_power, without
from symbackprop.codegen.quotients import flat, places_of, softmax_factors
from symbackprop.codegen.sizes import with_sizes
from symbackprop.codegen.softmaxes import Softmaxes, softmax_key
from symbackprop.equations import (
    Entry,
    Equation,
    Func,
    Tensor,
    add,
    entries,
    evaluated,
    mul,
    rebuild,
    substitute,
    summation,
    tensors,
)
from symbackprop.network import Network

__all__ = ["as_computed", "with_logarithms"]


def as_computed(net: Network, given: Collection[str] = ()) -> Network:
    """The network whose equations are differentiated and computed: sizes told from indices, functions apart, exponentials met.

    By what is `given`, which may be a mask, nothing is differentiated.
    """
    return with_logarithms(with_functions_apart(with_sizes(net)), given)


def with_logarithms(net: Network, given: Collection[str] = ()) -> Network:
    """A network that was typed, with logarithms of exponentials taken from their exponents; what a builder made has stable forms.

    Where one of the tensors named in `given` multiplies an exponential by zero, that is left out before the largest is sought.

    >>> net = Network.from_equations(["p[i] = exp(-x[i]**2)/2", "C = -sum(i, log(p[i]))"], tensors={"x": (3,)}, parameters=["x"])
    >>> str(with_logarithms(net).equations[1])
    'C = -Sum(-x[i]**2 + log(1/2), (i, 1, 3))'
    """
    if not net.typed or not any(e.rhs.has(exp, Func) for e in net.equations):
        return net
    defined: dict[Tensor, Equation] = {}
    exposed = {x.tensor for e in net.equations for x in _read(e.rhs)}
    known: dict[Any, Tensor] = {}
    taken = {(t.name, t.layer) for e in net.equations for t in (e.tensor, *tensors(e.rhs))}
    for e in net.equations:
        defined |= {part.tensor: part for part in _Logarithms(e, known, taken, defined, exposed, given).equations()}
    return replace(net, equations=tuple(defined.values()))


class _Logarithms(Softmaxes):
    """One equation; `exposed` are the quantities that are read otherwise than through logarithms.

    A probability that is read through logarithms alone cancels in the derivative, which ends in p - y: it stays.
    """

    def __init__(
        self, equation: Equation, known: dict[Any, Tensor], taken: set[tuple[str, Any]],
        defined: Mapping[Tensor, Equation], exposed: set[Tensor], given: Collection[str],
    ) -> None:  # fmt: skip
        super().__init__(equation, known, taken, defined, given)
        self.exposed = exposed
        self.found: dict[Any, tuple[Any, Any]] = {}
        self.opened = 0

    def equations(self) -> list[Equation]:
        e = self.equation
        rhs = self.softmax_alone(e) or self.visit(e.rhs, e.lhs.indices)
        return [*self.before, replace(e, rhs=rhs)]

    def visit(self, e: Any, letters: tuple[Any, ...]) -> Any:
        if isinstance(e, Entry) or not e.args or not e.has(exp, log, Pow):
            return e
        if isinstance(e, Sum):
            return rebuild(e, (self.visit(e.function, self.inside(e.limits, letters)), *e.limits))
        found = None
        if isinstance(e, log):
            found = self.logarithm(e.args[0], letters)
        elif isinstance(e, (Mul, Pow)) and not isinstance(e, exp):
            factors = [one_power(f) for f in Mul.make_args(e)]
            found = self.root(e, letters) or self.quotient(factors, letters) or self.share(factors, letters)
        return rebuild(e, tuple(self.visit(a, letters) for a in e.args)) if found is None else found

    # -- e = exp(u) * rest -------------------------------------------------------------------------------------------------

    def split(self, e: Any, letters: tuple[Any, ...], probabilities: bool = False) -> tuple[Any, Any]:
        """u and the rest of `e = exp(u) * rest`, u 0 where no exponential is a factor; `probabilities` are exponentials if that is asked for."""
        key = e, letters, probabilities
        if key not in self.found:
            self.found[key] = self.split_anew(e, letters, probabilities)
        return self.found[key]

    def split_anew(self, e: Any, letters: tuple[Any, ...], probabilities: bool) -> tuple[Any, Any]:
        """What `split` finds, the kinds of expressions one by one."""
        found: tuple[Any, Any] | None = None
        if isinstance(e, exp):
            found = e.args[0], S.One
        elif isinstance(e, Mul):
            parts = [self.split(f, letters, probabilities) for f in e.args]
            found = add(*(u for u, _ in parts)), mul(*(rest for _, rest in parts))
        elif isinstance(e, Pow):
            u, rest = self.split(e.base, letters, probabilities or not e.exp.is_Integer)  # the slope of a root is infinite at zero
            found = mul(e.exp, u), rebuild(e, (rest, e.exp))
        elif isinstance(e, Func) and probabilities:
            found = (_log_sigmoid(e.argument), S.One) if _is_sigmoid(e) else None
        elif isinstance(e, Piecewise) and len(e.args) == 2 and e.args[1].expr == 0:
            u, rest = self.split(e.args[0].expr, letters, probabilities)
            found = u, Piecewise((rest, e.args[0].cond), (0, True), evaluate=False)
        elif isinstance(e, Sum):
            found = self.split_sum(e, letters, probabilities)
        elif isinstance(e, Add):
            found = self.split_terms(e, letters, probabilities)
        elif isinstance(e, Entry):
            value = self.definition(e, letters) if self.opened < _DEPTH else None
            self.opened += 1
            found = None if value is None or (_is_probability(value) and not probabilities) else self.split(value, letters, probabilities)
            self.opened -= 1
        return (S.Zero, e) if found is None or found[0] == 0 else found

    def split_sum(self, e: Any, letters: tuple[Any, ...], probabilities: bool) -> tuple[Any, Any] | None:
        """A sum of products with exponentials: the sum of the exponentials alone, times the rest weighed by their softmax."""
        limits, body = flat(e)
        letters_inside = self.inside(limits, letters)
        u, rest = self.split(body, letters_inside, probabilities=True)
        several = sum(self.split(f, letters_inside, probabilities=True)[0] != 0 for f in Mul.make_args(body)) > 1
        chosen = probabilities and (rest == 1 or self.is_given(rest))
        if not (several or chosen or self.split(body, letters_inside)[0] != 0) or not u.has(*(k for k, *_ in limits)):
            return None
        z = self.entry("z", self.visit(self.masked(u, rest), letters_inside), letters_inside)
        total = log(summation(exp(z), *limits))
        return total, rest if rest == 1 else summation(mul(self.visit(rest, letters_inside), self.softmax_of(z, limits, letters)), *limits)

    def split_terms(self, e: Any, letters: tuple[Any, ...], probabilities: bool) -> tuple[Any, Any] | None:
        """exp(a) + exp(b), and what a probability lacks of one."""
        opened = substitute(e, {x: value for x in entries(e) if is_tanh(value := self.definition(x, letters))})
        stable = with_tails(opened)
        if stable is not opened:
            return self.split(stable, letters, probabilities=True)
        p = _complement(e)
        value = (self.definition(p, letters) if isinstance(p, Entry) else p) if probabilities else None
        if value is not None and _is_sigmoid(value):
            return _log_sigmoid(mul(-1, value.argument)), S.One
        parts = [self.split(t, letters, probabilities=True) for t in e.args]
        raw = any(self.split(t, letters)[0] != 0 for t in e.args)
        if not raw and not (probabilities and all(u != 0 for u, _ in parts)):
            return None
        if not all(rest.is_number and rest.is_positive for _, rest in parts):
            return None
        total, *others = (add(u, S.Zero if rest == 1 else log(rest)) for u, rest in parts)
        for b in others:
            total = Func("softplus", b) if total == 0 else add(b, Func("softplus", evaluated(add(total, mul(-1, b)))))
        return total, S.One

    # -- logarithms --------------------------------------------------------------------------------------------------------

    def logarithm(self, of: Any, letters: tuple[Any, ...]) -> Any:
        """log(exp(u) * rest) as u + log(rest), and the logarithms of probabilities among its factors each by itself."""
        limits, body = flat(of)
        if limits and isinstance(body, exp) and isinstance(body.args[0], Entry):
            return log(of)  # of the exponentials of a quantity: it has a form of its own
        u, rest = self.split(of, letters)
        factors = [one_power(f) for f in Mul.make_args(rest)]
        probable = [f for f in factors if self.split(f, letters, probabilities=True)[0] != 0]
        if u == 0 and probable == [of] and self.is_probability(of, letters):
            p = _complement(of) or of
            shown = not isinstance(p, Entry) or p.tensor in self.exposed
            return self.visit(self.split(of, letters, probabilities=True)[0], letters) if shown else None
        left = mul(*without(factors, *probable))
        if (u == 0 and not probable) or (left.is_number and not left.is_positive):
            return None
        terms = [u]
        for f in probable:
            base, power = (f.base, f.exp) if _is_power(f) else (f, S.One)
            v, more = (log(base), S.One) if self.is_probability(base, letters) else self.split(base, letters, probabilities=True)
            terms.append(mul(power, add(v, log(more)) if more != 1 else v))
        return add(*(self.visit(term, letters) for term in (*terms, *([] if left == 1 else [log(left)]))))

    def is_probability(self, f: Any, letters: tuple[Any, ...]) -> bool:
        """Whether f is a probability, or what a sigmoid lacks of one."""
        p = _complement(f) or f
        value = self.definition(p, letters) if isinstance(p, Entry) else p
        return value is not None and (_is_sigmoid(value) or (p is f and _is_probability(value)))

    def root(self, e: Any, letters: tuple[Any, ...]) -> Any:
        """A root of what has an exponential as a factor, or of a probability."""
        u, rest = self.split(e, letters) if _is_power(e) and not e.exp.is_Integer else (S.Zero, e)
        return None if u == 0 else mul(exp(self.exponent(u, letters)), self.visit(rest, letters))

    def exponent(self, u: Any, letters: tuple[Any, ...]) -> Any:
        """u, as a quantity where a logarithm stands in it: SymPy makes a power of the exponential of that."""
        found = self.visit(u, letters)
        return self.entry("z", found, letters) if found.has(log) else found

    # -- quotients ---------------------------------------------------------------------------------------------------------

    def divisors(self, factors: list[Any], letters: tuple[Any, ...]) -> Iterator[tuple[Any, Any, Any, Any]]:
        """The factors `1 / sum_k weight_k exp(u_k)`, or higher powers, each with u, the weight and the limits of the sum."""
        for below in factors:
            if not (_is_power(below) and below.exp.is_Integer and below.exp.is_negative):
                continue
            total = self.definition(below.base, letters) if isinstance(below.base, Entry) else below.base
            limits, body = flat(total)
            u, weight = self.split(body, self.inside(limits, letters)) if limits else (S.Zero, S.One)
            if all(u.has(k) for k, *_ in limits) and u != 0:
                yield below, u, weight, limits

    def quotient(self, factors: list[Any], letters: tuple[Any, ...]) -> Any:
        """A product in which a sum of exponentials divides one of them: an entry of a softmax, times the rest."""
        for below, u, weight, limits in self.divisors(factors, letters):
            bound = [k for k, *_ in limits]
            lower = [] if below.exp == -1 else [Pow(below.base, below.exp + 1, evaluate=False)]
            for above in without(factors, below):
                rest = [*lower, *without(factors, below, above)]
                ends, body = flat(above)
                v, left = self.split(body, self.inside(ends, letters))
                at = None if v == 0 else places_of(v, u, bound)
                if at is None:
                    continue
                if ends:  # each of the exponentials in the sum above meets the divisor
                    divided = mul(above.function, Pow(below.base, -1, evaluate=False))
                    return mul(self.visit(summation(divided, *above.limits), letters), *(self.visit(f, letters) for f in rest))
                weights = [*Mul.make_args(left), *Mul.make_args(mul(*rest))]
                same = all(substitute(w, at) in weights for w in Mul.make_args(weight))
                z = self.exponents(self.masked(u, weight) if same else u, at, limits, letters)
                p = self.softmax_of(z, limits, letters)
                if weight != 1:
                    weighed = mul(self.visit(weight, self.inside(limits, letters)), p)
                    rest.append(Pow(summation(weighed, *limits), -1, evaluate=False))
                return mul(*(self.visit(f, letters) for f in (left, *rest)), substitute(p, at))
        return None

    def share(self, factors: list[Any], letters: tuple[Any, ...]) -> Any:
        """A product in which a sum of exponentials and numbers divides exponentials: exp(v - log(sum))."""
        for below in (f for f in factors if _is_power(f) and f.exp.is_Integer and f.exp.is_negative):
            total = self.definition(below.base, letters) if isinstance(below.base, Entry) else below.base
            u, weight = self.split(total, letters) if isinstance(total, Add) else (S.Zero, S.One)
            for above in without(factors, below) if u != 0 and weight == 1 else []:
                rest = [*([] if below.exp == -1 else [Pow(below.base, below.exp + 1, evaluate=False)]), *without(factors, below, above)]
                ends, body = flat(above)
                v, left = self.split(body, self.inside(ends, letters))
                if v != 0 and ends:
                    inner = summation(mul(above.function, Pow(below.base, -1, evaluate=False)), *above.limits)
                    return mul(self.visit(inner, letters), *(self.visit(f, letters) for f in rest))
                if v != 0:
                    whole = self.entry("lse", self.visit(u, letters), letters)
                    return mul(exp(add(self.exponent(v, letters), mul(-1, whole))), *(self.visit(f, letters) for f in (left, *rest)))
        return None

    def softmax_alone(self, e: Equation) -> Any:
        """The right side of an equation that is nothing but a softmax, which then has the name of the left side."""
        factors, letters = [one_power(f) for f in Mul.make_args(e.rhs)], e.lhs.indices
        for below, u, weight, limits in self.divisors(factors, letters):
            v, left = self.split(mul(*without(factors, below)), letters)
            at = None if v == 0 else places_of(v, u, [k for k, *_ in limits])
            if at is not None and left == weight == 1 and below.exp == -1:
                z = self.exponents(u, at, limits, letters)
                place = substitute(z, at)
                if place.indices == letters:
                    self.known.setdefault(softmax_key(z, limits), e.tensor)
                return self.softmax(place, z, limits, letters)
        return None

    def exponents(self, u: Any, at: Mapping[Any, Any], limits: Sequence[Any], letters: tuple[Any, ...]) -> Entry:
        """u as a quantity with the axes of the left side in its order."""
        inside = self.inside(limits, letters)
        back = {j: k for k, j in at.items()}
        order = dict.fromkeys((*(back.get(i, i) for i in letters), *inside))
        return self.entry("z", self.visit(u, inside), tuple(order))

_DEPTH = 8  # so many quantities one in the other are opened, in search of an exponential


def _log_sigmoid(u: Any) -> Any:
    return mul(-1, Func("softplus", mul(-1, u)))


def _is_sigmoid(value: Any) -> bool:
    return isinstance(value, Func) and value.name == "sigmoid" and value.order == 0


def _is_probability(value: Any) -> bool:
    """Whether a right side is a sigmoid, or a softmax along one axis."""
    factors = Mul.make_args(value)
    return _is_sigmoid(value) or (len(factors) == 2 and softmax_factors(factors) is not None)


def _is_power(f: Any) -> bool:
    return isinstance(f, Pow) and not isinstance(f, exp)


def _complement(e: Any) -> Any:
    """p in 1 - p."""
    other = e.args[1] if isinstance(e, Add) and len(e.args) == 2 and e.args[0] == 1 else None
    return other.args[1] if isinstance(other, Mul) and len(other.args) == 2 and other.args[0] == -1 else None


def _read(e: Any) -> Iterator[Entry]:
    """The entries in an expression, but for those that stand in a logarithm as p or 1 - p."""
    if isinstance(e, Entry):
        yield e
        return
    parts = e.args
    if isinstance(e, log):
        bases = [f.base if _is_power(f) else f for f in Mul.make_args(e.args[0])]
        parts = [b for b in bases if not isinstance(_complement(b) or b, Entry)]
    for part in parts:
        yield from _read(part)
