"""All gradients of an 8-8-8-4 sigmoid network, element by element, ready to evaluate: named equations against the expanded loss.

    python benchmarks/expanded.py [--full]

Ours: from the network to a Python function of floats that returns all 180 gradients. The forward and the backward equations are
written out entry by entry and stay named, so each becomes one assignment. The other way: the loss as one expression in plain
symbols, and `sympy.diff` of it by each parameter, without even compiling the result. By default that is done for some
parameters of each layer, whose mean stands for the others of that layer; `--full` does all 180. Seconds are processor time.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sympy as sp

from symbackprop.backprop import backpropagate
from symbackprop.builders import mlp
from symbackprop.elements import instances, written_out
from symbackprop.equations import Entry, Equation, Func, Grad
from symbackprop.network import Network
from symbackprop.notation import load_notation
from symbackprop.rules import ACTIVATIONS

WIDTHS = (8, 8, 8, 4)
SAMPLE = (("w", 1, (1, 1)), ("b", 1, (5,)), ("w", 2, (3, 4)), ("b", 2, (8,)), ("w", 3, (2, 5)))
"""The parameters whose gradients are compared, and for which alone `sympy.diff` is timed unless `--full`: some of every layer."""

Place = tuple[str, int, tuple[int, ...]]


def parameters() -> list[Place]:
    places: list[Place] = []
    for layer, (below, width) in enumerate(pairwise(WIDTHS), start=1):
        places += [("w", layer, (j, k)) for j in range(1, width + 1) for k in range(1, below + 1)]
        places += [("b", layer, (j,)) for j in range(1, width + 1)]
    return places


def symbol(*parts: Any) -> sp.Symbol:
    return sp.Symbol("_".join(map(str, parts)), real=True)


def given() -> list[sp.Symbol]:
    """The arguments of the compiled function: parameters, input, target."""
    inputs = [symbol("x", k + 1) for k in range(WIDTHS[0])] + [symbol("y", k + 1) for k in range(WIDTHS[-1])]
    return [symbol(name, layer, *at) for name, layer, at in parameters()] + inputs


# ---------------------------------------------------------------- ours


def plain(expr: Any) -> Any:
    """Entries as symbols, activations as their formulas."""
    if isinstance(expr, Entry):
        tensor = expr.tensor
        name = f"d{tensor.wrt.name}" if isinstance(tensor, Grad) else tensor.name
        return symbol(name, *(() if tensor.layer is None else (tensor.layer,)), *expr.indices)
    if isinstance(expr, Func):
        return ACTIVATIONS[expr.name].of(plain(expr.argument))
    return expr.func(*map(plain, expr.args)) if expr.args else expr


def assignments(net: Network) -> list[tuple[sp.Symbol, Any]]:
    """Every forward and backward equation, entry by entry, in the order of evaluation."""
    backward = [b.equation for b in backpropagate(net, load_notation("nielsen").named(batched=False))]
    equations: Sequence[Equation] = (*net.equations, *backward)
    return [(plain(one.lhs), plain(written_out(one.rhs))) for e in equations for one in instances(e)]


def ours() -> Callable[..., list[float]]:
    named = assignments(mlp(WIDTHS, activation="sigmoid", loss="quadratic"))
    wanted = [symbol(f"d{name}", layer, *at) for name, layer, at in parameters()]
    # `cse` may be a function that returns the assignments and what is left: here the equations as they are.
    compiled: Callable[..., list[float]] = sp.lambdify(given(), wanted, modules="math", cse=lambda wanted: (named, wanted))
    return compiled


# ---------------------------------------------------------------- the expanded loss


def expanded_loss() -> Any:
    """The loss as one expression of parameters, input and target; it knows nothing of this package."""
    a: list[Any] = [symbol("x", k + 1) for k in range(WIDTHS[0])]
    for layer, width in enumerate(WIDTHS[1:], start=1):
        z = [sum(symbol("w", layer, j, k) * a_k for k, a_k in enumerate(a, 1)) + symbol("b", layer, j) for j in range(1, width + 1)]
        a = [1 / (1 + sp.exp(-z_j)) for z_j in z]
    return sum((symbol("y", j) - a_j) ** 2 for j, a_j in enumerate(a, 1)) / 2


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="differentiate the expanded loss by all 180 parameters (one to two minutes)")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    seconds, gradients = timed(ours)
    again = []
    for _ in range(options.repeats):
        sp.core.cache.clear_cache()
        again.append(timed(ours)[0])
    print(f"named equations: {len(parameters())} gradients ready in {seconds:.2f} s, once more in {median(again):.2f} s")

    generator = random.Random(0)
    values = {s: generator.uniform(-1, 1) for s in given()}
    found = dict(zip(parameters(), gradients(*values.values()), strict=True))

    sp.core.cache.clear_cache()
    loss = expanded_loss()
    chosen: Sequence[Place] = parameters() if options.full else SAMPLE
    spent: dict[int, list[float]] = {}
    worst = 0.0
    for name, layer, at in chosen:
        cost, derivative = timed(partial(sp.diff, loss, symbol(name, layer, *at)))
        spent.setdefault(layer, []).append(cost)
        if (name, layer, at) in SAMPLE:
            expected = sp.lambdify(given(), derivative, modules="math", cse=True)(*values.values())
            worst = max(worst, abs(found[name, layer, at] - expected) / abs(expected))
    sizes = Counter(layer for _, layer, _ in parameters())
    total = sum(sizes[layer] * mean(times) for layer, times in spent.items())
    how = "all measured" if options.full else f"estimated from {len(chosen)} of them, layer by layer"
    print(f"expanded loss: {total:.1f} s for {len(parameters())} derivatives ({how})")
    print("seconds a derivative, by layer: " + ", ".join(f"{layer}: {mean(times):.3f}" for layer, times in spent.items()))
    print(f"ratio: {total / seconds:.0f} (first call), {total / median(again):.0f} (once more)")
    print(f"largest relative difference between the gradients of both ways, {len(SAMPLE)} compared: {worst:.1e}")
    if worst > 1e-9:
        sys.exit("the two ways disagree")


if __name__ == "__main__":
    main()
