"""The checker on published derivations: its verdicts, its speed on one core and on all, and other tools on the same lines.

    python benchmarks/checker.py [--only cases mistakes mutants speed many tools] [--submissions 1000] [--python PYTHON] [--markdown] [--json FILE]

`cases`: every derivation of the tests, its verdicts beside those that it must get, and the kinds of mistake that were named.
`mistakes`: lines with one mistake of a known kind. `mutants`: every right line of the cases and of the worked problems with one mistake
put in by machine, and how often the diagnosis names that mistake. `speed`: steps a second, in a fresh process and once everything has been read
before, on one core. `many`: submissions of five lines, some right, some wrong, some that cannot be read, through `check_many` on all
cores. `tools`: Math-Verify, and SymPy's parse_latex with simplify, given the right answer as a reference, on the same lines; they run
in `PYTHON`, an interpreter that has `math-verify`, `sympy` and `antlr4-python3-runtime==4.11`, with ten seconds for a line.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROBLEMS = ROOT / "examples" / "problems"
PARTS = ["cases", "mistakes", "mutants", "speed", "many", "tools"]
LIMIT = 10  # seconds that another tool has for one line


def cases(name: str = "cases") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "tests" / "checker" / f"{name}.toml").read_text(encoding="utf-8"))["case"]
    return found


@cache
def problem(name: str) -> Any:
    from symbackprop.checker import load_problem

    return load_problem(PROBLEMS / f"{name}.toml")


def texts(case: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The lines of a case in LaTeX, and in Python where there are any."""
    for kind, key in (("txt", "lines"), ("py", "python")):
        if key in case:
            yield kind, case[key]


# ---------------------------------------------------------------- verdicts


def verdicts() -> list[dict[str, Any]]:
    """Each case: its statuses against those expected, and whether its kind of mistake was named."""
    from symbackprop.checker import check
    from symbackprop.checker.proving import PROVED

    rows = []
    for case in cases():
        for kind, lines in texts(case):
            report = check("\n".join(lines), problem(case["problem"]), kind=kind)
            # a line that is a chain of two has two verdicts, where one is expected of the line
            lines_of = [[s.status for s in report.steps if s.line == n] for n in range(1, len(lines) + 1)]
            found = ["wrong" if "wrong" in of else "undecided" if "undecided" in of or not of else "right" for of in lines_of]
            named = next((s.diagnosis.kind for s in report.steps if s.status == "wrong" and s.diagnosis), "")
            rows.append({
                "case": case["id"], "written in": {"txt": "LaTeX", "py": "Python"}[kind], "steps": len(report.steps),
                "as expected": sum(a == b for a, b in zip(found, case["expect"], strict=True)), "of": len(found),
                "right called wrong": sum(a == "wrong" and b == "right" for a, b in zip(found, case["expect"], strict=True)),
                "undecided": found.count("undecided"), "right": sum(s.status == "right" for s in report.steps),
                "proved for all sizes": sum(s.before.because.startswith(PROVED) for s in report.steps if s.status == "right"), "kind": named,
                "kind as expected": ("yes" if named in case["kinds"] else "no") if "kinds" in case else "",
            })  # fmt: skip
    return rows


def mistakes() -> list[dict[str, Any]]:
    """Wrong lines by the kind of mistake that a teacher would name."""
    from symbackprop.checker import check

    rows = []
    for kind, by_problem in tomllib.loads((ROOT / "tests" / "checker" / "mistakes.toml").read_text(encoding="utf-8")).items():
        found = Counter[str]()
        for name, lines in by_problem.items():
            for line in lines:
                report = check(line, problem(name.removesuffix(".py")), kind="py" if name.endswith(".py") else "txt")
                step = report.first_wrong
                found["lines"] += 1
                found["wrong"] += step is not None
                found["named so"] += step is not None and step.diagnosis is not None and step.diagnosis.kind == kind
        rows.append({"mistake": kind, **{key: found[key] for key in ("lines", "wrong", "named so")}})
    return rows


def mutated() -> list[dict[str, Any]]:
    """Right lines with one mistake put in: how many are called wrong, and how many by the name of the mistake."""
    from symbackprop.checker import check

    sys.path.insert(0, str(ROOT / "tests" / "checker"))
    from mutations import mutants, right_lines

    found: dict[str, Counter[str]] = {}
    for name, line in dict.fromkeys(right_lines()):
        for mutant in dict.fromkeys(mutants(name, line)):
            report = check(mutant.line, problem(name))
            step = report.first_wrong
            counts = found.setdefault(mutant.kinds[0], Counter())
            counts["mutants"] += 1
            counts["wrong"] += step is not None
            counts["still right"] += any(s.status.startswith("right") for s in report.steps)
            counts["named so"] += step is not None and step.diagnosis is not None and step.diagnosis.kind in mutant.kinds
    return [{"mistake": kind, **{key: counts[key] for key in ("mutants", "wrong", "still right", "named so")}} for kind, counts in found.items()]


# ---------------------------------------------------------------- speed


