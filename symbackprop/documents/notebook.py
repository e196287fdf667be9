"""Notes as a Jupyter notebook: the derivation, the NumPy code written from it, and a gradient check that runs."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any

from symbackprop.codegen.numpy_source import numpy_source
from symbackprop.codegen.program import Given, Program, array_program
from symbackprop.documents.blocks import Chain, Notes, Section
from symbackprop.documents.markdown import displays, markdown_sections, single_spaced
from symbackprop.documents.templates import environment
from symbackprop.errors import InputError
from symbackprop.network import Network

__all__ = ["notebook_source", "programs"]

_FIRST_SIZE = 3  # what sizes with a name are in the check: 3, 4, 5 and so on, so that no two agree by chance
_SCALAR = 0.5
_DRAWN = {
    "one_hot": "np.moveaxis(np.eye({classes})[rng.integers({classes}, size={others})], -1, {axis})",
    "class": "rng.integers(2, size={shape})",
    "binary": "rng.integers(2, size={shape}).astype(float)",
    "sign": "rng.choice([-1.0, 1.0], size={shape})",
}
_NORMAL = "rng.standard_normal({shape})"


def notebook_source(notes: Notes, own: str = "") -> str:
    """The notebook as JSON of format 4.5; the same notes always give the same text."""
    rendered, files = markdown_sections(notes)
    shown = environment("markdown", notes.language, own)
    cells = [_cell("title", shown.get_template("title.md").render(title=notes.language.text(notes.title)))]
    seen: set[str] = set()
    for section, s in zip((*notes.sections, None), rendered, strict=True):
        for number, blocks in enumerate(_parted(s["blocks"])):
            part = {**s, "blocks": blocks}
            text = shown.get_template("cell.md").render(section=part, first=number == 0, displays=displays)
            pictures = {b["file"]: files[b["file"]] for b in blocks if b["kind"] == "figure"}
            cells.append(_cell(f"{s['key']}-{number}", text, pictures))
        if section is not None and section is _last_of_its_networks(notes, section):
            cells += _code_cells(notes, section, own, seen)
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "title": notes.language.text(notes.title),
    }
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False) + "\n"


def programs(section: Section) -> Iterator[Program]:
    """The array program of each network that a section derives gradients of; networks left open, as in their depth, have none."""
    nets: list[Network] = []
    for block in section.blocks:
        if isinstance(block, Chain) and block.derivation.net not in nets:
            nets.append(block.derivation.net)
    for net in nets:
        try:
            yield array_program(net, section.notation)
        except InputError:  # what cannot be computed is derived all the same, and has no code
            continue


def _last_of_its_networks(notes: Notes, section: Section) -> Section:
    """The section after which the code stands: the one that holds the derivations."""
    return section if any(isinstance(b, Chain) for b in section.blocks) else notes.sections[-1]


def _parted(blocks: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The blocks of a section in cells: a heading begins a new one."""
    parts: list[list[dict[str, Any]]] = [[]]
    for b in blocks:
        if b["kind"] == "heading" and parts[-1]:
            parts.append([])
        parts[-1].append(b)
    return parts


def _code_cells(notes: Notes, section: Section, own: str, seen: set[str]) -> Iterator[dict[str, Any]]:
    shown = environment("markdown", notes.language, own)
    for number, program in enumerate(programs(section)):
        source = numpy_source(program, notes.language)
        if source in seen:
            continue
        said = {"name": notes.language.text(program.net.name), "language": notes.language}
        key = f"{section.key}-code-{number}"
        yield _cell(f"{key}-words", shown.get_template("code.md").render(**said))
        yield _code(key, source)
        if not seen:
            yield _code("differences", shown.get_template("differences.py").render())
        yield _code(f"{key}-check", shown.get_template("check.py").render(**_numbers(program)))
        seen.add(source)


def _numbers(program: Program) -> dict[str, Any]:
    """What the check receives: how each array is drawn, and the numbers that the formulas leave open."""
    sizes = {symbol: n for n, symbol in enumerate(program.size_names, _FIRST_SIZE)}

    def shape(given: Given) -> tuple[int, ...]:
        return tuple(int(sizes.get(n, n)) for n in given.shape)

    def drawn(given: Given, words: str) -> str:
        found = shape(given)
        axis = given.axes.index(0) if given.axes else 0
        others = found[:axis] + found[axis + 1 :]
        return words.format(shape=found, others=others, axis=axis, classes=found[axis] if found else 1)

    target = _DRAWN.get(program.net.target, _NORMAL)
    return {
        "params": {g.name: drawn(g, _NORMAL) for g in program.params},
        "data": {**{g.name: drawn(g, _NORMAL) for g in program.inputs}, **{g.name: drawn(g, target) for g in program.targets}},
        "scalars": dict.fromkeys(program.scalars, _SCALAR),
    }


def _cell(key: str, text: str, pictures: dict[str, str] | None = None) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": "markdown", "id": _id(key), "metadata": {}, "source": single_spaced(text)}
    for name, picture in (pictures or {}).items():
        attached = name.rpartition("/")[2]
        cell["source"] = cell["source"].replace(f"({name})", f"(attachment:{attached})")
        cell.setdefault("attachments", {})[attached] = {"image/svg+xml": b64encode(picture.encode()).decode()}
    return cell


def _code(key: str, text: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "id": _id(key), "metadata": {}, "outputs": [], "source": text.strip() + "\n"}


def _id(key: str) -> str:
    """An id as the format wants it: letters, digits and hyphens, 64 at most."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in key)[-64:]
