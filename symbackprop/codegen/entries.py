"""Operations on single entries as source of numba, numbers in the dtype of the arrays."""

from __future__ import annotations

from symbackprop.codegen.arrays import Op
from symbackprop.codegen.dialects import ATOM, Dialect, Printer

__all__ = ["SIZES", "entry_printer", "size_text"]

_FLOAT = ("log", "sqrt", "erf", "erfc", "sin", "cos", "sinh", "cosh", "log1p")
_OWN = ("exp", "expm1", "tanh", "maximum", "minimum", "logaddexp", "heaviside", "abs")
_ENTRIES = Dialect(
    "numba", "np", imports=(), traced=True, functions={**{f: f"math.{f}" for f in _FLOAT}, **{f: f for f in _OWN}, "power": "pow"}
)
SIZES = Printer(_ENTRIES, "")


class _Entries(Printer):
    """Single entries: numbers in the dtype of the arrays, called `real`, and conditions as expressions of Python's own."""

    def bound(self, op: Op) -> tuple[str, int]:
        """The source of an operation on entries and how tightly it holds together."""
        match op.op:
            case "number":
                return f"real({super().bound(op)[0]})", ATOM
            case "name" if op.data in self.numbers:
                return f"real({op.data})", ATOM
            case "constant":
                return f"real(math.{op.data})", ATOM
            case "compare":
                return f"real({self._condition(op)})", ATOM
            case "where":
                condition, then, otherwise = op.args
                return f"{self.text(then, 0)} if {self._condition(condition)} else {self.text(otherwise, 0)}", -1
            case "pow" if op.args[1].data.is_Integer:
                return f"{self.text(op.args[0], ATOM)}**{op.args[1].data}", ATOM - 1
            case "form":
                return f"{op.data}({', '.join(['real', *map(self.text, op.args)])})", ATOM
            case "call" if op.data == "heaviside":
                return f"real(heaviside({self.all(op.args)}))", ATOM
        return super().bound(op)

    def _condition(self, op: Op) -> str:
        left, right = (self.text(a, 1) for a in op.args)
        return f"{left} {op.data} {right}"


def entry_printer(numbers: frozenset[str] = frozenset()) -> Printer:
    """The printer of single entries, `real` their type.

    >>> from symbackprop.codegen.forms import read_form
    >>> entry_printer().text(read_form("where(z > 0, z, 0)"))
    'z if z > real(0) else real(0)'
    """
    return _Entries(_ENTRIES, "real", numbers)


def size_text(op: Op) -> str:
    """A formula of sizes as a whole number."""
    return SIZES.text(op) if op.op in ("name", "number") else f"int({SIZES.text(op)})"