def speed() -> list[dict[str, Any]]:
    """Steps a second on one core: of processes that start, and of one process pass by pass."""
    rows = []
    for what, arguments in (("right lines", ["R"]), ("wrong lines, diagnosed", ["W"])):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        ran = subprocess.run([sys.executable, __file__, "--passes", *arguments], env=environment, capture_output=True, text=True, check=True)
        start, passes, steps = json.loads(ran.stdout)
        for name, seconds in zip(("first pass", "second pass", "fifth pass"), (passes[0], passes[1], passes[4]), strict=True):
            rows.append({"lines": what, "pass": name, "steps": steps, "seconds": round(seconds, 2), "steps a second": round(steps / seconds, 1)})
        rows[-3]["pass"] += f" (after {start:.1f} s of imports and declarations)"
    return rows


def passes(letter: str) -> None:
    """In a process of its own: the time to be ready, and the processor time of five passes over the cases whose name starts so."""
    start = time.process_time()
    from symbackprop.checker import check

    chosen = [c for c in cases() if c["id"].startswith(letter)]
    for case in chosen:
        problem(case["problem"])
    ready = time.process_time() - start
    seconds, steps = [], 0
    for _ in range(5):
        start = time.process_time()
        steps = sum(len(check("\n".join(lines), problem(c["problem"]), kind=kind).steps) for c in chosen for kind, lines in texts(c))
        seconds.append(time.process_time() - start)
    print(json.dumps([ready, seconds, steps]))


# ---------------------------------------------------------------- many


def submissions(count: int) -> dict[str, list[list[str]]]:
    """So many submissions of five lines by problem: right lines of the cases, one in five spoilt and one in twenty cut so that it cannot be read."""
    rng = random.Random(4)
    pools: dict[str, list[str]] = {}
    for case in cases():
        right = [line for line, expected in zip(case["lines"], case["expect"], strict=True) if expected == "right" and not line.startswith("=")]
        pools.setdefault(case["problem"], []).extend(right)
    names = sorted(name for name, lines in pools.items() if lines)
    found: dict[str, list[list[str]]] = {name: [] for name in names}
    for n in range(count):
        name = names[n % len(names)]
        found[name].append([spoilt(rng, rng.choice(pools[name])) for _ in range(5)])
    return found


