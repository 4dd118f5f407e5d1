"""References in docstrings: to sources, to pages, and to names by their last part."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

SOURCE = re.compile(r"\[([a-z]+\d{4})\]_")
PAGE = re.compile(r"``docs/([\w/-]+)\.md``")


def link_sources(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Make ``[key]_`` a reference to the bibliography and a page's file name a link to it."""
    for number, line in enumerate(lines):
        lines[number] = PAGE.sub(r":doc:`/\1`", SOURCE.sub(r":cite:p:`\1`", line))


def link_by_last_part(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element
) -> nodes.reference | None:
    """Find a name that is documented under a longer one, where only one ends so."""
    if node.get("refdomain") != "py" or app.builder is None:
        return None
    target = node["reftarget"]
    objects = env.domains["py"].objects  # type: ignore[attr-defined]
    found = [
        name for name, entry in objects.items() if name.endswith(f".{target}") and not entry.aliased
    ]
    if len(found) != 1:
        return None
    entry = objects[found[0]]
    return make_refnode(
        app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, found[0]
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect both to the build."""
    app.connect("autodoc-process-docstring", link_sources)
    app.connect("missing-reference", link_by_last_part)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
