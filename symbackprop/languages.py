"""The languages of documents and reports: English is the source, every other one a catalogue of gettext."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from symbackprop.errors import one_of

__all__ = ["ENGLISH", "LANGUAGES", "Language", "Message", "load_language"]

LOCALES = Path(__file__).resolve().parent / "locales"
DOMAIN = "symbackprop"


class Message(str):
    """English text that can be said in another language: `slots` are put where `{name}` stands, and are said in that language too.

    It is an ordinary string wherever English is wanted; a plain string beside it is a name, and is never translated.

    >>> Message("the step {number}", number=2)
    'the step 2'
    """

    text: str
    slots: Mapping[str, Any]

    def __new__(cls, text: str, /, **slots: Any) -> Message:
        made = super().__new__(cls, text.format(**slots) if slots else text)
        made.text, made.slots = text, slots
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        return (self.text,), dict(self.slots)


@dataclass(frozen=True)
class Language:
    """A language: the code of its catalogue, its own name, its tag in HTML, and the TeX program that sets it.

    `fonts` are families of which PDF by Typst needs one; none where the letters of TeX's own fonts are enough.

    >>> load_language("vi").text("biases")
    'độ lệch'
    """

    code: str
    name: str
    tag: str
    engine: str
    aliases: tuple[str, ...] = ()
    fonts: tuple[str, ...] = ()
    catalogue: gettext.NullTranslations = field(default_factory=gettext.NullTranslations, repr=False, compare=False)

    def text(self, message: str) -> str:
        """A message of the catalogue in this language, its slots still open; anything else stays as it is.

        >>> load_language("zh_Hans").text("Insert {equations}:")
        '代入 {equations}：'
        """
        return self.catalogue.gettext(message) if message else ""  # the empty message is the head of a catalogue

    def say(self, text: str) -> str:
        """A `Message` in this language, whole; a plain string is a name and stays as it is.

        >>> load_language("vi").say(Message("line {line}, column {column}", line=3, column=1))
        'dòng 3, cột 1'
        """
        if not isinstance(text, Message):
            return text
        slots = {name: self.say(value) if isinstance(value, str) else value for name, value in text.slots.items()}
        found = self.text(text.text)
        return found.format(**slots) if slots else found


ENGLISH = Language("en", "English", "en", "pdflatex")

LANGUAGES: Mapping[str, Language] = {
    language.code: language
    for language in (
        ENGLISH,
        Language("vi", "Tiếng Việt", "vi", "xelatex"),
        Language(
            "zh_Hans", "简体中文", "zh-Hans", "xelatex", ("zh", "zh_CN", "zh_SG"),
            ("Noto Serif CJK SC", "Noto Serif SC", "Source Han Serif SC", "Songti SC", "SimSun", "Noto Sans CJK SC", "Microsoft YaHei"),
        ),
        Language(
            "zh_Hant", "繁體中文", "zh-Hant", "xelatex", ("zh_TW", "zh_HK", "zh_MO"),
            ("Noto Serif CJK TC", "Noto Serif TC", "Source Han Serif TC", "Songti TC", "PMingLiU", "Noto Sans CJK TC"),
        ),
    )
}  # fmt: skip


@lru_cache(maxsize=len(LANGUAGES))
def load_language(name: str) -> Language:
    """The language of a code or an alias, capitals and the sign between its parts aside; `UnknownName` names the near miss.

    >>> load_language("zh-cn").name
    '简体中文'
    """
    codes = {_plain(n): language for language in LANGUAGES.values() for n in (language.code, *language.aliases)}
    language = codes[_plain(name)] if _plain(name) in codes else LANGUAGES[one_of("language", name, LANGUAGES)]
    if language is ENGLISH:
        return language
    found = gettext.translation(DOMAIN, str(LOCALES), [language.code])
    return replace(language, catalogue=found)


def _plain(name: str) -> str:
    return name.replace("-", "_").lower()
