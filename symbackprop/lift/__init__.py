"""Index form to matrix form under a layout (`lift`), and back (`lower`)."""

from symbackprop.lift.layout import Layout, NotLiftable, layout
from symbackprop.lift.lifting import MatrixEquation, lift, lift_equation, lift_expression
from symbackprop.lift.lowering import lower
from symbackprop.lift.matrix import (
    Apply,
    Broadcast,
    Const,
    Diag,
    Hadamard,
    Identity,
    Map,
    MatMul,
    Node,
    Ones,
    Plus,
    Scale,
    ShapeError,
    SquaredNorm,
    SumAxis,
    Transpose,
    Var,
    children,
    placeholder,
    shape,
    with_children,
)
from symbackprop.lift.tidy import transpose

__all__ = [
    "Apply", "Broadcast", "Const", "Diag", "Hadamard", "Identity", "Layout", "Map", "MatMul", "MatrixEquation", "Node",
    "NotLiftable", "Ones", "Plus", "Scale", "ShapeError", "SquaredNorm", "SumAxis", "Transpose", "Var", "children",
    "layout", "lift", "lift_equation", "lift_expression", "lower", "placeholder", "shape", "transpose", "with_children",
]
