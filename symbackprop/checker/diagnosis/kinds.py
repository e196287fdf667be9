"""The kinds of mistakes: what is said of each, and how readily a teacher would name it."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["COSTS", "KINDS"]

# {old} and {new} are the part as it was written and as it should be; each sentence is whole, for it is translated as it stands.
KINDS: Mapping[str, str] = {
    "sign": "A sign is wrong: {old} should be {new}.",
    "transpose": "A transpose is missing or one too many: {old} should be {new}.",
    "layer": "The layer is wrong: {old} should be {new}.",
    "prime": "The function and its derivative are mixed up: {old} should be {new}.",
    "hadamard": "A product entry by entry belongs here, not a matrix product: {old} should be {new}.",
    "matrix product": "A matrix product belongs here, not a product entry by entry: {old} should be {new}.",
    "indices": "The indices are swapped: {old} should be {new}.",
    "index": "An index is wrong: {old} should be {new}.",
    "outer product": "An inner product stands where an outer product belongs, or the other way round: {old} should be {new}.",
    "order": "The factors stand in the wrong order: {old} should be {new}.",
    "evaluation point": "The function is taken at the wrong place: {old} should be {new}.",
    "counted twice": "A factor is counted twice: {old} should be {new}.",
    "examples": "This is the formula for one example, and the sum over the examples is missing: {old} should be {new}.",
    "sum": "A sum is missing or one too many: {old} should be {new}.",
    "axis": "The sum runs over the wrong axis: {old} should be {new}.",
    "keepdims": "The sum loses an axis that is needed: {old} should be {new}.",
    "factor": "A constant factor is wrong: {old} should be {new}.",
    "sum condition": "The sum leaves out a term that belongs to it: {old} should be {new}.",
    "another quantity": "This is the right formula for another quantity: it is {new}, not {old}.",
    "value for derivative": "This is the value of {new}, not its derivative.",
    "inverse derivative": "The derivative is the wrong way up: {old} is one over what it should be.",
    "diagonal": "Only the diagonal of the Jacobian was used: each {new} depends on all entries, so the sum over them belongs here.",
    "off the diagonal": "The case of two equal indices is not told from the others: {old} should be {new}.",
    "operand": "The wrong quantity stands here: {old} should be {new}.",
    "function": "The wrong function stands here: {old} should be {new}.",
    "power": "A power is wrong: {old} should be {new}.",
    "extra factor": "There is a factor too many: {old} should be {new}.",
    "extra term": "There is a term too many: {old} should be {new}.",
    "bracket": "A bracket opens or closes at the wrong place: {old} should be {new}.",
    "inner derivative": "The inner derivative is forgotten: {old} should be {new}.",
    "missing factor": "A factor is missing: {old} should be {new}.",
    "missing term": "A term is missing: {old} should be {new}.",
    "inverse": "The fraction is upside down: {old} should be {new}.",
    "two mistakes": "Two things are wrong: {old} should be {new}, and {second_old} should be {second_new}.",
    "shapes": "The shapes do not fit: {old}.",
    "only equal": "The two sides agree where {old} are different, and differ where they are equal.",
    "only different": "The two sides agree where {old} are equal, and differ where they are different.",
    "some entries": "The two sides differ in some entries and agree in others; they differ at {old}.",
    "every entry": "The two sides differ in every entry.",
}

# In tenths: a small number is tried first. Where several changes mend a line, the first is said.
COSTS: Mapping[str, int] = {
    "sign": 10, "transpose": 10, "layer": 10, "prime": 10, "hadamard": 11, "matrix product": 11, "indices": 11, "index": 12, "outer product": 12,
    "order": 13, "evaluation point": 12, "counted twice": 12, "examples": 14, "sum": 15, "axis": 14, "keepdims": 15, "factor": 16,
    "sum condition": 17, "another quantity": 19, "value for derivative": 19, "inverse derivative": 19, "off the diagonal": 20, "diagonal": 30,
    "operand": 20, "function": 20, "power": 21, "extra factor": 22, "extra term": 22, "bracket": 23, "inner derivative": 24,
    "missing factor": 25, "missing term": 26, "inverse": 24, "two mistakes": 40, "shapes": 90, "only equal": 90, "only different": 90,
    "some entries": 91, "every entry": 92,
}  # fmt: skip
