"""Every rule on every other backend, against HIPS autograd; random graphs against the NumPy function; jit, files and devices for real."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import codegen_oracles as oracles
import numpy as np
import pytest
from autograd import grad
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_codegen_graphs import WIDTH, layers

import symbackprop as sb
from symbackprop.codegen.backends import BACKENDS
from symbackprop.codegen.function import emit
from symbackprop.codegen.loading import imported, loaded
from symbackprop.errors import InputError, MissingLibrary
from symbackprop.rules import ACTIVATIONS, LOSSES, PENALTIES

OTHERS = [name for name in BACKENDS if name != "numpy"]
LOOSE = {"float64": 1e-12, "float32": 2e-5}
RULES = [
    *({"activation": name, "output": name, "loss": "quadratic"} for name in ACTIVATIONS),
    *({"activation": "tanh", "output": oracles.OUTPUT.get(name, "identity"), "loss": name} for name in LOSSES),
    *({"activation": "tanh", "output": "identity", "loss": "quadratic", "penalty": name} for name in PENALTIES),
]  # fmt: skip


def need(*backends: str) -> None:
    """Skip where a library is not installed."""
    for name in backends:
        if find_spec(BACKENDS[name].needs) is None:
            pytest.skip(f"{BACKENDS[name].needs} is not installed")


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    """JAX computes in float64 while a test runs."""
    if find_spec("jax") is None:
        yield
        return
    import jax

    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """numba's functions run as the Python that they are: the same text in a hundredth of the time; other tests compile it."""
    if find_spec("numba") is not None:
        import numba

        monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
        monkeypatch.setenv("XDG_CACHE_HOME", f"{os.environ['XDG_CACHE_HOME']}/interpreted")


def case(described: dict[str, Any], dtype: str, backend: str) -> tuple[Any, dict[str, Any], tuple[Any, ...], dict[str, float]]:
    """A compiled perceptron and what it is called with."""
    net = sb.mlp([3, 4, 3], samples="m", **described)
    f = sb.compile(net, backend=backend, dtype=dtype)
    rng = np.random.default_rng(7)
    params = oracles.parameters([3, 4, 3], rng, dtype)
    x, y = rng.normal(size=(5, 3)).astype(dtype), oracles.targets(net, 5, 3, rng, dtype)
    return f, params, (x, y), {n: oracles.NUMBERS[n] for n in f.program.scalars}


def expected(described: dict[str, Any], params: dict[str, Any], data: tuple[Any, ...]) -> tuple[float, dict[str, Any]]:
    """Loss and gradients by autograd, in float64."""
    x, y = data
    exact = {k: v.astype("float64") for k, v in params.items()}
    rest = (described["activation"], described["output"], described["loss"], described.get("penalty"))
    given_data = (x.astype("float64"), y if y.dtype.kind == "i" else y.astype("float64"), *rest)
    return oracles.cost(exact, *given_data), grad(oracles.cost)(exact, *given_data)


def emitted(f: Any) -> Iterator[Any]:
    """The function of the module that is emitted for numba, which runs it by steps of a tape itself; the other backends run what they emit."""
    if f.backend == "numba":
        from symbackprop.codegen.backends.numba import _kept

        yield imported(_kept(f.source, f.dtype))["loss_and_gradients"]


def agrees(described: dict[str, Any], dtype: str, backend: str) -> None:
    f, params, data, numbers = case(described, dtype, backend)
    wanted, gradients = expected(described, params, data)
    for run in (f, *emitted(f)):
        loss, grads = run(params, *data, **numbers)
        assert abs(float(loss) - wanted) <= LOOSE[dtype] * max(1.0, abs(wanted))
        assert list(grads) == list(params)
        for name, value in gradients.items():
            assert str(grads[name].dtype).removeprefix("torch.") == dtype
            assert tuple(grads[name].shape) == params[name].shape
            assert np.abs(np.asarray(grads[name]) - value).max() <= LOOSE[dtype] * max(1.0, np.abs(value).max()), name


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("described", RULES, ids=lambda d: "-".join(d.values()))
@pytest.mark.parametrize("backend", OTHERS)
def test_every_rule_compiles_and_is_right(backend: str, described: dict[str, Any], dtype: str) -> None:
    need(backend)
    agrees(described, dtype, backend)


