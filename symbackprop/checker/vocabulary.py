"""The words that lines about a problem may hold, and a formula in whichever of the two ways it is typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from symbackprop.checker.functions import KNOWN
from symbackprop.checker.problem import strings, table
from symbackprop.checker.symbols import GREEK
from symbackprop.parse.latex import read_formula
from symbackprop.parse.python import read_python
from symbackprop.parse.tree import Formula, Vocabulary

__all__ = ["PYTHON", "parsed", "vocabulary_of"]

_INDICES = re.compile(r"[i-np-v]{2,3}")  # what stands on the left of an equation as y_{ij} are two indices, unless it is declared as a word
_ALONE = re.compile(r"_\{?([a-z])(?![A-Za-z])")  # the g and the k of \mu_g and \sum_{k=1}: then gk are two indices as well
_ACCENTED = re.compile(r"\\(hat|tilde|bar)\s*\{?\s*(?:\\math\w+\s*\{)?\\?([A-Za-z]+)")  # \hat{y}, which plain text calls yhat
_SCRIPTED = re.compile(r"(?<![\\A-Za-z])([A-Za-z])\}?[_^]")  # W_1 or W^{[l]}, which plain text calls W1
_BRACKET = re.compile(r"\s*\\?([A-Za-z]+)(?:_(?:\w|\\[A-Za-z]+|\{[^{}]*\}))?\s*\(.*\)\s*")  # f(x), h_\theta(x)
PYTHON = re.compile(r"@|\.T\b|np\.|\*\*|\w\[")


def parsed(text: str, vocabulary: Vocabulary) -> Formula:
    """A formula in whichever of the two ways it is typed."""
    return read_python(text, vocabulary) if "\\" not in text and PYTHON.search(text) else read_formula(text, vocabulary)


def vocabulary_of(data: Mapping[str, Any], where: str) -> Vocabulary:
    """The words that stand in declared symbols, and for each quantity its differential."""
    keys = [*table(data, "shapes", where), *table(data, "names", where), *table(data, "functions", where)]
    keys += [*table(data, "upstream", where), *strings(data, "scalars", where), *table(data, "abstract", where)]
    lefts = [re.split(r":=|=", e, maxsplit=1)[0] for e in strings(data, "equations", where)]
    declared, defined = ({w for text in texts for w in re.findall(r"(?<![\\A-Za-z])[A-Za-z][A-Za-z0-9]+", text)} for texts in (keys, lefts))
    alone = set(_ALONE.findall(" ".join(strings(data, "equations", where))))
    words = declared | {w for w in defined if not (_INDICES.fullmatch(w) or (len(w) < 4 and alone.issuperset(w)))}
    words |= {t.strip() for t in lefts if len(t.strip()) > 1 and t.strip().isalpha()}  # a left side that is nothing else is a name, as mu
    words |= {w for text in keys for w in re.findall(r"\\(?:mathrm|text|operatorname|mathit)\{([A-Za-z]\w+)\}", text)}
    letters = {m for text in (*keys, *lefts) for m in re.findall(r"(?<![\\A-Za-z])[A-Za-z](?![A-Za-z])", text)}
    letters |= {m for text in (*keys, *lefts) for m in re.findall(r"\\([A-Za-z]+)", text) if m in GREEK}
    words |= {m for m in letters if len(m) > 1} | {f"{letter}{accent}" for t in (*keys, *lefts) for accent, letter in _ACCENTED.findall(t)}
    scripted = {m for text in (*keys, *lefts) for m in _SCRIPTED.findall(text)}
    words |= {f"{letter}{digit}" for letter in scripted for digit in range(10)}
    functions = {k.lstrip("\\") for k in table(data, "functions", where)}
    single = {re.split(r"[\^_']", f)[0] for f in functions}
    single |= {found.group(1) for found in map(_BRACKET.fullmatch, lefts) if found}
    return Vocabulary(frozenset(words | {f"d{w}" for w in (*words, *letters)}), frozenset(single | KNOWN))
