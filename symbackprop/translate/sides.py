"""One network in one notation: its equations and its derivations, proved, and how they are printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from symbackprop.backprop import Named
from symbackprop.derivation import Derivation, single_equation
from symbackprop.documents.about_network import backward_chains, layout_of, letters_of, style_of
from symbackprop.documents.blocks import Chain
from symbackprop.equations import Layers
from symbackprop.languages import ENGLISH, Language
from symbackprop.lift import Layout, MatrixEquation, lift_equation
from symbackprop.network import Network
from symbackprop.notation import Notation, with_cost_of
from symbackprop.typeset.build import Builder, chain
from symbackprop.typeset.build_names import WORDS
from symbackprop.typeset.tree import Node

__all__ = ["Side", "side_of"]

WIDTH = 24.0  # ems of a column


@dataclass(frozen=True)
class Side:
    """A network in a notation: the cost is the notation's, the letters and the layout are too, and every step is proved.

    `named` are the gradients that have a letter; `language` is that of the words in formulas.
    """

    net: Network
    notation: Notation
    layout: Layout
    named: Mapping[str, Named]
    chains: tuple[Chain, ...]
    language: Language = ENGLISH

    @cached_property
    def builder(self) -> Builder:
        words = {name: self.language.say(word) for name, word in WORDS.items()}
        return Builder(self.notation, self.net.samples, words, self.net.last_layer)

    @cached_property
    def derivations(self) -> Mapping[str, Derivation]:
        """The derivations by their names."""
        return {c.derivation.name: c.derivation for c in self.chains}

    @cached_property
    def forward(self) -> tuple[tuple[Any, MatrixEquation | None], ...]:
        """The forward equations, each with its matrix form where it has one."""
        return tuple((single_equation(e), lift_equation(e, self.layout)) for e in self.net.equations)

    def equation(self, equation: Any) -> Node:
        """An equation on a line, or several if it is long."""
        builder = self.builder.about(equation.lhs, equation.rhs)
        link = (getattr(equation, "relation", "="), builder.build(equation.rhs), self.held(builder, equation.layers))
        return chain(builder.build(equation.lhs), [link], WIDTH)

    def result(self, derivation: Derivation) -> Node:
        """What a derivation ends in."""
        return self.builder.about(derivation.result.lhs, derivation.result.rhs).build(derivation.result)

    def steps(self, derivation: Derivation) -> Node:
        """A derivation from its left side to its result, a line a step."""
        builder = self.builder.about(derivation.lhs, *(s.expression for s in derivation))
        held = self.held(builder, derivation.layers)
        links = [(s.relation, builder.build(s.expression), held if n == 0 else None) for n, s in enumerate(derivation)]
        return chain(builder.build(derivation.lhs), links, WIDTH)

    @staticmethod
    def held(builder: Builder, layers: Layers | None) -> Node | None:
        """The layers that an equation holds for, where there are many."""
        return None if layers is None else builder.layers(layers)


def side_of(net: Network, notation: Notation, language: Language = ENGLISH) -> Side:
    """The derivations of a network in one notation; `NotProved` if a step does not hold."""
    net = with_cost_of(net, notation)
    style, named = style_of(net, notation), letters_of(net, notation)
    return Side(net, style, layout_of(net, notation), named, tuple(backward_chains(net, style, named=named)), language)