@pytest.mark.parametrize(
    ("described", "dtype"),
    [
        ({"activation": "sigmoid", "output": "softmax", "loss": "cross_entropy"}, "float64"),
        ({"activation": "elu", "output": "softmax", "loss": "negative_log_likelihood"}, "float64"),
        ({"activation": "relu", "output": "identity", "loss": "multiclass_hinge", "penalty": "l1"}, "float32"),
    ],
    ids=lambda d: "-".join(d.values()) if isinstance(d, dict) else d,
)
def test_numba_compiles_for_real(described: dict[str, Any], dtype: str) -> None:
    need("numba")
    agrees(described, dtype, "numba")


@pytest.mark.usefixtures("interpreted")
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layers(), st.integers(0, 1000))
def test_random_graphs_agree_with_numpy(made: list[dict[str, Any]], seed: int) -> None:
    net = sb.graph({"x": WIDTH, "v": WIDTH}, made, samples="m")
    f = sb.compile(net)
    rng = np.random.default_rng(seed)
    params = {name: rng.normal(size=shape) / 2 for name, shape in f.params.items()}
    data = [rng.normal(size=(4, WIDTH)) / 2 for _ in (*f.program.inputs, *f.program.targets)]
    same_everywhere(net, params, data)


def same_everywhere(net: Any, params: dict[str, Any], data: list[Any], **numbers: float) -> None:
    loss, grads = sb.compile(net)(params, *data, **numbers)
    for backend in OTHERS:
        if find_spec(BACKENDS[backend].needs) is None:
            continue
        f = sb.compile(net, backend=backend)
        for run in (f, *emitted(f)):
            other, gradients = run(params, *data, **numbers)
            assert np.isclose(float(other), loss, rtol=1e-12), backend
            for name, value in grads.items():
                np.testing.assert_allclose(np.asarray(gradients[name]), value, rtol=1e-10, atol=1e-12, err_msg=f"{backend}: {name}")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", [*BACKENDS])
