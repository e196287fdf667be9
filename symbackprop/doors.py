"""What the package is asked for from outside: notes on a network, and the built-in lecture."""

from __future__ import annotations

from collections.abc import Callable

from symbackprop.backprop import backpropagate
from symbackprop.builders import mlp
from symbackprop.derivation import DETAILS
from symbackprop.documents.about_network import network_sections
from symbackprop.documents.blocks import Notes
from symbackprop.documents.lecture import TITLE, lecture_sections
from symbackprop.errors import SpecError, one_of
from symbackprop.languages import load_language
from symbackprop.network import Network
from symbackprop.notation import load_notation, with_cost_of
from symbackprop.prove import end_to_end

__all__ = ["derive", "lecture"]


def derive(
    net: Network, notation: str = "nielsen", detail: str = "steps", progress: Callable[[str], None] = lambda name: None, language: str = "en"
) -> Notes:
    """Notes on one network: every gradient derived step by step, every step proved; the cost is taken as the notation has it.

    `notation` is a shipped notation or the path of one; `detail` is results, steps or full; `language` is one of
    `symbackprop list languages`. Raises `NotProved` if a step does not hold, `UnknownName` for a notation, detail or language that
    does not exist, `SpecError` for a loss that depends on no parameter.

    >>> import symbackprop as sb
    >>> notes = sb.derive(sb.mlp([2, 3, 1]))
    >>> notes.counts()["for all sizes"] > 40
    True
    """
    one_of("detail", detail, DETAILS)
    spoken = load_language(language)
    if not backpropagate(net, wrt=net.parameters):
        raise SpecError(f"{net.loss} depends on no parameter; list under parameters what gradients are wanted for")
    chosen = load_notation(notation)
    sections = tuple(network_sections(with_cost_of(net, chosen), chosen, progress))
    return Notes(net.name, sections, detail, language=spoken, net=net)


_ORACLE_NETWORKS = (
    {"sizes": [2, 3, 1], "activation": "sigmoid", "loss": "quadratic"},
    {"sizes": [3, 2, 2], "activation": "tanh", "output": "softmax", "loss": "cross_entropy"},
    {"sizes": [2, 3, 1], "activation": "softplus", "output": "sigmoid", "loss": "binary_cross_entropy"},
    {"sizes": [3, 2], "activation": "relu", "output": "identity", "loss": "squared_error"},
)


def lecture(
    notation: str = "nielsen", detail: str = "steps", progress: Callable[[str], None] = lambda name: None, language: str = "en"
) -> Notes:
    """The built-in lecture on backpropagation, proved; its final gradients are compared with plain `sympy.diff` of expanded losses."""
    one_of("detail", detail, DETAILS)
    spoken = load_language(language)
    sections = tuple(lecture_sections(load_notation(notation), progress))
    progress("end to end against the expanded losses")
    totals = {"networks": 0, "entries": 0, "disagreements": 0}
    for spec in _ORACLE_NETWORKS:
        report = end_to_end(mlp(**spec))  # type: ignore[arg-type]
        totals["networks"] += 1
        totals["entries"] += report.count
    return Notes(TITLE, sections, detail, totals, spoken)
