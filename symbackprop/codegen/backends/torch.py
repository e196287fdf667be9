"""PyTorch: the module over tensors of any device; autograd is not used and records nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from operator import call
from typing import Any

import numpy as np

from symbackprop.codegen.backends.foreign import converted, stand_in, watched
from symbackprop.codegen.backends.record import Backend, Run
from symbackprop.codegen.given import label_tests
from symbackprop.codegen.glance import Glance, everything
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.module import module_source
from symbackprop.codegen.program import Program
from symbackprop.codegen.torch_source import TORCH, torch_program, torch_source
from symbackprop.errors import InputError

__all__ = ["BACKEND"]


def _build(program: Program, source: str, dtype: str) -> Run:
    import torch

    watching, marks = watched(torch_program(program))
    function, marked = (loaded(text)["loss_and_gradients"] for text in (source, module_source(watching, TORCH)))
    glance, tests, first = Glance(program, dtype), label_tests(program, dtype), len(program.inputs)
    usual = Glance(program, dtype, kinds=_kinds(program), known={
        "dtype": getattr(torch, dtype), "kinds": {torch.Tensor, torch.nn.Parameter}, "strided": torch.strided,
        "whole": {torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8},
    })  # fmt: skip

    def view(name: str, x: Any) -> tuple[Any, bool]:
        if not isinstance(x, torch.Tensor):
            return x, True
        kind = str(x.dtype).removeprefix("torch.")
        if x.layout is not torch.strided:
            layout = str(x.layout).removeprefix("torch.")
            raise InputError(f"{name} is stored as {layout}; the function computes with dense tensors, {name}.to_dense()")
        if x.device.type == "cpu" and kind != "bfloat16":
            held = _read([x])
            if held is not None:
                return held[0], True
        return stand_in(name, tuple(x.shape), kind), False

    def closely(params: Any, data: tuple[Any, ...], scalars: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The answer to a call whose arguments are looked at one by one, and converted where they lie elsewhere."""
        arrays = {**(params if isinstance(params, Mapping) else {}), **{g.name: x for g, x in zip(_data(program), data, strict=False)}}
        places = {name: x.device for name, x in arrays.items() if isinstance(x, torch.Tensor)}
        if len({*places.values()}) > 1:
            raise InputError(f"the tensors lie on different devices: {', '.join(f'{name} on {place}' for name, place in places.items())}")
        device = next(iter(places.values()), torch.device("cpu"))

        def array(x: Any, kind: str | None) -> Any:
            wanted = None if kind is None else getattr(torch, kind)
            if not isinstance(x, torch.Tensor):
                x = torch.from_numpy(np.require(x, requirements=["C", "W"]))
            return x if x.device == device and wanted in (None, x.dtype) else x.to(device=device, dtype=wanted)

        found = converted(glance, view, array, params, data, scalars)
        with torch.no_grad():
            return function(found.params, *found.data, **found.scalars)  # type: ignore[no-any-return]

    def run(params: Mapping[str, Any], *data: Any, **scalars: Any) -> tuple[Any, dict[str, Any]]:
        found = usual.kind(params, data, scalars)
        if found is None:
            return closely(params, data, scalars)
        if not found[1][0].is_cpu:
            with torch.no_grad():
                return function(params, *data, **scalars)  # type: ignore[no-any-return]
        labels = _read(data[first:])
        if labels is None or not all(map(call, tests, labels)):
            return closely(params, data, scalars)
        with torch.no_grad():
            loss, grads = marked(params, *data, **scalars)
        seen = _read([grads.pop(m) for m in marks])
        # not by BLAS: the threads of NumPy's, which wait busily for more, would take the cores from those of PyTorch
        if seen is None or not isfinite(sum(np.einsum("i,i", x.ravel(), x.ravel()) for x in seen)):
            return closely(params, data, scalars)
        return loss, grads

    return torch.compiler.disable(run)  # type: ignore[no-any-return]  # it looks into arrays, which a traced graph cannot


def _kinds(program: Program) -> list[str]:
    """The conditions that these are dense tensors of one device and of the dtype, class numbers integers."""
    called = everything(program)
    labels = [x for g, x in called.items() if program.net.target == "class" and g in program.targets]
    return [
        f"len(params) == {len(program.params)}", *(f"type({x}) in kinds" for x in called.values()), *(f"{x}.dtype in whole" for x in labels),
        " is ".join([*(f"{x}.dtype" for x in called.values() if x not in labels), "dtype"]),
        " is ".join([*(f"{x}.layout" for x in called.values()), "strided"]), " == ".join(f"{x}.device" for x in called.values()),
    ]  # fmt: skip


def _read(tensors: Sequence[Any]) -> list[Any] | None:
    """Tensors of the CPU as arrays of the same memory; none where one stands for many, as in torch.func.vmap."""
    try:
        return [(x.detach() if x.requires_grad else x).numpy() for x in tensors]
    except RuntimeError:
        return None


def _data(program: Program) -> tuple[Any, ...]:
    return (*program.inputs, *program.targets)


BACKEND = Backend("torch", torch_source, _build, needs="torch", extra="torch")
