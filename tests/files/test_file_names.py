"""Names of files that every system takes, one for each label."""

import os
import re
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sesgame.files.file_names import file_names

PORTS = ["con", "prn", "aux", "nul", *(f"{p}{i}" for p in ("com", "lpt") for i in range(10))]


@settings(max_examples=50)
@given(st.lists(st.text(max_size=80) | st.sampled_from([*PORTS, "\ud800x"]), max_size=6))
def test_names_are_short_plain_and_differ(labels):
    names = file_names(labels, ".html", "member")
    assert len({normalize("NFKC", name).casefold() for name in names}) == len(labels)
    for name in names:
        assert re.fullmatch(r"[\w-]+\.html", name)
        assert len(os.fsencode(name)) <= 255 - len(".partial")
        assert name.partition(".")[0].casefold() not in PORTS


@pytest.mark.parametrize("port", [*PORTS, *map(str.upper, PORTS), "Com\u00b9", "LPT\u00b2"])
def test_devices_are_no_files(port):
    (name,) = file_names([port], ".html", "member")
    assert normalize("NFKC", name.partition(".")[0]).casefold() not in PORTS


def test_bytes_are_counted_and_not_letters(tmp_path):
    labels = ["x" * 400, "\u00e9" * 400, "\u4e2d" * 400, "\U00020000" * 400]
    for name in file_names([*labels, *labels], ".html", "member"):
        (tmp_path / name).write_text("")
    assert len(list(tmp_path.iterdir())) == 8


def test_accents_written_in_two_ways_are_one_name_on_some_systems():
    first, second = file_names(["\u00e9", "e\u0301"], ".html", "member")
    assert normalize("NFC", first) != normalize("NFC", second)


def test_many_of_one_name_are_numbered_at_once():
    names = file_names(["ann"] * 20_000, ".html", "member")
    assert len(set(names)) == 20_000
    assert names[-1] == "ann-20000.html"
