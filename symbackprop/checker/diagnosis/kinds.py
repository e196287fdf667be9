"""The kinds of mistakes: what is said of each, and how readily a teacher would name it."""

from __future__ import annotations

from collections.abc import Mapping

from symbackprop.languages import Message

__all__ = ["COSTS", "KINDS"]

# {old} and {new} are the part as it was written and as it should be; each sentence is whole, for it is translated as it stands.
KINDS: Mapping[str, str] = {
    "sign": Message("A sign is wrong: {old} should be {new}."),
    "transpose": Message("A transpose is missing or one too many: {old} should be {new}."),
    "layer": Message("The layer is wrong: {old} should be {new}."),
    "prime": Message("The function and its derivative are mixed up: {old} should be {new}."),
    "hadamard": Message("A product entry by entry belongs here, not a matrix product: {old} should be {new}."),
    "matrix product": Message("A matrix product belongs here, not a product entry by entry: {old} should be {new}."),
    "indices": Message("The indices are swapped: {old} should be {new}."),
    "index": Message("An index is wrong: {old} should be {new}."),
    "outer product": Message("An inner product stands where an outer product belongs, or the other way round: {old} should be {new}."),
    "order": Message("The factors stand in the wrong order: {old} should be {new}."),
    "evaluation point": Message("The function is taken at the wrong place: {old} should be {new}."),
    "counted twice": Message("A factor is counted twice: {old} should be {new}."),
    "examples": Message("This is the formula for one example, and the sum over the examples is missing: {old} should be {new}."),
    "sum": Message("A sum is missing or one too many: {old} should be {new}."),
    "axis": Message("The sum runs over the wrong axis: {old} should be {new}."),
    "factor": Message("A constant factor is wrong: {old} should be {new}."),
    "sum condition": Message("The sum leaves out a term that belongs to it: {old} should be {new}."),
    "another quantity": Message("This is the right formula for another quantity: it is {new}, not {old}."),
    "vanishes": Message("The left side is zero: {old} should be {new}."),
    "value for derivative": Message("This is the value of {new}, not its derivative."),
    "inverse derivative": Message("The derivative is the wrong way up: {old} is one over what it should be."),
    "diagonal": Message("Only the diagonal of the Jacobian was used: each {new} depends on all entries, so the sum over them belongs here."),
    "off the diagonal": Message("The case of two equal indices is not told from the others: {old} should be {new}."),
    "operand": Message("The wrong quantity stands here: {old} should be {new}."),
    "function": Message("The wrong function stands here: {old} should be {new}."),
    "power": Message("A power is wrong: {old} should be {new}."),
    "extra factor": Message("There is a factor too many: {old} should be {new}."),
    "extra term": Message("There is a term too many: {old} should be {new}."),
    "bracket": Message("A bracket opens or closes at the wrong place: {old} should be {new}."),
    "inner derivative": Message("The inner derivative is forgotten: {old} should be {new}."),
    "missing factor": Message("A factor is missing: {old} should be {new}."),
    "missing term": Message("A term is missing: {old} should be {new}."),
    "inverse": Message("The fraction is upside down: {old} should be {new}."),
    "mixed conventions": Message("Two conventions are mixed: this is right with {new}, but the derivation has {second_new} elsewhere (line {old})."),
    "two mistakes": Message("Two things are wrong: {old} should be {new}, and {second_old} should be {second_new}."),
    "missing path": Message("A path of the chain rule is left out: {old} acts through {new} as well."),
    "path": Message("The other terms are right; {old} should be what comes through {new}."),
    "range": Message("The sum runs over the wrong range: {old} should be {new}."),
    "comparison": Message("A comparison is the wrong way round: {old} should be {new}."),
    "restored": Message("This equals what opens the chain, but not the line before it, which is wrong."),
    "shapes": Message("The shapes do not fit: {old}."),
    "only equal": Message("The two sides agree where {old} are different, and differ where they are equal."),
    "only different": Message("The two sides agree where {old} are equal, and differ where they are different."),
    "some entries": Message("The two sides differ in some entries and agree in others; they differ at {old}."),
    "every entry": Message("The two sides differ in every entry."),
}

# In tenths: a small number is tried first. Where several changes mend a line, the first is said.
COSTS: Mapping[str, int] = {
    "sign": 10, "transpose": 10, "layer": 10, "prime": 10, "hadamard": 11, "matrix product": 11, "indices": 11, "index": 10, "outer product": 12,
    "order": 13, "evaluation point": 12, "counted twice": 12, "examples": 14, "sum": 15, "axis": 14, "factor": 16,
    "sum condition": 17, "another quantity": 19, "value for derivative": 19, "inverse derivative": 14, "off the diagonal": 18, "diagonal": 19,
    "vanishes": 19, "operand": 20, "function": 20, "power": 19, "extra factor": 22, "extra term": 22, "bracket": 17, "inner derivative": 18,
    "missing factor": 25, "missing term": 26, "inverse": 15, "two mistakes": 40, "mixed conventions": 40,
    "missing path": 27, "path": 60, "range": 15, "comparison": 12, "restored": 90, "shapes": 90, "only equal": 90, "only different": 90,
    "some entries": 91, "every entry": 92,
}  # fmt: skip
