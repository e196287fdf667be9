"""Worksheets: a student sheet with blanks, its key, the instructor's sheet with common mistakes, and the problem that grades what comes back."""

from __future__ import annotations

from symbackprop.worksheet.lectured import lecture_worksheet
from symbackprop.worksheet.sheet import Worksheet, worksheet

__all__ = ["Worksheet", "lecture_worksheet", "worksheet"]
