"""Write the golden files anew, on purpose: `python tests/golden/write.py`; then read the difference before committing it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from symbackprop.builders import deep, mlp
from symbackprop.calculus import VALUE, activation_derivative, local_derivative
from symbackprop.documents.about_network import backward_chains
from symbackprop.equations import Equation, Func, Partial, Tensor, index, size, substitute
from symbackprop.network import Network
from symbackprop.notation import load_notation, notation_names
from symbackprop.rules import ACTIVATIONS, LOSSES, PENALTIES
from symbackprop.rules.record import VARIABLE
from symbackprop.typeset.build import build_equation
from symbackprop.typeset.latex import latex

HERE = Path(__file__).parent


def rules() -> Iterator[str]:
    """Each rule and its derivative, a line each."""
    style = load_notation("nielsen")
    j, k, n, m = index("j"), index("k"), size("n"), size("m")
    z, y = Tensor("z", (n,)), Tensor("y", (n,))
    for name, rule in ACTIVATIONS.items():
        yield f"% activation {name}"
        if rule.vector:
            p = Tensor("p", (n,))
            equation = Equation(p[j], rule.entry(lambda i: z[i], j, n))
            yield latex(build_equation(equation, style))
            yield latex(build_equation(Equation(Partial(p[j], z[k]), local_derivative(equation, z[k])), style))
        else:
            yield latex(build_equation(Equation(Func(name, VARIABLE), rule.of(VARIABLE)), style))
            slope = substitute(activation_derivative(name), {VALUE: Func(name, VARIABLE)})
            yield latex(build_equation(Equation(Func(name, VARIABLE, 1), slope), style))
    a, cost, number = Tensor("a", (n,)), Tensor("C"), Tensor("y")
    for name, loss in LOSSES.items():
        yield f"% loss {name}"
        one = loss.of(lambda i: a[i], lambda *i: y[i] if i else number(), n)
        equation = Equation(cost(), one)
        yield latex(build_equation(equation, style))
        yield latex(build_equation(Equation(Partial(cost(), a[j]), local_derivative(equation, a[j])), style))
    w = Tensor("w", (n, m))
    for name, penalty in PENALTIES.items():
        yield f"% penalty {name}"
        equation = Equation(cost(), penalty.of(lambda i, q: w[i, q], n, m))
        yield latex(build_equation(equation, style))
        yield latex(build_equation(Equation(Partial(cost(), w[j, k]), local_derivative(equation, w[j, k])), style))


def four_equations() -> Iterator[str]:
    """The results of backpropagation in index and matrix form, in every notation, for one example and for a batch."""
    nets: list[Network] = [deep(), deep(activation="sigmoid", loss="quadratic", samples="m"), mlp([2, 3, 2], activation="relu", output="identity")]
    for name in notation_names():
        style = load_notation(name)
        for net in nets:
            yield f"% {name}: {net.name}, {'one example' if net.samples is None else 'a batch'}"
            for chain in backward_chains(net, style):
                d = chain.derivation
                yield latex(build_equation(d.result, style))
                if d.matrix is not None:
                    yield latex(build_equation(d.matrix, style))


FILES = {"rules.tex": rules, "four_equations.tex": four_equations}

if __name__ == "__main__":
    for file, lines in FILES.items():
        (HERE / file).write_text("\n".join(lines()) + "\n", encoding="utf-8")
