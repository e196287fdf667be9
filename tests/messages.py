"""The messages of the package, extracted, and the catalogues of its languages; run as a script, it writes the catalogues anew.

    python tests/messages.py

keeps every translation that is still wanted, drops the others, leaves new ones empty, and compiles.
"""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from symbackprop.languages import DOMAIN, ENGLISH, LANGUAGES, LOCALES

TOP = Path(__file__).parent.parent
KEYWORDS = {"Message": None, "Prose": None, "Heading": None, "Reason": (2,), "Section": (2,), "section_on": (4,), "_": None, "gettext": None}
CODES = [code for code in LANGUAGES if code != ENGLISH.code]
_CHANGES_BY_ITSELF = re.compile(rb'^"(POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Report-Msgid-Bugs-To|Generated-By):.*\n', re.M)
_NEVER = datetime(2026, 1, 1, tzinfo=UTC)


def extracted() -> Catalog:
    """Every message that a document or a report can hold, with the files it comes from."""
    with open(TOP / "babel.cfg", encoding="utf-8") as file:
        mapping, options = parse_mapping_cfg(file)
    catalog = Catalog()
    for name, line, message, _, _ in extract_from_dir(TOP, mapping, options, KEYWORDS):
        catalog.add(message, locations=[(Path(name).as_posix(), line)])
    return catalog


def place(code: str, suffix: str) -> Path:
    return LOCALES / code / "LC_MESSAGES" / f"{DOMAIN}.{suffix}"


def catalogue(code: str) -> Catalog:
    """What stands in the catalogue of a language."""
    with open(place(code, "po"), "rb") as file:
        return read_po(file, locale=code)


def write(code: str, known: dict[str, str]) -> None:
    """The catalogue of a language, with what is known of it, as text and compiled."""
    made = Catalog(locale=code, project=DOMAIN, header_comment=f"# {LANGUAGES[code].name}", creation_date=_NEVER, revision_date=_NEVER, fuzzy=False)
    for message in extracted():
        if message.id:
            made.add(message.id, known.get(message.id, ""), locations=[(name, None) for name, _ in message.locations])
    text, compiled = io.BytesIO(), io.BytesIO()
    write_po(text, made, width=140, include_lineno=False, sort_output=True)
    write_mo(compiled, made)
    place(code, "po").parent.mkdir(parents=True, exist_ok=True)
    place(code, "po").write_bytes(_CHANGES_BY_ITSELF.sub(b"", text.getvalue()))
    place(code, "mo").write_bytes(compiled.getvalue())


if __name__ == "__main__":
    for each in CODES:
        write(each, {m.id: m.string for m in catalogue(each) if m.id} if place(each, "po").exists() else {})
