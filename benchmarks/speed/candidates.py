"""All candidates by name; the first two are what the others are measured against."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.speed.by_hand import BY_HAND, PRODUCTS
from benchmarks.speed.ours import OURS
from benchmarks.speed.peers import PEERS
from benchmarks.speed.record import Candidate
from benchmarks.speed.scalars import SCALARS

CANDIDATES: Mapping[str, Candidate] = {c.name: c for c in (PRODUCTS, BY_HAND, *OURS, *SCALARS, *PEERS)}
