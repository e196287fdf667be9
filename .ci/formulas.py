"""Every formula of the built-in lecture as LaTeX, a JSON list on standard output, in the notations named on the command line."""

import dataclasses
import json
import sys

from symbackprop.documents.rendering import LATEX, render_notes
from symbackprop.doors import lecture
from symbackprop.typeset.latex import latex

found: dict[str, None] = {}


def noted(node: object) -> str:
    text = latex(node)  # type: ignore[arg-type]
    found.setdefault(text)
    return text


medium = dataclasses.replace(LATEX, inline=noted, display=noted)
for notation in sys.argv[1:]:
    render_notes(lecture(notation, "full"), medium)
json.dump(list(found), sys.stdout)
