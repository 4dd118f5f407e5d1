"""How Sphinx builds the documentation: ``make docs``. Nothing is fetched from the network."""

import logging
import sys
from pathlib import Path

from pygments.lexers.special import TextLexer
from sesgame import __version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

for chatty in ("numexpr", "sesgame"):  # what pictures evaluate is no news
    logging.getLogger(chatty).setLevel(logging.WARNING)

project = "sesgame"
author = "The sesgame developers"
copyright = author  # noqa: A001, Sphinx reads this name
release = __version__

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinxcontrib.bibtex",
    # Of this project, in _extensions.
    "command_help",
    "docstrings",
    "mathml",
]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
bibtex_bibfiles = ["references.bib"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # types, shapes and units stand in the docstrings
numpydoc_show_class_members = False  # autodoc does

plot_formats = ["svg"]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_rcparams = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.figsize": (6.4, 3.2),
    "font.size": 10,
    "legend.frameon": False,
    "savefig.bbox": "tight",
    "savefig.transparent": True,
}
plot_apply_rcparams = True

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "sesgame"
html_static_path = ["_static"]
html_css_files = ["sesgame.css"]
html_show_sphinx = False
html_copy_source = False


def setup(app):
    """Show CSV files as they are: no lexer of Pygments knows them."""
    app.add_lexer("csv", TextLexer)
