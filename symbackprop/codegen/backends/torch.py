"""PyTorch: the module over tensors of any device; autograd is not used and records nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symbackprop.codegen.backends.foreign import converted, stand_in
from symbackprop.codegen.backends.record import Backend, Run
from symbackprop.codegen.given import Checked
from symbackprop.codegen.glance import Glance
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.program import Program
from symbackprop.codegen.torch_source import torch_source
from symbackprop.errors import InputError

__all__ = ["BACKEND"]


def _build(program: Program, source: str, dtype: str) -> Run:
    import torch

    function = loaded(source)["loss_and_gradients"]
    glance = Glance(program, dtype)

    def usual(params: Any, data: tuple[Any, ...], scalars: Mapping[str, Any]) -> Checked | None:
        """The arguments of a call if all of them are tensors of the CPU that fit as they are."""
        try:
            bare = [x.detach() if x.requires_grad else x for x in (*params.values(), *data)]
            seen = [x.numpy() for x in bare]
        except (AttributeError, RuntimeError, TypeError):  # of another library or device, or of a dtype that NumPy lacks
            return None
        n = len(params)
        fits = glance.fits(dict(zip(params, seen, strict=False)), seen[n:], scalars)
        return Checked(dict(zip(params, bare, strict=False)), tuple(bare[n:]), dict(scalars)) if fits else None

    def view(name: str, x: Any) -> tuple[Any, bool]:
        if not isinstance(x, torch.Tensor):
            return x, True
        kind = str(x.dtype).removeprefix("torch.")
        seen = x.device.type == "cpu" and kind != "bfloat16"
        return (x.detach().numpy(), True) if seen else (stand_in(name, tuple(x.shape), kind), False)

    def look(params: Any, data: tuple[Any, ...], scalars: Mapping[str, Any]) -> Checked:
        found = usual(params, data, scalars)
        if found is not None:
            return found
        arrays = {**(params if isinstance(params, Mapping) else {}), **{g.name: x for g, x in zip(_data(program), data, strict=False)}}
        places = {name: x.device for name, x in arrays.items() if isinstance(x, torch.Tensor)}
        if len({*places.values()}) > 1:
            raise InputError(f"the tensors lie on different devices: {', '.join(f'{name} on {place}' for name, place in places.items())}")
        device = next(iter(places.values()), torch.device("cpu"))

        def array(x: Any, kind: str | None) -> Any:
            wanted = None if kind is None else getattr(torch, kind)
            if not isinstance(x, torch.Tensor):
                x = torch.from_numpy(np.require(x, requirements=["C", "W"]))
            same = x.dtype == wanted or wanted is None
            return x.detach() if same and x.device == device else x.detach().to(device=device, dtype=wanted)

        return converted(glance, view, array, params, data, scalars)

    given = torch.compiler.disable(look)  # checks look into arrays, which a traced graph cannot

    def run(params: Mapping[str, Any], *data: Any, **scalars: Any) -> tuple[Any, dict[str, Any]]:
        found = given(params, data, scalars)
        return function(found.params, *found.data, **found.scalars)  # type: ignore[no-any-return]

    return run


def _data(program: Program) -> tuple[Any, ...]:
    return (*program.inputs, *program.targets)


BACKEND = Backend("torch", torch_source, _build, needs="torch", extra="torch")