def test_quantities_of_numbers_alone_are_of_the_dtype(backend: str, dtype: str) -> None:
    """The oracle is the derivative of tanh(g w) by hand, g = tanh(2 c)."""
    need(backend)
    net = sb.Network.from_equations(
        ["b = 2*c", "g = tanh(b)", "C = sum(j, tanh(g*w[j])) + max(g, b)"], tensors={"w": (3,), "b": (), "g": ()}, parameters=["w"], scalars=["c"]
    )
    f, w, g = sb.compile(net, backend, dtype), np.array([0.5, -1, 2], dtype), np.tanh(1.4)
    loss, grads = f({"w": w}, c=0.7)
    assert np.asarray(loss).dtype == np.asarray(grads["w"]).dtype == dtype
    assert np.isclose(float(loss), np.tanh(g * w).sum() + 1.4, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(grads["w"]), g * (1 - np.tanh(g * w) ** 2), rtol=1e-6)
    if backend == "numpy":
        loss, grads = loaded(f.source)["loss_and_gradients"]({"w": w}, c=0.7)
        assert np.asarray(loss).dtype == grads["w"].dtype == dtype


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize(
    ("equations", "tensors", "parameters"),
    [
        (["h[j] = sum(k, w[j,k]*x[k])", "C = sum(j, max(h[j], x[j])*abs(h[j])) + sum(j, k, w[j,k]*w[k,j])"], {"w": (3, 3), "x": (3,)}, ["w"]),
        (["h[j] = g*x[j] + w[j,j] + x[2]", "C = log(sum(j, exp(2*h[j]))) + h[1]**2 + c*g"], {"g": (), "x": (4,), "w": (4, 4)}, ["g", "w", "x"]),
        (["C = sum(j, where(w[j] > 0, 2, 0.1)*w[j]) + sum(j, min(w[j], c)) + exp(c)*max(c, 0)*g"], {"w": (3,), "g": ()}, ["w", "g"]),
        (["z[i] = sum(k, w[k]*x[i+k-1])", "C = sum(i, tanh(z[i])**2)"], {"x": (6,), "w": (3,), "z": (4,)}, ["w", "x"]),
        (["h[i,j,k] = tanh(t[i,j,k]*x[k] + sum(q, u[i,q,k]*x[q]))", "C = sum(i, j, k, h[i,j,k]**2)"],
         {"t": (3, 2, 4), "x": (4,), "u": (3, 4, 4)}, ["t", "u"]),
        (["C = sum(j, (1 + w[j]**2)**c) + sum(j, sin(w[j])*cos(w[j]))"], {"w": (3,)}, ["w"]),
    ],
)  # fmt: skip
def test_typed_equations_agree_with_numpy(equations: list[str], tensors: dict[str, Any], parameters: list[str]) -> None:
    net = sb.Network.from_equations(equations, tensors=tensors, parameters=parameters, scalars=["c"] if "c" in equations[-1] else [])
    rng = np.random.default_rng(4)
    params = {name: rng.normal(size=tensors[name]) for name in parameters}
    numbers = dict.fromkeys(sb.compile(net).program.scalars, 0.7)
    data = [rng.normal(size=g.tensor.shape) for g in sb.compile(net).program.inputs]
    same_everywhere(net, {k: np.asarray(v) for k, v in params.items()}, [x.astype("float64") for x in data], **numbers)


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("asked", [{"wrt": ["W1"]}, {"of": "A2", "wrt": ["W1", "X"]}, {"of": "A2[0, 1]"}], ids=str)
def test_other_derivatives_agree_with_numpy(asked: dict[str, Any]) -> None:
    net = sb.mlp([3, 4, 3], activation="tanh", output="softmax", loss="cross_entropy", samples="m")
    rng = np.random.default_rng(6)
    f = sb.compile(net, **asked)
    params = {name: rng.normal(size=shape) for name, shape in f.params.items()}
    data = [rng.normal(size=(4, 3)), np.eye(3)[[0, 2, 1, 1]]][: len((*f.program.inputs, *f.program.targets))]
    value, slopes = f(params, *data)
    for backend in OTHERS:
        if find_spec(BACKENDS[backend].needs) is not None:
            other, found = sb.compile(net, backend=backend, **asked)(params, *data)
            np.testing.assert_allclose(np.asarray(other), value, rtol=1e-12, err_msg=backend)
            for name, slope in slopes.items():
                np.testing.assert_allclose(np.asarray(found[name]), slope, rtol=1e-10, atol=1e-13, err_msg=backend)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", OTHERS)
