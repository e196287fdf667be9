"""Every shipped notation loads; what is misspelt is answered with the near miss."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from symbackprop.backprop import Named
from symbackprop.equations import Grad, Tensor, index
from symbackprop.errors import InputError, SpecError, UnknownName
from symbackprop.notation import CHOICES, Notation, load_notation, notation_names


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", notation_names())
def test_every_shipped_notation_loads(name: str) -> None:
    notation = load_notation(name)
    assert notation.name == name
    assert notation.title
    assert notation.source
    for batched in (False, True):
        assert notation.layout(batched).axes(Tensor("w", (3, 2)))
        assert set(notation.named(batched)) == set(notation.gradients)


def test_the_six_notations_are_there() -> None:
    assert {"nielsen", "ng", "three_blue_one_brown", "rows", "wt", "saito"} <= set(notation_names())


def test_every_choice_is_a_setting() -> None:
    assert set(CHOICES) <= {f.name for f in fields(Notation)}
    plain = Notation("plain")
    assert all(getattr(plain, key) in choices for key, choices in CHOICES.items())


def test_an_unknown_name_is_answered_with_the_near_miss() -> None:
    with pytest.raises(UnknownName, match="unknown notation 'nielson'; did you mean 'nielsen'"):
        load_notation("nielson")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('layer_stile = "plain"', "unknown key 'layer_stile'; did you mean 'layer_style'"),
        ('layer_style = "bracket"', "did you mean 'brackets'"),
        ('name = "mine"', "unknown key 'name'"),
        ('extends = "nielson"', "did you mean 'nielsen'"),
        ('[gradients]\nz = {simbol = "dz"}', "gradients.z must look like"),
        ('[gradients]\nz = {symbol = "dz", faktor = "m"}', "did you mean 'factor'"),
        ('[gradients]\nz = {symbol = "d z"}', "must look like"),
        ('[gradients]\nz = {symbol = "dz", factor = "n"}', "unknown factor 'n'"),
        ('explicit_broadcast = "yes"', "'explicit_broadcast' is a true or false"),
        ('bold = true', "'bold' is a text"),
        ("[symbols]\nz = 3", "symbols.z is a letter"),
        ('symbols = "z"', "'symbols' is a table"),
        ('[indices]\ns = "i"', "permutation"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_notation(write(tmp_path, text))


def test_a_file_extends_a_notation(tmp_path: Path) -> None:
    mine = load_notation(write(tmp_path, 'extends = "ng"\ntitle = "Mine"\n[symbols]\nJ = "E"\n[functions]\nsigma = "f"'))
    assert (mine.name, mine.title, mine.layer_style) == ("mine", "Mine", "brackets")
    assert mine.symbols == {**load_notation("ng").symbols, "J": "E"}
    assert mine.functions["sigma"] == "f"


def test_an_empty_table_clears_and_files_extend_files(tmp_path: Path) -> None:
    write(tmp_path, 'extends = "nielsen"\nlayer_style = "brackets"', "base.toml")
    mine = load_notation(str(write(tmp_path, 'extends = "base.toml"\n[gradients]\n')))
    assert mine.layer_style == "brackets"
    assert mine.gradients == {}


def test_notations_in_a_circle_are_refused(tmp_path: Path) -> None:
    write(tmp_path, 'extends = "b.toml"', "a.toml")
    with pytest.raises(SpecError, match="circle"):
        load_notation(write(tmp_path, 'extends = "a.toml"', "b.toml"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_notation(tmp_path / "absent.toml")
    with pytest.raises(InputError, match="not a TOML file"):
        load_notation(write(tmp_path, "= 1"))


def test_gradients_have_the_number_of_samples_as_factor() -> None:
    ng = load_notation("ng")
    assert ng.named(batched=False)["z"] == Named("dz", 1)
    assert ng.named(batched=True)["z"] == Named("dz", index("m"))
    assert ng.named(batched=True, samples=4)["z"] == Named("dz", 4)
    assert ng.named(batched=True)["w"] == Named("dw", 1)


@pytest.mark.parametrize("name", notation_names())
def test_a_gradient_by_its_letter_lies_like_what_it_is_taken_of(name: str) -> None:
    notation = load_notation(name)
    for batched in (False, True):
        stored = notation.layout(batched)
        for of, shape in {"w": (3, 2), "z": (3, 5), "b": (3,), "L": (5,)}.items():
            tensor = Tensor(of, shape)
            letters = notation.with_gradients((of,))
            across = tensor.rank == 1 and notation.jacobian == "numerator"  # a Jacobian of one row
            gradients = {stored.axes(Tensor(n, shape)) for n in letters - {of}} | {stored.axes(Grad(Tensor("C"), tensor))}
            assert gradients == {stored.axes(tensor)[::-1] if across else stored.axes(tensor)}