def spoilt(rng: random.Random, line: str) -> str:
    """The line, or now and then another that is wrong or cannot be read."""
    left, _, right = line.partition("=")
    match rng.choices(["as it is", "sign", "factor", "cut"], [75, 10, 10, 5])[0]:
        case "sign":
            return f"{left} = - \\left( {right} \\right)"
        case "factor":
            return f"{left} = 3 \\left( {right} \\right)"
        case "cut":
            return line[: len(line) * 2 // 3] + r"\left("
    return line


def resident(parent: int) -> dict[int, float]:
    """The megabytes of memory that each child of a process holds."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int((entry / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[1]) == parent:
                found[int(entry.name)] = int((entry / "statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
        except (OSError, ValueError):
            continue
    return found


def many(count: int) -> list[dict[str, Any]]:
    """Time and memory of many submissions on all cores, ten parts one after the other."""
    from symbackprop.checker.batch import check_many, checking_pool
    from symbackprop.checker.submissions import Submission

    by_problem = submissions(count)
    total = sum(map(len, by_problem.values()))
    statuses: Counter[str] = Counter()
    slowest = 0.0
    memory: list[dict[int, float]] = []
    start = time.perf_counter()
    with checking_pool(None, 10.0, 1024) as pool:
        for part in range(2):  # every problem is met in both halves, so growth by new problems is not taken for a leak
            for name, handed_in in by_problem.items():
                half = handed_in[part::2]
                for report in check_many((Submission(f"{name}.txt", "\n".join(s), "txt") for s in half), problem(name), pool):
                    statuses[str(report.status)] += 1
                    slowest = max(slowest, report.seconds)
            memory.append(resident(os.getpid()))
    seconds = time.perf_counter() - start
    return [{
        "submissions": total, "lines": 5 * total, "cores": os.cpu_count(), "seconds": round(seconds, 1),
        "submissions a second": round(total / seconds, 1),
        "right": statuses["right"], "wrong": statuses["wrong"], "undecided": statuses["undecided"], "slowest s": round(slowest, 2),
        "MB a worker, half way": " ".join(f"{m:.0f}" for m in memory[0].values()), "at the end": " ".join(f"{m:.0f}" for m in memory[1].values()),
    }]  # fmt: skip


# ---------------------------------------------------------------- other tools

_MATH_VERIFY = """
from math_verify import parse, verify
def compare(gold, answer):
    a, b = parse("$" + gold + "$"), parse("$" + answer + "$")
    return "unread" if not a or not b else "same" if verify(a, b) else "other"
"""
_PARSE_LATEX = """
from sympy import simplify
from sympy.parsing.latex import parse_latex
parse_latex("x")
def compare(gold, answer):
    return "same" if simplify(parse_latex(gold) - parse_latex(answer)) == 0 else "other"
"""
_LOOP = """
import json, signal, sys
class Late(BaseException): pass
def ring(*_): raise Late
signal.signal(signal.SIGALRM, ring)
for gold, answer in json.load(sys.stdin):
    signal.alarm(%d)
    try: said = compare(gold, answer)
    except Late: said = "late"
    except Exception: said = "unread"
    finally: signal.alarm(0)
    print(said, flush=True)
"""


def pairs() -> dict[str, list[tuple[str, str, str, str]]]:
    """What is to be compared: the problem, the left side, the reference and the answer, by what the answer is."""
    found: dict[str, list[tuple[str, str, str, str]]] = {"the reference itself": [], "the reference as -(-(...))": [], "a wrong answer": []}
    for case in cases():
        if "right" in case:
            bad = next(line for line, expected in zip(case["lines"], case["expect"], strict=True) if expected == "wrong")
            reference = case["right"][0].split(" = ")[-1]
            found["a wrong answer"].append((case["problem"], bad.split(" = ")[0], reference, bad.split(" = ")[-1]))
            continue
        for line in case["lines"]:
            left, right = line.split(" = ")[0], line.split(" = ")[-1]
            if not line.startswith("="):
                found["the reference itself"].append((case["problem"], left, right, right))
                found["the reference as -(-(...))"].append((case["problem"], left, right, rf"-\left(-\left({right}\right)\right)"))
    return found


def said_by(python: str, tool: str, asked: Sequence[tuple[str, str]]) -> list[str] | str:
    """What a tool says of each pair; or why it cannot be asked."""
    try:
        ran = subprocess.run(
            [python, "-c", tool + _LOOP % LIMIT], input=json.dumps(asked), capture_output=True, text=True, timeout=(LIMIT + 1) * len(asked) + 60,
        )  # fmt: skip
        out = ran.stdout.split()
        if ran.returncode and not out:
            return ran.stderr.strip().rpartition("\n")[2]
    except subprocess.TimeoutExpired as error:
        out = (error.stdout or b"").decode().split()
    return out + ["late"] * (len(asked) - len(out))


def ours(asked: Sequence[tuple[str, str, str, str]]) -> list[str]:
    from symbackprop.checker import check

    words = {"right": "same", "wrong": "other", "undecided": "unread"}
    reports = [check(f"{left} = {answer}", problem(name)) for name, left, _, answer in asked]
    return [words.get(str(r.steps[-1].status if r.first_wrong is None else "wrong"), "same") for r in reports]


def tools(python: str) -> list[dict[str, Any]]:
    rows = []
    for name, tool in (("symbackprop", ""), ("Math-Verify", _MATH_VERIFY), ("SymPy parse_latex, simplify", _PARSE_LATEX)):
        for what, asked in pairs().items():
            start = time.perf_counter()
            said = said_by(python, tool, [(reference, answer) for _, _, reference, answer in asked]) if tool else ours(asked)
            if isinstance(said, str):
                rows.append({"tool": name, "answer": what, "lines": len(asked), "called right": said})
                continue
            counts = Counter(said)
            rows.append({
                "tool": name, "answer": what, "lines": len(asked), "called right": counts["same"], "called wrong": counts["other"],
                "not read": counts["unread"], "out of time": counts["late"], "seconds": round(time.perf_counter() - start, 1),
            })  # fmt: skip
    return rows


# ---------------------------------------------------------------- printing


def shown(title: str, rows: list[dict[str, Any]], markdown: bool) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    body = [[str(row.get(column, "")) for column in columns] for row in rows]
    if markdown:
        ruler = ["---:" if all(cell.replace(".", "").isdigit() or not cell for cell in column) else "---" for column in zip(*body, strict=True)]
        print(f"\n## {title}\n")
        for line in (columns, ruler, *body):
            print("| " + " | ".join(line) + " |")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title)
    for line in body:
        table.add_row(*line)
    Console(width=160).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has the other tools")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--passes", help=argparse.SUPPRESS)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if given.passes:
        passes(given.passes)
        return
    measured: dict[str, list[dict[str, Any]]] = {}
    for what in given.only:
        match what:
            case "cases":
                measured["Verdicts"] = verdicts()
            case "mistakes":
                measured["Mistakes by kind"] = mistakes()
            case "mutants":
                measured["Mistakes put in by machine"] = mutated()
            case "speed":
                measured["Speed on one core"] = speed()
            case "many":
                measured["Many submissions"] = many(given.submissions)
            case "tools":
                measured["Other tools"] = tools(given.python)
        title, rows = list(measured.items())[-1]
        shown(title, rows, given.markdown)
        if what == "cases":
            kinds = Counter(row["kind as expected"] for row in rows)
            print(f"lines as expected: {sum(r['as expected'] for r in rows)} of {sum(r['of'] for r in rows)}; right called wrong: "
                  f"{sum(r['right called wrong'] for r in rows)}; undecided: {sum(r['undecided'] for r in rows)}; "
                  f"proved for all sizes: {sum(r['proved for all sizes'] for r in rows)} of {sum(r['right'] for r in rows)} right steps; "
                  f"kinds named as expected: {kinds['yes']} of {kinds['yes'] + kinds['no']}")  # fmt: skip
    if given.json:
        given.json.write_text(json.dumps(measured, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
