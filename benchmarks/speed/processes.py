"""Measurements in processes of their own, with the number of threads set before any library is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def environment(threads: int, caches: Path | None = None) -> dict[str, str]:
    """The variables that libraries read when they are loaded; with `caches`, what they keep on disk goes there.

    Python keeps its byte code, as it does of installed packages.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    made = {**kept, **dict.fromkeys(_THREADS, str(threads)), "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
    if caches is not None:
        made |= {
            "XDG_CACHE_HOME": str(caches), "NUMBA_CACHE_DIR": str(caches / "numba"), "TORCHINDUCTOR_CACHE_DIR": str(caches / "torch"),
            "PYTENSOR_FLAGS": f"base_compiledir={caches / 'pytensor'}",
        }  # fmt: skip
    return made


def stay_on(threads: int) -> None:
    """Keep this process on as many processors as it has threads: some libraries count those."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def answers(task: dict[str, Any], threads: int, caches: Path | None = None) -> Iterator[dict[str, Any]]:
    """What a child that does `task` says, line by line; what goes wrong there ends this process too."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.speed", "--task", json.dumps({**task, "threads": threads})]
    with subprocess.Popen(command, cwd=ROOT, env=environment(threads, caches), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            yield json.loads(line)
    if child.returncode:
        sys.exit(f"{' '.join(command)} ended with {child.returncode}")


def answer(task: dict[str, Any], threads: int, limit: float, caches: Path | None = None) -> dict[str, Any]:
    """The one answer of a child, or a note on why there is none within `limit` seconds."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.speed", "--task", json.dumps({**task, "threads": threads})]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment(threads, caches), capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"note": f"over {limit:.0f} s"}
    if done.returncode:
        return {"note": f"failed: {(done.stderr.strip().splitlines() or [str(done.returncode)])[-1][:200]}"}
    return dict(json.loads(done.stdout.splitlines()[-1]))
