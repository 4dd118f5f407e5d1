"""Tables that are too wide, too long or too well packed."""

import gzip
import subprocess
import sys
import textwrap

import pytest
from sesgame.errors import GameError
from sesgame.files import table_rows
from sesgame.files.csv_table import CsvTable


def table(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_the_header_is_not_searched_for_each_column(tmp_path):
    """So many columns took a minute when each was looked for among all."""
    n = 100_000
    header = ",".join(f"c{i}" for i in range(n))
    path = table(tmp_path, f"{header}\n{','.join('1' * n)}\n".encode())
    assert len(CsvTable.read(path).columns) == n
    with pytest.raises(GameError, match='duplicate column "c7"'):
        CsvTable.read(table(tmp_path, f"{header},c7\n".encode() * 2))


def test_a_message_names_some_of_many_columns(tmp_path):
    header = ",".join(f"c{i}" for i in range(30_000))
    read = CsvTable.read(table(tmp_path, f"{header}\n{header}\n".encode()))
    with pytest.raises(GameError, match=r"and 29,980 more \(and 1 more fault\)$") as caught:
        read.expect(["time"])
    assert len(str(caught.value)) < 500


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    packed = table(tmp_path, gzip.compress(b"gain\n" + bytes(1 << 27), 1), "bomb.csv.gz")
    assert packed.stat().st_size < 1 << 21
    with pytest.raises(GameError, match="has a line of more than 67,108,864 characters"):
        CsvTable.read(packed)


@pytest.mark.parametrize(
    ("limit", "most", "message"),
    [
        pytest.param("MOST_TEXT", 100, "has more than 100 characters", id="text"),
        pytest.param("MOST_CELLS", 40, "has more than 40 cells", id="cells"),
        pytest.param("LONGEST_LINE", 4, "has a line of more than 4 characters", id="line"),
    ],
)
def test_limits_are_those_that_are_stated(tmp_path, monkeypatch, limit, most, message):
    path = table(tmp_path, b"a,b\n" + b"1,234\n" * 20)
    assert len(CsvTable.read(path)) == 20
    monkeypatch.setattr(table_rows, limit, most)
    with pytest.raises(GameError, match=message):
        CsvTable.read(path)


def test_a_number_of_5000_digits_is_shown_by_its_beginning(tmp_path):
    for cell, what in (("9" * 5000, "is not a finite number"), ("x" * 5000, "is not a number")):
        read = CsvTable.read(table(tmp_path, f"gain\n{cell}\n".encode()))
        with pytest.raises(GameError, match=what) as caught:
            read.floats("gain")
        assert len(str(caught.value)) < 300


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_a_game_of_a_few_bytes_does_not_ask_for_gigabytes(tmp_path):
    coalition = "+".join(f"p{i}" for i in range(30))
    paths = [
        table(tmp_path, f'{{"kind": "gain", "values": {{"{coalition}": 1}}}}'.encode(), "g.json"),
        table(tmp_path, f"coalition,gain\n{coalition},1\n".encode(), "g.csv"),
    ]
    assert all(path.stat().st_size < 250 for path in paths)
    program = textwrap.dedent("""
        import resource, sys
        from sesgame.errors import GameError
        from sesgame.game.game_files import read_game
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.RLIM_INFINITY))
        for path in sys.argv[1:]:
            try:
                read_game(path)
            except GameError as error:
                print(error)
    """)
    command = [sys.executable, "-c", program, *map(str, paths)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = found.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert "1073741822 of 1073741823 coalitions have no value: {p0}, {p1}, " in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "time,Zähler\n1,2\n".encode("cp1252"),
            r'line 1 is not UTF-8; .* Windows \("ä" there\): save',
        ),
        ("time,a\n1,2\n3,é\n".encode("latin-1"), r"line 3 is not UTF-8"),
        ("time,a\n1,2\n".encode("utf-16"), "it seems to be text in UTF-16: save it as"),
        ("time,a\n1,2\n".encode("utf-16-be"), "it has zero bytes, as text in UTF-16 has"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\xff", "it seems to be an Excel or OpenDocument workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it seems to be an old Excel workbook"),
        (gzip.compress(b"time,a\n1,2\n"), "it seems to be compressed by gzip"),
    ],
    # The time is in what gzip writes, so it is no part of a name that all workers know.
    ids=["cp1252", "latin-1", "utf-16", "utf-16-be", "workbook", "old workbook", "gzip"],
)
def test_a_file_that_is_no_csv_is_told_what_it_seems_to_be(tmp_path, content, message):
    with pytest.raises(GameError, match=f"table.csv cannot be read as a CSV file: {message}"):
        CsvTable.read(table(tmp_path, content))


def test_tabs_are_named(tmp_path):
    with pytest.raises(GameError, match="separates its columns by tabs; use commas"):
        CsvTable.read(table(tmp_path, b"time\tann\n1\t2\n"))


@pytest.mark.parametrize(
    ("written", "needed"),
    [("Time", "time"), ("M\u0075\u0308ller", "Müller"), ("ann _load", "ann_load")],
)
def test_a_column_that_is_written_a_little_otherwise_is_named(tmp_path, written, needed):
    read = CsvTable.read(table(tmp_path, f"{written},x\n1,2\n".encode()))
    with pytest.raises(
        GameError, match=f'has no column "{needed}"; .*is "{written}" meant'
    ) as caught:
        read.need(needed)
    assert '"x"' in str(caught.value)


def test_an_underscore_among_digits_is_no_number(tmp_path):
    path = table(tmp_path, b"price\n1_0\n")
    with pytest.raises(GameError, match=r'line 2, column "price": .*1_0'):
        CsvTable.read(path).floats("price")
