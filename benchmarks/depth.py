"""How the time and the memory of a derivation with its LaTeX grow with the number of layers.

    python benchmarks/depth.py [--depths 10 100 1000] [--repeats 3]

Each measurement is a process of its own, because caches filled by one depth would help the next. The depths take turns, so that
a slow spell of the machine meets them all; medians of processor time are printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 5


def derivation(depth: int) -> int:
    """All backward equations of a perceptron of `depth` layers in LaTeX, index form and matrix form; how many characters that is."""
    from symbackprop.backprop import backpropagate
    from symbackprop.builders import mlp
    from symbackprop.lift import lift_equation
    from symbackprop.notation import load_notation
    from symbackprop.typeset.build import build
    from symbackprop.typeset.latex import latex

    notation = load_notation("nielsen")
    layout = notation.layout(batched=False)
    written = 0
    for b in backpropagate(mlp([WIDTH] * (depth + 1)), notation.named(batched=False)):
        written += len(latex(build(b.equation, notation)))
        lifted = lift_equation(b.equation, layout)
        if lifted is not None:
            written += len(latex(build(lifted, notation)))
    return written


def measure(depth: int, what: str) -> float:
    """In this process: seconds of processor time, or the peak of memory in bytes, which tracemalloc takes long to find."""
    import symbackprop.doors  # noqa: F401 - importing SymPy is not what is measured

    derivation(2)  # nor is what happens once: reading the notation, deriving the activation's slope
    if what == "memory":
        tracemalloc.start()
        derivation(depth)
        return float(tracemalloc.get_traced_memory()[1])
    start = time.process_time()
    derivation(depth)
    return time.process_time() - start


def in_fresh_process(depth: int, what: str) -> float:
    out = subprocess.run([sys.executable, __file__, "--measure", str(depth), what], cwd=ROOT, check=True, capture_output=True, text=True)
    return float(json.loads(out.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depths", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(int(options.measure[0]), options.measure[1])))
        return
    seconds: dict[int, list[float]] = {depth: [] for depth in options.depths}
    for _ in range(options.repeats):
        for depth in options.depths:
            seconds[depth].append(in_fresh_process(depth, "seconds"))
    memory = {depth: in_fresh_process(depth, "memory") for depth in options.depths}
    per_layer = {depth: median(times) / depth for depth, times in seconds.items()}
    print("layers   seconds   ms a layer   peak memory, MB   KB a layer")
    for depth in options.depths:
        peak = memory[depth]
        print(f"{depth:6} {median(seconds[depth]):9.2f} {1e3 * per_layer[depth]:12.2f} {peak / 1e6:17.2f} {peak / 1e3 / depth:12.1f}")
    print(f"time a layer, largest over smallest: {max(per_layer.values()) / min(per_layer.values()):.2f}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
