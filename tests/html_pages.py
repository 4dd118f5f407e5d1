"""Pages read back as a browser would, strictly: what is wrong with one, and what its tables say."""

from html.parser import HTMLParser

VOID = {"br", "meta"}


class Page(HTMLParser):
    """A document whose every tag is closed in order.

    Attributes
    ----------
    tables : list of list of list of str
        The text of each cell of each row of each table.
    code : list of str
        The text of each block of code.
    text : str
        All text of the body.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.code: list[str] = []
        self.text = ""
        self._open: list[str] = []
        assert html.startswith("<!DOCTYPE html>\n<html lang=")
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "code":
            self.code.append("")

    def handle_startendtag(self, tag, attrs):
        raise AssertionError(f"{tag} closes itself")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "style" in self._open:
            return
        if "body" in self._open:
            self.text += data
        if "td" in self._open or "th" in self._open:
            # What is said below the figure is set apart.
            self.tables[-1][-1][-1] += f"|{data}" if self._open[-1] == "small" else data
        elif self._open[-1:] == ["code"]:
            self.code[-1] += data

    def values(self, attribute: str) -> list[str]:
        """Return all values of an attribute."""
        return [attrs[attribute] or "" for _, attrs in self.tags if attribute in attrs]


def assert_stands_alone(html: str) -> Page:
    """Check that a page is well-formed, labelled, and loads and runs nothing; return it."""
    page = Page(html)
    names = {tag for tag, _ in page.tags}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base", "form"})
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "src" not in {name for _, attrs in page.tags for name in attrs}
    for part in ("url(", "@import", "http://", "https://"):
        assert part not in html
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    assert all(href.startswith("#") and href[1:] in ids for href in page.values("href"))
    assert all(set(value.split()) <= set(ids) for value in page.values("aria-labelledby"))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("caption") == tags.count("table")
    assert tags.count("h1") == tags.count("main") == 1
    assert all(a["role"] == "img" for tag, a in page.tags if tag == "svg")
    assert all(a["scope"] in ("row", "col") for tag, a in page.tags if tag == "th")
    return page


def figure(text: str) -> str:
    """Return the first number of a cell as Python writes it."""
    return text.split("|")[0].split("\N{NO-BREAK SPACE}")[0].replace(",", "").replace("\u2212", "-")
