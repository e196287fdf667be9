"""Checks derivations that people wrote by hand: which line is the first wrong one, why, and a counterexample."""

from __future__ import annotations

from symbackprop.checker.batch import check_many
from symbackprop.checker.judge import check
from symbackprop.checker.problem import Problem, load_problem
from symbackprop.checker.verdicts import Report, Status

__all__ = ["Problem", "Report", "Status", "check", "check_many", "load_problem"]
