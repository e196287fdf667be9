"""The emitted module: each statement beside its formula, readable, and at home where there is nothing but NumPy."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.codegen.function import emit
from symbackprop.codegen.numpy_source import numpy_expression
from symbackprop.codegen.program import array_program
from symbackprop.equations import Grad, index
from symbackprop.errors import InputError, SpecError, UnknownName
from symbackprop.notation import load_notation, notation_names
from symbackprop.rules import ACTIVATIONS, LOSSES
from symbackprop.typeset.build import Builder, build_equation
from symbackprop.typeset.latex import latex

BESIDE = {
    "Z1": ("X @ W1 + b1", r"Z^{(1)} = X W^{(1)} + b^{(1)}", "forward"),
    "A1": ("sigmoid(Z1)", r"A^{(1)} = \sigma(Z^{(1)})", "forward"),
    "Z2": ("A1 @ W2 + b2", r"Z^{(2)} = A^{(1)} W^{(2)} + b^{(2)}", "forward"),
    "A2": ("softmax(Z2, axis=1)", r"A^{(2)} = \frac{\exp(Z^{(2)})}{\exp(Z^{(2)}) \, \mathbf{1}}", "forward"),
    "L": ("-np.sum(Y * log_a2, axis=1)", r"\ell = -(Y \odot \log(A^{(2)})) \, \mathbf{1}", "forward"),
    "J": ("np.sum(L) / m", r"J = \frac{1}{m} \mathbf{1}^{\top} \ell", "forward"),
    "Delta2": ("(A2 - Y) / m", r"\Delta^{(2)} = \frac{1}{m}(A^{(2)} - Y)", "BP1"),
    "dW2": ("A1.T @ Delta2", r"\frac{\partial J}{\partial W^{(2)}} = (A^{(1)})^{\top} \Delta^{(2)}", "BP4-2"),
    "db2": ("np.sum(Delta2, axis=0)", r"\frac{\partial J}{\partial b^{(2)}} = \mathbf{1}^{\top} \Delta^{(2)}", "BP3-2"),
    "Delta1": (
        "(Delta2 @ W2.T) * A1 * (1 - A1)",
        r"\Delta^{(1)} = (\Delta^{(2)} (W^{(2)})^{\top}) \odot A^{(1)} \odot (\mathbf{1} - A^{(1)})", "BP2-1",
    ),
    "dW1": ("X.T @ Delta1", r"\frac{\partial J}{\partial W^{(1)}} = X^{\top} \Delta^{(1)}", "BP4-1"),
    "db1": ("np.sum(Delta1, axis=0)", r"\frac{\partial J}{\partial b^{(1)}} = \mathbf{1}^{\top} \Delta^{(1)}", "BP3-1"),
}  # fmt: skip


def test_each_statement_stands_beside_its_formula() -> None:
    net = sb.mlp([3, 4, 2], output="softmax", loss="cross_entropy", samples="m")
    rows = load_notation("rows")
    program = array_program(net, rows)
    found = {s.name: s for s in program.statements}
    assert set(found) == {*BESIDE, "log_a2"}  # what only the stable loss needs has no formula of its own
    for name, (code, formula, label) in BESIDE.items():
        s = found[name]
        assert numpy_expression(s.value) == code
        assert s.label == label
        assert s.matrix is not None
        assert latex(build_equation(s.matrix, rows)) == formula


@pytest.mark.parametrize("notation", notation_names())
def test_layers_and_labels_have_the_numbers_of_the_notes(notation: str) -> None:
    """The oracle is what typesets the notes: the number on each quantity, and what it calls each derivation."""
    chosen, net = load_notation(notation), sb.mlp([3, 4, 2], samples="m")
    program, builder = array_program(net, notation), Builder(chosen, net.samples)
    for g in program.params:
        assert re.sub(r"\D", "", g.name) == str(builder.layer_of(g.tensor)), g.name
    labels = {s.name: s.label for s in program.statements}
    for g in program.params:
        name = f"{'BP4' if g.tensor.name == 'w' else 'BP3'}-{g.tensor.layer}"
        assert labels[program.gradients[g.name]] == builder.called(name, Grad(net.loss.tensor, g.tensor)[tuple(map(index, "jk"[: g.tensor.rank]))])


@pytest.mark.parametrize("loss", LOSSES)
def test_the_module_is_plain_python_of_moderate_width(loss: str) -> None:
    output = {"cross_entropy": "softmax", "negative_log_likelihood": "softmax", "binary_cross_entropy": "sigmoid"}.get(loss, "identity")
    source = emit(sb.mlp([3, 4, 2], activation="gelu", output=output, loss=loss, samples="m", penalty="l2"))
    assert max(map(len, source.splitlines())) <= 112
    tree = ast.parse(source)
    assert {n.names[0].name for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))} <= {"math", "numpy"}
    function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "loss_and_gradients")
    assert "W1 (3, 4)" in (ast.get_docstring(function) or "")
    assigned = [n.targets[0].id for n in function.body if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)]
    assert len(assigned) == len(set(assigned))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_module_runs_where_there_is_nothing_but_numpy(activation: str, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    for part in ("numpy", "numpy.libs"):
        source = Path(np.__file__).parents[1] / part
        if source.exists():
            (tmp_path / "site" / part).symlink_to(source)
    net = sb.mlp([3, 4, 2], activation=activation, output="softmax", loss="cross_entropy", samples="m")
    (tmp_path / "gradients.py").write_text(emit(net), encoding="utf-8")
    numbers = dict.fromkeys(array_program(net).scalars, 0.3)
    run = (
        "import sys, importlib.util as u\n"
        f"sys.path[:0] = [{str(tmp_path)!r}, {str(tmp_path / 'site')!r}]\n"
        "assert u.find_spec('sympy') is None and u.find_spec('symbackprop') is None\n"
        "import numpy as np, gradients\n"
        "p = {'W1': np.ones((3, 4)), 'b1': np.zeros(4), 'W2': np.eye(4, 2), 'b2': np.zeros(2)}\n"
        f"loss, grads = gradients.loss_and_gradients(p, np.ones((5, 3)), np.eye(2)[[0, 1, 0, 1, 1]], **{numbers!r})\n"
        "print(float(loss), {k: g.shape for k, g in grads.items()})\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", run], capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, check=False)
    assert done.returncode == 0, done.stderr
    assert "'W2': (4, 2)" in done.stdout


def test_names_that_python_or_the_module_needs_are_given_way() -> None:
    net = sb.Network.from_equations(
        ["np[j] = sum(k, math[j,k]*x[k])", "C = lambda_*sum(j, np[j]**2)"],
        tensors={"math": (2, 3), "x": (3,)}, parameters=["math"], scalars=["lambda_"],
    )  # fmt: skip
    f = sb.compile(net)
    assert f.params == {"math_": (2, 3)}
    assert f({"math_": np.ones((2, 3))}, np.ones(3), lambda_=2)[0] == 36


@pytest.mark.parametrize(
    ("net", "error", "says"),
    [
        (sb.deep(), SpecError, "symbolic depth"),
        (sb.mlp([2, 2], activation="phi"), InputError, "'phi' has no formula"),
        (sb.Network.from_equations(["C = sum(j, x[j]**2)"], tensors={"x": (3,)}), SpecError, "no parameters"),
    ],
)  # fmt: skip
def test_what_cannot_be_compiled_is_refused_by_name(net: sb.Network, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        sb.compile(net)


def test_unknown_choices_are_answered_with_the_near_miss() -> None:
    net = sb.mlp([2, 2])
    cases = (({"backend": "numpi"}, "did you mean 'numpy'"), ({"dtype": "float46"}, "did you mean 'float64'"), ({"notation": "row"}, "'rows'"))
    for wrong, says in cases:
        with pytest.raises(UnknownName, match=says):
            sb.compile(net, **wrong)
