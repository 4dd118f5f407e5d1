"""Formulas as MathML, which browsers draw without a script or a font from the network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.errors import ExtensionError

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
LIMITS_BELOW = {"max", "min", "argmax", "argmin", "lexmin"}
NO_SPACE_AROUND = {"|", "!"}
SIZED_BRACE = re.compile(r"(?:\\(?:big|Big|bigg|Bigg)[lr]?)?\\([{}])")
BRACES = {"{": r"\lbrace ", "}": r"\rbrace "}

ElementTree.register_namespace("", NAMESPACE)


def mathml(latex: str, display: str) -> str:
    """Return a formula as MathML: what is minimised over stands below, bars stand close."""
    try:
        markup = convert(_known(latex), display=display)
    except Exception as error:  # whatever the converter raises, the formula has to be named
        raise ExtensionError(f"no MathML of the formula {latex!r}: {error!r}") from error
    root = ElementTree.fromstring(markup)
    for element in root.iter():
        if len(element.text or "") > 1 and "\\" in element.text:
            raise ExtensionError(f"no MathML of {element.text} in the formula {latex!r}")
        operator = element.find(f"{{{NAMESPACE}}}mo")
        below = operator is not None and element[0] is operator and operator.text in LIMITS_BELOW
        if display == "block" and element.tag == f"{{{NAMESPACE}}}msub" and below:
            element.tag = f"{{{NAMESPACE}}}munder"
        if element.tag == f"{{{NAMESPACE}}}mo" and element.text in NO_SPACE_AROUND:
            element.attrib |= {"lspace": "0", "rspace": "0"}
    return ElementTree.tostring(root, encoding="unicode")


def _known(latex: str) -> str:
    """Return a formula with the signs that the converter and most fonts have."""
    # The converter has no braces as signs, of whatever size.
    latex = SIZED_BRACE.sub(lambda found: BRACES[found[1]], latex)
    # Few fonts have the slanted sign of a set difference.
    return latex.replace(r"\setminus", r"\,\backslash\,")


def inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on its own, which scrolls where it is wider than the page."""
    translator.body.append(f'<div class="formula">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Offer this renderer of formulas in HTML."""
    renderers = {"inline_renderers": (inline, None), "block_renderers": (block, None)}
    app.add_html_math_renderer("mathml", **renderers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
