"""How long it takes from a network to its compiled function: by depth, and to the first gradient.

    python benchmarks/compile.py [--depths 10 100 1000] [--repeats 5]

Each measurement is a process of its own with nothing cached, SymPy and the package imported; medians are printed. The depth table
gives seconds of processor time for deriving (equations to statements), writing (statements to source) and loading (Python's own
compiler), for a perceptron of width 5 with softmax and cross-entropy. The first gradient is that of 784-512-256-10 with 128
examples, in seconds on the clock and of the processor, one thread, with the parts of the package that compiling needs imported
before, and without.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WIDTH, SIZES, EXAMPLES = 5, [784, 512, 256, 10], 128


def depth(layers: int) -> dict[str, float]:
    """Deriving, writing and loading the program of so many layers."""
    from symbackprop.builders import mlp
    from symbackprop.codegen.loading import loaded
    from symbackprop.codegen.numpy_source import numpy_source
    from symbackprop.codegen.program import array_program

    net = mlp([WIDTH] * (layers + 1), output="softmax", loss="cross_entropy", samples="m")
    times = [time.process_time()]
    program = array_program(net)
    times.append(time.process_time())
    source = numpy_source(program)
    times.append(time.process_time())
    loaded(source)
    times.append(time.process_time())
    return {what: times[n + 1] - times[n] for n, what in enumerate(("deriving", "writing", "loading"))}


def first_gradient(warm: bool) -> dict[str, float]:
    """From the network to the first gradient, and a second call for comparison."""
    import numpy as np
    import sympy  # noqa: F401 - importing it is not what is measured

    import symbackprop as sb

    if warm:
        import symbackprop.builders
        import symbackprop.codegen.function
    rng = np.random.default_rng(0)
    params = {}
    for layer, (n, m) in enumerate(pairwise(SIZES), 1):
        params[f"W{layer}"], params[f"b{layer}"] = rng.normal(size=(n, m)) / 30, np.zeros(m)
    x, y = rng.normal(size=(EXAMPLES, SIZES[0])), np.eye(SIZES[-1])[rng.integers(0, SIZES[-1], EXAMPLES)]
    clock, processor = time.perf_counter(), time.process_time()
    f = sb.compile(sb.mlp(SIZES, output="softmax", loss="cross_entropy", samples="m"))
    compiled = time.perf_counter()
    f(params, x, y)
    found = {"clock": time.perf_counter() - clock, "processor": time.process_time() - processor, "first call": time.perf_counter() - compiled}
    again = time.perf_counter()
    f(params, x, y)
    return {**found, "second call": time.perf_counter() - again}


def in_fresh_process(what: str, number: int) -> dict[str, float]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # installed packages have byte code
    threads = {**kept, **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")}
    command = [sys.executable, __file__, "--measure", what, str(number)]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=threads)
    return dict(json.loads(out.stdout))


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: median(row[key] for row in rows) for key in rows[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depths", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        what, number = options.measure[0], int(options.measure[1])
        print(json.dumps(depth(number) if what == "depth" else first_gradient(bool(number))))
        return
    found: dict[Any, list[dict[str, float]]] = {}
    in_fresh_process("first", 0)  # what keeps byte code
    for _ in range(options.repeats):  # in turns, so that a slow spell of the machine meets them all
        for layers in options.depths:
            found.setdefault(layers, []).append(in_fresh_process("depth", layers))
        for warm in (True, False):
            found.setdefault(warm, []).append(in_fresh_process("first", int(warm)))
    print("layers   deriving   writing   loading   ms a layer")
    for layers in options.depths:
        row = medians(found[layers])
        print(f"{layers:6} {row['deriving']:10.3f} {row['writing']:9.3f} {row['loading']:9.3f} {1e3 * sum(row.values()) / layers:12.2f}")
    shape = "-".join(map(str, SIZES))
    for warm, said in ((True, "imports done"), (False, "imports of the package's own parts included")):
        row = {key: 1e3 * value for key, value in medians(found[warm]).items()}
        print(
            f"first gradient of {shape}, {said}: {row['clock']:.0f} ms on the clock, {row['processor']:.0f} ms of the processor "
            f"(its first call {row['first call']:.0f} ms, the second {row['second call']:.0f} ms)"
        )


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
