"""No public name is missing from the reference pages."""

import importlib
import re
from types import ModuleType

import pytest
import sesgame as sg
from fixtures import documentation_pages as documentation
from sesgame.game.allocation import Evidence

DIRECTIVE = re.compile(r"^\.\. auto(?:function|class|module):: ([\w.]+)$", re.MULTILINE)
DOCUMENTED = {
    name
    for page in (documentation.DOCS / "api").glob("*.rst")
    for name in DIRECTIVE.findall(page.read_text(encoding="utf-8"))
}


def modules(parent):
    """Return the names of all modules that a module makes public, and of those in them."""
    public = [name for name in parent.__all__ if isinstance(getattr(parent, name), ModuleType)]
    inner = [name for child in public for name in modules(getattr(parent, child))]
    return [*(f"{parent.__name__}.{name}" for name in public), *inner]


def kinds_of(base):
    return [kind for child in base.__subclasses__() for kind in (child, *kinds_of(child))]


MODULES = modules(sg)
NAMES = {f"sesgame.{name}" for name in sg.__all__ if name != "__version__"}


@pytest.mark.parametrize("name", sorted(NAMES - set(MODULES)))
def test_a_public_name_is_documented_where_users_import_it_from(name):
    assert name in DOCUMENTED, f"{name} is on no page of docs/api"


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_is_documented_with_all_that_it_exports(name):
    # automodule takes what is in __all__.
    assert name in DOCUMENTED, f"{name} is on no page of docs/api"
    assert importlib.import_module(name).__all__


@pytest.mark.parametrize(
    "kind",
    [kind for kind in kinds_of(Evidence) if kind.__module__.startswith("sesgame.")],
    ids=lambda kind: kind.__name__,
)
def test_evidence_of_an_allocation_is_documented(kind):
    exported = any(kind.__name__ in importlib.import_module(name).__all__ for name in MODULES)
    assert exported or {kind.__module__, f"{kind.__module__}.{kind.__name__}"} & DOCUMENTED


def test_every_source_that_is_cited_is_in_the_bibliography_once():
    bibliography = (documentation.DOCS / "references.bib").read_text(encoding="utf-8")
    keys = re.findall(r"^@\w+\{(\w+),", bibliography, re.MULTILINE)
    assert len(keys) == len(set(keys))
    sources = [
        path.read_text(encoding="utf-8")
        for path in [
            *(documentation.ROOT / "python").rglob("*.py"),
            *documentation.DOCS.glob("**/*.md"),
        ]
    ]
    cited = re.findall(r"\[([a-z]+\d{4})\]_|\{cite:[pt]\}`(\w+)`", "\n".join(sources))
    assert {docstring or page for docstring, page in cited} <= set(keys)
