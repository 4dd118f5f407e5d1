"""The tables of what foreign models can hold are those of the code."""

import importlib

import pytest
from fixtures import documentation_pages as documentation


@pytest.fixture
def field_tables(monkeypatch):
    monkeypatch.syspath_prepend(documentation.DOCS / "_extensions")
    return importlib.import_module("field_tables")


def test_the_page_has_every_table_as_the_code_has_it(field_tables):
    text = field_tables.PAGE.read_text(encoding="utf-8")
    assert [name for _, name, _ in field_tables.BLOCK.findall(text)] == list(field_tables.TABLES)
    assert field_tables.with_tables(text) == text


def test_each_field_has_a_meaning_that_a_table_can_show(field_tables):
    for fields in field_tables.TABLES.values():
        rows = field_tables.table(fields)
        for name, field in fields.items():
            assert f"`{name}`" in rows
            assert field.meaning
            assert "\n" not in field.meaning
