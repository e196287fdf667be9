"""A notation is data: the letters, the styles and the layout of a textbook.

A letter is a name (`delta`), several in a row (`d z`), one in a style (`calligraphic:L`) or under a mark (`hat:y`); see `letters`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sympy import S, sympify

from symbackprop.backprop import Named
from symbackprop.equations import index
from symbackprop.lift import Layout, layout

__all__ = ["CHOICES", "FACTORS", "Notation"]

CHOICES: dict[str, tuple[Any, ...]] = {
    "layer_style": ("plain", "parentheses", "brackets", "subscript"),
    "input_layer": (0, 1),
    "weight_layer": ("to", "from"),
    "sample_style": ("subscript", "superscript", "first"),
    "size_style": ("subscript", "layer"),
    "weight_index": ("to_from", "from_to"),
    "samples": ("none", "columns", "rows"),
    "vectors": ("column", "row"),
    "weights": ("to_from", "from_to"),
    "jacobian": ("shape", "numerator", "denominator"),
    "batch_cost": ("mean", "sum"),
    "regulariser": ("lambda/2", "lambda", "lambda/2m", "lambda/m"),
    "bold": ("none", "upright", "italic"),
    "hadamard": ("odot", "circ", "*", "ast", "bullet", "star", "otimes"),
    "transpose": ("T", "upright:T", "top", "intercal"),
    "transpose_style": ("outside", "merged"),
    "division": ("fraction", "oslash"),
    "exponential": ("power", "function"),
    "function_powers": ("after", "name"),
    "sum_limits": ("full", "index"),
}
FACTORS = ("slope", "sum", "gradient")
"""What a factor order may name beside quantities: the derivative of an activation, a sum, and a gradient without a letter."""


@dataclass(frozen=True)
class Notation:
    """Letters, styles and layout. Tables are keyed by the names the equations use.

    Layers: `layer_style` w^l, w^(l), w^[l] or w_l; `input_layer` is the number of the input layer; `weight_layer` says whether
    weights and biases carry the number of the layer they lead to or of that they come from; `layer_names` are letters that stand
    for numbers, in a network that has a layer for each of them.

    Styles: `sample_style` where an example's index stands (last or first among the subscripts, or a superscript in parentheses);
    `size_style` n_l, or the layer written as on a weight; `weight_index` w_jk (to, from) or w_kj; `sum_limits` with both ends or
    only the index; `nabla` names the quantities whose gradient prints as ∇_a C in matrix form, and
    `nabla_bare` those of them that need no layer in the last one; `kept` the quantities whose gradient stays as it is
    where it is used, instead of being put in; `factor_order` the order in which
    factors stand in index form, of those it names.

    Layout: `samples` are columns or rows of a batch; `vectors`; `weights` W a (to_from) or W^T a, X W (from_to); `jacobian`: a
    gradient has the shape of what it is taken by and a Jacobian the function down and the variable across (shape), or a gradient by
    a vector is a Jacobian of one row as well (numerator), or both have the variable down (denominator).

    Cost: `batch_cost` is the mean or the sum of the losses, `losses` says which registered loss goes by a general name, `regulariser`
    what stands before the squares of the weights in the penalty l2, m the number of examples.

    Letters: `symbols` of tensors with indices; `vector` and `matrix` of whole tensors with one and two axes where these have
    others, all of them bold if `bold`; `output` the names that quantities of the last layer go by, to which these tables give letters;
    `scalars` of numbers and sizes; `indices`, a
    permutation; `functions`; `weight_names`, the tensors that are weights; and `gradients`, the quantities whose gradient has a
    letter of its own, `{symbol = "dz", factor = "m"}` for dz = m ∂J/∂z in a batch of m.

    >>> Notation("mine", symbols={"a": "h"}).symbols["a"]
    'h'
    """

    name: str
    title: str = ""
    source: str = ""
    layer_style: str = "plain"
    input_layer: int = 0
    weight_layer: str = "to"
    layer_names: tuple[str, ...] = ()
    sample_style: str = "subscript"
    size_style: str = "subscript"
    weight_index: str = "to_from"
    samples: str = "columns"
    vectors: str = "column"
    weights: str = "to_from"
    jacobian: str = "shape"
    batch_cost: str = "mean"
    regulariser: str = "lambda/2"
    bold: str = "none"
    hadamard: str = "odot"
    transpose: str = "T"
    transpose_style: str = "outside"
    division: str = "fraction"
    exponential: str = "power"
    function_powers: str = "after"
    sum_limits: str = "full"
    explicit_broadcast: bool = False
    kronecker: str = "delta"
    weight_names: tuple[str, ...] = ("w",)
    nabla: tuple[str, ...] = ()
    nabla_bare: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    factor_order: tuple[str, ...] = ()
    losses: Mapping[str, str] = field(default_factory=dict, hash=False)
    symbols: Mapping[str, str] = field(default_factory=dict, hash=False)
    vector: Mapping[str, str] = field(default_factory=dict, hash=False)
    matrix: Mapping[str, str] = field(default_factory=dict, hash=False)
    output: Mapping[str, str] = field(default_factory=dict, hash=False)
    scalars: Mapping[str, str] = field(default_factory=dict, hash=False)
    indices: Mapping[str, str] = field(default_factory=dict, hash=False)
    functions: Mapping[str, str] = field(default_factory=dict, hash=False)
    gradients: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)

    def layout(self, batched: bool, weight_names: Iterable[str] | None = None) -> Layout:
        """Where the axes of each tensor lie, for one example or for a batch; `weight_names` are the weight matrices of the network.

        >>> Notation("rows", samples="rows", vectors="row").layout(batched=True).row_vectors
        True
        """
        return layout(
            self.samples if batched else "none", self.weights, vectors=self.vectors, name=self.name,
            weight_names=self.with_gradients(self.weight_names if weight_names is None else weight_names), sample_vectors=self.with_gradients(("L",)),
            jacobians=self.jacobian, gradient_letters=(g["symbol"] for g in self.gradients.values()),
        )  # fmt: skip

    def named(self, batched: bool, samples: Any = None) -> dict[str, Named]:
        """The gradients that have a letter of their own; `samples` is the number of examples, `m` if not given.

        >>> Notation("ng", gradients={"z": {"symbol": "dz", "factor": "m"}}).named(batched=True)["z"]
        Named(symbol='dz', factor=m)
        """
        m = index("m") if samples is None else sympify(samples, strict=True)
        return {of: Named(g["symbol"], m if batched and g.get("factor", "1") == "m" else S.One) for of, g in self.gradients.items()}

    def layer_number(self, name: str, layer: Any) -> Any:
        """The number on the quantity `name` of a layer, the input being layer 0: from that of the input layer, or that a weight comes from.

        >>> Notation("nielsen", input_layer=1).layer_number("w", 1)
        2
        """
        behind = self.weight_layer == "from" and name in self.with_gradients({*self.weight_names, "b"})
        return layer + self.input_layer - (1 if behind else 0)

    def with_gradients(self, names: Iterable[str]) -> frozenset[str]:
        """`names` and the letters of their gradients.

        >>> sorted(Notation("ng", gradients={"w": {"symbol": "dw"}}).with_gradients(["w"]))
        ['dw', 'w']
        """
        plain = frozenset(names)
        return plain | {self.gradients[n]["symbol"] for n in plain if n in self.gradients}
