"""Plain tables are read in blocks, to the same numbers as cell by cell; others are left to that."""

import gzip

import numpy as np
import pytest
from sesgame.files import number_table
from sesgame.files.csv_table import CsvTable
from sesgame.files.number_table import NumberTable


def written(tmp_path, text, name="meters.csv"):
    path = tmp_path / name
    content = text.encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["meters.csv", "meters.csv.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_blocks_give_the_numbers_of_cells(tmp_path, monkeypatch, name, end, place):
    monkeypatch.setattr(number_table, "BLOCK", 100)
    random = np.random.default_rng(place)
    cells = [
        [
            f"{x:.{random.integers(0, 17)}g}"
            for x in random.normal(size=3) * 10.0 ** random.integers(-9, 9)
        ]
        for _ in range(50)
    ]
    for k, row in enumerate(cells):
        row.insert(place, f"t{k}")
    header = ["a", "'=b", "c"]
    header.insert(place, "time")
    text = "\ufeff" + end.join([",".join(row) for row in [header, *cells[:20], [], *cells[20:]]])
    path = written(tmp_path, text, name)
    plain, by_cell = NumberTable.read(path, "time"), CsvTable.read(path)
    assert tuple(plain.texts) == by_cell.texts("time")
    assert list(plain.columns) == ["a", "=b", "c"]
    for column, row in plain.columns.items():
        np.testing.assert_array_equal(plain.numbers[row], by_cell.floats(column))


@pytest.mark.parametrize(
    "text",
    [
        'time,a\nt0,"1"\n',
        "time,a\nt0,1\nt1,\n",
        "time,a\nt0,nan\n",
        "time,a\nt0,1e999\n",
        "time,a\nt0,1,2\n",
        "time,a,a\nt0,1,2\n",
        "time,,a\nt0,1,2\n",
        "Time,a\nt0,1\n",
        "time,a\n",
        "",
        'time,"a\nb"\nt0,1\n',
        "time,a\rt0,1\r",
        "time;a\nt0;1,234\n",
        "time;a\nt0;1.234\n",
        "time;a\nt0;1.234,5\n",
        "time;a;b\nt0;0,5;1.25\n",
        "time;a\nt0;1,234,567\nt1;0,5\n",
        "time;a\n31.12.2024;1.234\n",
        "time;a\n31.12.2024;0.5\n",
        "time;a,b\nt0;0,5\n",
        "time,a\nt0,1_0\n",
        "time,a\nt0,0x1\n",
    ],
)
def test_what_is_not_plain_is_left_to_cells(tmp_path, text):
    assert NumberTable.read(written(tmp_path, text), "time") is None


def test_files_that_are_no_text_are_left_to_cells(tmp_path):
    for content in (b"time,\xff\nt0,1\n", b"PK\x03\x04\x00"):
        path = tmp_path / "x.csv"
        path.write_bytes(content)
        assert NumberTable.read(path, "time") is None
    broken = tmp_path / "y.csv.gz"
    broken.write_bytes(gzip.compress(b"time,a\n" + b"t,1\n" * 10_000)[:-20])
    assert NumberTable.read(broken, "time") is None
    assert NumberTable.read(tmp_path / "none.csv", "time") is None


def test_a_table_of_too_many_cells_or_too_long_lines_is_left_to_cells(tmp_path, monkeypatch):
    path = written(tmp_path, "time,a\n" + "t,1\n" * 100)
    monkeypatch.setattr(number_table, "MOST_CELLS", 150)
    assert NumberTable.read(path, "time") is None
    monkeypatch.setattr(number_table, "MOST_CELLS", 1000)
    assert NumberTable.read(path, "time").numbers.shape == (1, 100)
    monkeypatch.setattr(number_table, "BLOCK", 5)
    assert NumberTable.read(written(tmp_path, "time,a\nt000000000000,1\n"), "time") is None


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("sign", [",", "."])
def test_blocks_of_semicolons_and_tabs_give_the_numbers_of_cells(
    tmp_path, monkeypatch, end, separator, sign
):
    monkeypatch.setattr(number_table, "BLOCK", 100)
    random = np.random.default_rng(0)
    n_read = 0
    for digits in (0, 1, 2, 3, 3, 3, 4, 9):
        values = random.uniform(0, 10, (20, 2)) * 10.0 ** random.integers(0, 3)
        cells = [[f"{value:.{digits}f}".replace(".", sign) for value in row] for row in values]
        rows = [
            ["a", "b", "time"],
            *([*row, f"31/12/2024 {k:02}:00"] for k, row in enumerate(cells)),
        ]
        path = written(tmp_path, end.join(map(separator.join, rows)))
        found = NumberTable.read(path, "time")
        assumed = []
        by_cell = CsvTable.read(path, assumed)
        if found is None:
            assert digits == 3
            continue
        n_read += 1
        for row, (column, texts) in enumerate(zip("ab", zip(*cells, strict=True), strict=True)):
            expected = [float(text.replace(",", ".")) for text in texts]
            assert found.numbers[row].tolist() == expected
            assert by_cell.floats(column).tolist() == expected
        between, *decimals = found.assumed
        assert assumed == [
            f"meters.csv: {', '.join([between, 'the day before the month', *decimals])}"
        ]
    assert n_read >= 5
