"""Derivations: chains of equal expressions, each link with its rule and its reason, made from the equations themselves."""

from symbackprop.derivation.formulas import activation_derivation, formula_derivation, local_derivation, named_derivative, path_derivation
from symbackprop.derivation.gradients import gradient_derivation, known_put_in, name_of
from symbackprop.derivation.single import single, single_equation
from symbackprop.derivation.steps import DETAILS, Derivation, Reason, Reference, Step

__all__ = [
    "DETAILS", "Derivation", "Reason", "Reference", "Step", "activation_derivation", "formula_derivation", "gradient_derivation",
    "known_put_in", "local_derivation", "name_of", "named_derivative", "path_derivation", "single", "single_equation",
]  # fmt: skip
