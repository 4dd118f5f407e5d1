"""Every picture of the gallery is drawn, and shows what its text says."""

import re
import runpy
from pathlib import Path

import pytest
from matplotlib import pyplot

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = re.findall(r"^\.\. plot:: (pictures/\w+\.py)$", (DOCS / "gallery.md").read_text(), re.M)


@pytest.fixture(autouse=True)
def _no_windows():
    pyplot.close("all")
    before = pyplot.get_backend()
    pyplot.switch_backend("Agg")
    yield
    pyplot.close("all")
    pyplot.switch_backend(before)


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_of_the_gallery_is_drawn(picture, monkeypatch):
    monkeypatch.chdir(DOCS / "pictures")
    runpy.run_path(str(DOCS / picture))
    (number,) = pyplot.get_fignums()
    figure = pyplot.figure(number)
    figure.draw_without_rendering()  # which places all that there is
    inside = figure.get_tightbbox().padded(-0.1)
    width, height = figure.get_size_inches()
    assert 0 <= inside.x0 < inside.x1 <= width
    assert 0 <= inside.y0 < inside.y1 <= height


def test_the_gallery_shows_every_function():
    import sesgame.plots

    scripts = "".join((DOCS / picture).read_text() for picture in PICTURES)
    for name in sesgame.plots.__all__:
        assert f"sg.plots.{name}(" in scripts
