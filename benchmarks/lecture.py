"""The built-in lecture from a cold start, and how soon the command line answers.

    python benchmarks/lecture.py [--repeats 3]

Every run is a fresh process, as a user starts it: `symbackprop notes -o FOLDER` (tex and html, proofs included) and
`symbackprop --help`, which must not import SymPy.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
RUN = "from symbackprop.cli import main; main()"  # what the installed command does
SYMPY = "import sys, atexit; atexit.register(lambda: print('sympy' in sys.modules, file=sys.stderr)); "


def run(*arguments: str, before: str = "") -> tuple[float, float, subprocess.CompletedProcess[str]]:
    """Seconds on the clock, seconds of processor time, and what the process printed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", before + RUN, *arguments], env=environment, capture_output=True, text=True)
    clock = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"symbackprop {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return clock, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime, done


def report(what: str, *arguments: str, repeats: int) -> str:
    runs = [run(*arguments) for _ in range(repeats)]
    print(f"{what}: {median(r[0] for r in runs):.2f} s on the clock, {median(r[1] for r in runs):.2f} s of processor time (medians of {repeats})")
    return runs[-1][2].stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        print(report("symbackprop notes", "notes", "-o", folder, repeats=repeats).splitlines()[0])
        print("written: " + ", ".join(f"{p.name} {p.stat().st_size // 1000} kB" for p in sorted(Path(folder).glob("notes.*"))))
    report("symbackprop --help", "--help", repeats=max(5, repeats))
    imported = run("--help", before=SYMPY)[2].stderr.strip()
    print(f"SymPy imported by --help: {imported}")
    if imported != "False":
        sys.exit("--help must not import SymPy")


if __name__ == "__main__":
    main()
