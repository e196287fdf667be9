"""The built-in lecture in every notation, every language and every format: derived, proved and written.

    python benchmarks/grid.py [--processes 2] [--detail steps]

What is derived and proved depends on the notation alone, and is done once for each; languages and formats are written from it.
PDF is set by Typst. The table is of processor time, which other work on the machine does not change much. A proof that does not hold, or a
format that cannot be written, ends the run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from symbackprop.derivation import DETAILS  # noqa: E402 - the checkout comes before an installed package
from symbackprop.documents.formats import FORMATS  # noqa: E402
from symbackprop.documents.saving import documents  # noqa: E402
from symbackprop.doors import lecture  # noqa: E402
from symbackprop.languages import LANGUAGES, load_language  # noqa: E402
from symbackprop.notation import notation_names  # noqa: E402


@dataclass(frozen=True)
class Line:
    """One notation: how many equations were proved, and the processor time of the proofs, of each language and of each format."""

    notation: str
    equations: int
    proving: float
    languages: dict[str, float]
    formats: dict[str, float]
    files: int
    megabytes: float


def measure(notation: str, detail: str) -> Line:
    start = time.process_time()
    notes = lecture(notation, detail)
    if not all(p.holds for p in notes.proofs) or notes.oracle["disagreements"]:
        raise SystemExit(f"{notation}: an equation is not proved")
    proving = time.process_time() - start
    languages, formats = dict.fromkeys(LANGUAGES, 0.0), dict.fromkeys(FORMATS, 0.0)
    files, size = 0, 0
    for code in LANGUAGES:
        spoken = replace(notes, language=load_language(code))
        for name in FORMATS:
            start = time.process_time()
            written = documents(spoken, [name], engine="typst")
            seconds = time.process_time() - start
            languages[code] += seconds
            formats[name] += seconds
            if not all(written.values()):
                raise SystemExit(f"{notation}, {code}, {name}: a file is empty")
            files += len(written)
            size += sum(len(text) for text in written.values())
    return Line(notation, len(notes.proofs), proving, languages, formats, files, size / 1e6)


def row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(f"{c:.1f}" if isinstance(c, float) else str(c) for c in cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--detail", choices=DETAILS, default="steps")
    asked = parser.parse_args()
    start = time.perf_counter()
    with ProcessPoolExecutor(asked.processes, get_context("spawn")) as pool:
        lines = list(pool.map(measure, names := notation_names(), [asked.detail] * len(names)))
    total = time.perf_counter() - start
    busy = sum(line.proving + sum(line.languages.values()) for line in lines)
    print(row(("notation", "equations", "derive and prove", *LANGUAGES)))
    print("|---|" + "---:|" * (2 + len(LANGUAGES)))
    for line in lines:
        print(row((line.notation, line.equations, line.proving, *line.languages.values())))
    print("\n" + row(("format", "seconds in all")) + "\n|---|---:|")
    for name in FORMATS:
        print(row((name, sum(line.formats[name] for line in lines))))
    count = len(lines) * len(LANGUAGES) * len(FORMATS)
    print(
        f"\n{count} documents in {sum(line.files for line in lines)} files, {sum(line.megabytes for line in lines):.0f} million characters, "
        f"{sum(line.equations for line in lines)} equations proved: {busy:.0f} s of processor time, {total:.0f} s on the clock with "
        f"{asked.processes} processes"
    )


if __name__ == "__main__":
    main()