def test_extreme_logits_stay_finite_and_right(backend: str, dtype: str) -> None:
    """The loss of logits z with label k is max z - z_k to the last digit, where the others are thousands below."""
    need(backend)
    f = sb.compile(sb.mlp([3, 3], activation="identity", output="softmax", loss="cross_entropy", samples="m"), backend=backend, dtype=dtype)
    z = np.array([[1e4, -1e4, 0.0], [-1e4, 9e3, 5.0]], dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss, grads = f({"W1": np.eye(3, dtype=dtype), "b1": np.zeros(3, dtype)}, z, np.eye(3, dtype=dtype)[[1, 2]])
    assert np.isclose(float(loss), (2e4 + 8995) / 2, rtol=1e-6 if dtype == "float32" else 1e-15)
    np.testing.assert_allclose(np.asarray(grads["b1"]), [0.5, 0, -0.5], atol=1e-30)


def test_jax_functions_are_jitted_traced_and_take_both_kinds_of_arrays() -> None:
    need("jax")
    import jax
    import jax.numpy as jnp

    described = {"activation": "leaky_relu", "output": "softmax", "loss": "cross_entropy", "penalty": "l2"}
    f, params, data, numbers = case(described, "float64", "jax")
    _, gradients = expected(described, params, data)

    @jax.jit
    def step(p: Any, x: Any, y: Any, alpha: Any) -> Any:
        return jax.tree.map(lambda w, g: w - 0.1 * g, p, f(p, x, y, alpha=alpha, lambda_=numbers["lambda_"])[1])

    moved = step({k: jnp.asarray(v) for k, v in params.items()}, *map(jnp.asarray, data), numbers["alpha"])
    for name, g in gradients.items():
        assert isinstance(moved[name], jax.Array)
        np.testing.assert_allclose(moved[name], params[name] - 0.1 * g, rtol=1e-12)
    with pytest.raises(InputError, match=r"X has shape \(5, 2\); expected \(m, 3\)"):
        jax.jit(f)(params, data[0][:, :2], data[1], **numbers)


def test_jax_arrays_that_were_found_to_fit_vouch_for_no_others() -> None:
    need("jax")
    import jax.numpy as jnp

    f, params, data, _ = case({"activation": "tanh", "output": "softmax", "loss": "cross_entropy"}, "float64", "jax")
    p, (x, y) = {k: jnp.asarray(v) for k, v in params.items()}, map(jnp.asarray, data)
    first, second = f(p, x, y), f(p, x, y)
    assert list(second[1]) == list(params)
    for name, g in first[1].items():
        np.testing.assert_array_equal(second[1][name], g)
    for bad, says in (
        ((p, x.at[0, 0].set(jnp.nan), y), r"X is not finite in 1 of \d+ entries"),
        ((p, x, 2 * y), "Y holds shares from 0 to 1"),
        (({**p, "b1": p["b1"].at[0].set(jnp.inf)}, x, y), r"b1 is not finite in 1 of \d+ entries"),
        ((dict(zip(reversed(p), p.values(), strict=True)), x, y), "has shape"),
        ((p, x), "1 were given"),
    ):
        f(p, x, y)
        with pytest.raises(InputError, match=says):
            f(*bad)


def test_jax_says_when_it_would_compute_in_single_precision() -> None:
    need("jax")
    import jax

    net = sb.mlp([2, 2], samples="m")
    f = sb.compile(net, backend="jax")
    params = {"W1": np.eye(2), "b1": np.zeros(2)}
    with jax.enable_x64(False):
        with pytest.raises(InputError, match="jax_enable_x64 is off"):
            sb.compile(net, backend="jax")
        with pytest.raises(InputError, match="jax_enable_x64 is off"):
            f(params, np.ones((3, 2)), np.zeros((3, 2)))
        loss, _ = sb.compile(net, backend="jax", dtype="float32")(
            {k: v.astype("float32") for k, v in params.items()}, np.ones((3, 2), "float32"), np.zeros((3, 2), "float32")
        )
        assert loss.dtype == "float32"


def test_torch_needs_no_autograd_and_keeps_to_its_device() -> None:
    need("torch")
    import torch

    described = {"activation": "gelu", "output": "softmax", "loss": "cross_entropy"}
    f, params, data, _ = case(described, "float64", "torch")
    wanted, gradients = expected(described, params, data)
    leaves = {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}
    x, y = map(torch.tensor, data)
    loss, grads = f(leaves, x, y)
    assert np.isclose(float(loss), wanted)
    assert not loss.requires_grad
    assert not any(g.requires_grad for g in grads.values())
    loss, own = f(leaves, *data)
    own["W1"].zero_()
    with torch.no_grad():
        again = f({k: v.detach() for k, v in leaves.items()}, x, y)[1]
    for name, g in gradients.items():
        np.testing.assert_allclose(again[name].numpy(), g, rtol=1e-12)
    on = {"device": "meta"}
    loss, grads = f({k: torch.empty(v.shape, dtype=torch.float64, **on) for k, v in params.items()}, x.to(**on), y.to(**on))
    assert loss.device.type == grads["W1"].device.type == "meta"
    with pytest.raises(InputError, match=r"different devices: W1 on cpu, .* X on meta"):
        f(leaves, x.to(**on), y)
    with pytest.raises(InputError, match=r"X is not finite in 1 of \d+ entries"):
        f(leaves, torch.where(torch.eye(5, 3, dtype=torch.float64) * x == x[0, 0], float("nan"), x), y)
    with pytest.raises(InputError, match="W1 has dtype bfloat16"):
        f({**leaves, "W1": leaves["W1"].bfloat16()}, x, y)


def test_torch_labels_of_bytes_are_no_mask() -> None:
    need("torch")
    import torch

    described = {"activation": "tanh", "output": "softmax", "loss": "negative_log_likelihood"}
    f, params, (x, y), _ = case(described, "float64", "torch")
    wanted, _ = expected(described, params, (x, y))
    for kind in (torch.uint8, torch.int32, torch.int64):
        assert np.isclose(float(f(params, x, torch.tensor(y, dtype=kind))[0]), wanted)


@pytest.mark.filterwarnings("ignore")  # torch's own, about what it imports
def test_torch_compile_takes_the_emitted_function_whole(tmp_path: Path) -> None:
    need("torch")
    import torch

    described = {"activation": "sigmoid", "output": "softmax", "loss": "cross_entropy"}
    f, params, data, _ = case(described, "float64", "torch")
    from symbackprop.codegen.loading import loaded

    compiled = torch.compile(loaded(f.source)["loss_and_gradients"], fullgraph=True, backend="aot_eager")
    loss, grads = compiled({k: torch.tensor(v) for k, v in params.items()}, *map(torch.tensor, data))
    wanted, gradients = expected(described, params, data)
    assert np.isclose(float(loss), wanted)
    np.testing.assert_allclose(grads["W1"].numpy(), gradients["W1"], rtol=1e-12)


def test_numba_keeps_machine_code_on_disk_and_does_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("numba")
    from symbackprop.codegen.backends.numba import _kept

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = emit(sb.mlp([2, 1], activation="tanh", samples="m"), "numba")
    place = _kept(source, "float64")
    assert place.parent == tmp_path / "cache" / "symbackprop"
    assert place.stat().st_mode & 0o077 == 0o044
    written = place.stat().st_mtime_ns
    assert _kept(source, "float64") == place
    assert place.stat().st_mtime_ns == written
    place.write_text("half of", encoding="utf-8")
    assert _kept(source, "float64").read_text(encoding="utf-8") == source
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert _kept(source, "float64").read_text(encoding="utf-8") == source


def test_numba_compiles_one_example_without_an_axis() -> None:
    """The oracle is softmax with cross-entropy of equal logits."""
    need("numba")
    f = sb.compile(sb.mlp([2, 3], output="softmax", loss="cross_entropy"), "numba")
    params, x, y = {"W1": np.zeros((2, 3)), "b1": np.zeros(3)}, np.array([1.0, 2.0]), np.array([0.0, 1.0, 0.0])
    for _ in range(2):
        loss, grads = f(params, x, y)
        assert np.isclose(loss, np.log(3), rtol=1e-15)
        np.testing.assert_allclose(grads["W1"], np.outer(x, 1 / 3 - y), rtol=1e-15)
    with pytest.raises(InputError, match="must sum to 1"):
        f(params, x, np.zeros(3))


def test_numba_takes_arrays_of_any_layout_and_writes_to_none() -> None:
    need("numba")
    described = {"activation": "sigmoid", "output": "softmax", "loss": "cross_entropy"}
    f, params, (x, y), _ = case(described, "float64", "numba")
    wanted, gradients = expected(described, params, (x, y))
    wide = np.zeros((10, 6))
    wide[::2, ::2] = x
    others = {k: np.asfortranarray(v) for k, v in params.items()}
    for v in others.values():
        v.setflags(write=False)
    for p, inputs in ((params, x), (others, wide[::2, ::2]), (others, x[::-1][::-1])):
        loss, grads = f(p, inputs, np.asfortranarray(y))
        assert np.isclose(loss, wanted)
        for name, g in gradients.items():
            np.testing.assert_allclose(grads[name], g, rtol=1e-12)
    with np.errstate(divide="ignore"), pytest.raises(InputError, match=r"W2 is not finite in 1 of \d+ entries, the first at W2\[1, 2\]"):
        f({**params, "W2": params["W2"] / np.where(np.arange(12).reshape(4, 3) == 5, 0, 1)}, x, y)
    with pytest.raises(InputError, match="must sum to 1"):
        f(params, x, np.zeros((5, 3)))


@pytest.mark.usefixtures("interpreted")
def test_numba_shares_functions_between_layers() -> None:
    """Fifty layers compile to a handful of functions, so that compiling does not grow with depth."""
    need("numba")
    for depth in (5, 50):
        source = emit(sb.mlp([4] * (depth + 1), output="softmax", loss="cross_entropy", samples="m"), "numba")
        assert source.count("\ndef compute_") < 14
        assert ("@njit" in source.partition("\ndef computed(")[0].splitlines()[-1]) == (depth == 5)
    net = sb.mlp([4] * 51, activation="tanh", output="softmax", loss="cross_entropy", samples="m")
    rng = np.random.default_rng(0)
    params = {n: rng.normal(size=s) / 2 for n, s in sb.compile(net).params.items()}
    same_everywhere(net, params, [rng.normal(size=(3, 4)), np.eye(4)[[0, 1, 3]]])


@pytest.mark.parametrize("backend", OTHERS)
def test_the_emitted_file_runs_by_itself(backend: str, tmp_path: Path) -> None:
    need(backend)
    net = sb.mlp([3, 4, 2], activation="gelu", samples="m")
    (tmp_path / "gradients.py").write_text(emit(net, backend), encoding="utf-8")
    start = {"jax": "import jax; jax.config.update('jax_enable_x64', True)", "torch": "import torch"}.get(backend, "import numba")
    array = {"jax": "np.asarray", "torch": "torch.tensor"}.get(backend, "np.asarray")
    run = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport numpy as np; {start}\nimport gradients\n"
        f"p = {{'W1': np.ones((3, 4)), 'b1': np.zeros(4), 'W2': np.eye(4, 2), 'b2': np.zeros(2)}}\n"
        f"loss, grads = gradients.loss_and_gradients({{k: {array}(v) for k, v in p.items()}}, {array}(np.ones((5, 3))), {array}(np.zeros((5, 2))))\n"
        "assert 'symbackprop' not in sys.modules and ('sympy' not in sys.modules or 'torch' in sys.modules)\n"
        "print(float(loss), tuple(grads['W2'].shape))\n"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loss, _ = sb.compile(net)({"W1": np.ones((3, 4)), "b1": np.zeros(4), "W2": np.eye(4, 2), "b2": np.zeros(2)}, np.ones((5, 3)), np.zeros((5, 2)))
    printed, shape = done.stdout.split(maxsplit=1)
    assert np.isclose(float(printed), loss, rtol=1e-14)
    assert shape.strip() == "(4, 2)"


def test_a_library_that_is_not_there_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import symbackprop.codegen.backends.record as record

    monkeypatch.setattr(record, "find_spec", lambda name: None)
    for backend, extra in (("jax", "jax"), ("torch", "torch"), ("numba", "fast")):
        with pytest.raises(MissingLibrary, match=rf"symbackprop\[{extra}\]"):
            sb.compile(sb.mlp([2, 1]), backend=backend)
        assert "def loss_and_gradients" in emit(sb.mlp([2, 1]), backend)
