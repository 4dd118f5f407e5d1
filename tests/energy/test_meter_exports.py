"""Each export is read exactly, with what was assumed, or refused with what to do."""

import csv
import io
import re
from datetime import datetime, timedelta
from random import Random

import numpy as np
import pytest
from fixtures.meter_exports import EXPORTS
from sesgame.energy.folder_reading import read_folder
from sesgame.energy.meter_table import read_meter_table, unit_in_name
from sesgame.errors import FaultyFilesError


def read(tmp_path, export):
    if export.ending != "csv" or export.content.startswith(b"PK"):
        pytest.importorskip("python_calamine", reason="workbooks need the extra excel")
    path = tmp_path / f"readings.{export.ending}"
    path.write_bytes(export.content)
    assumed = []
    found = read_meter_table(path, assumed)
    return found, "".join(assumed).removeprefix(f"{path.name}: ")


def read_numbers(tmp_path, export):
    """Read all that a community would: each column as numbers."""
    table = read(tmp_path, export)[0].table
    return [table.floats(name) for name in table.columns if name != "time"]


def numbers(table, name):
    """Return a column, with NaN for empty cells."""
    convert = table.number(name)
    return [convert(cell) if cell else np.nan for cell in table.columns[name]]


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_an_export_gets_its_verdict(tmp_path, export):
    if export.refused:
        with pytest.raises(FaultyFilesError) as caught:
            read_numbers(tmp_path, export)
        assert export.refused in str(caught.value)
        return
    found, said = read(tmp_path, export)
    times = found.table.columns["time"]
    assert (times[0], times[-1]) == export.times
    for name, values in export.values.items():
        np.testing.assert_array_equal(numbers(found.table, name), values)
    assert said == export.said
    assert found.units == export.units
    assert found.marks_end == export.marks_end


def spoiled(random, exports):
    """Return an export with a few bytes changed, lost or doubled."""
    content = bytearray(random.choice(exports).content)
    for _ in range(random.randint(1, 6)):
        place, kind = random.randrange(len(content) + 1), random.random()
        if kind < 0.3:
            del content[place : place + random.randint(1, 12)]
        else:
            more = (b";", b",", b"\n", b'"', b"24:00", b"1.234", b"99/99/2024", b"\xe4", b"\0")
            content[place:place] = random.choice(more)
    return bytes(content)


def test_whatever_is_spoiled_is_read_or_refused(tmp_path):
    random = Random(0)
    exports = [one for one in EXPORTS if one.ending == "csv" and one.content[:2] != b"PK"]
    path = tmp_path / "readings.csv"
    n_read = 0
    for _ in range(200):
        path.write_bytes(spoiled(random, exports))
        try:
            table = read_meter_table(path, []).table
        except FaultyFilesError:
            continue
        assert all(len(cells) == len(table) for cells in table.columns.values())
        n_read += 1
    assert n_read > 25


FORMS = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M")
FORMS += ("%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%d-%m-%y %H:%M", "%d %b %Y %H:%M", "%Y%m%d:%H%M")


REFUSED = re.compile("may be|the last of .* cells that are wrong|is not a number$")


def grouped(number, decimal, thousands):
    """Return a number with signs as a country writes them."""
    return number.translate(str.maketrans({",": thousands, ".": decimal}))


def draw(random):
    """Return times and readings, and how a file may show them, as bytes."""
    n, minutes = random.randint(2, 40), random.choice([15, 30, 60])
    first = datetime(2024, random.randint(1, 12), random.randint(1, 28), random.randint(0, 23))
    times = [first + k * timedelta(minutes=minutes) for k in range(n)]
    digits, scale = random.randint(0, 4), 10 ** random.randint(0, 4)
    texts = [[f"{random.random() * scale:,.{digits}f}" for _ in range(n)] for _ in range(2)]
    decimal, thousands = random.choice([".,", ",.", ", ", ".'"])
    thousands = random.choice([thousands, ""])
    separator, form = random.choice(",;\t"), random.choice(FORMS)
    if separator == ",":
        thousands = thousands.replace(".", "")  # where commas separate, points are decimal
    rows = [[first, *rest] for first, *rest in zip(times, *texts, strict=True)]
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator)
    writer.writerow(["time", "ann", "b\xf6b"])
    for time, *cells in reversed(rows) if random.random() < 0.3 else rows:
        writer.writerow(
            [time.strftime(form), *(grouped(cell, decimal, thousands) for cell in cells)]
        )
    content = file.getvalue().encode(random.choice(["utf-8", "utf-8-sig", "cp1252", "utf-16"]))
    return times, [[float(cell.replace(",", "")) for cell in row] for row in texts], content


@pytest.mark.parametrize(
    ("seed", "n_drawn"), [(0, 80), pytest.param(1, 2000, marks=pytest.mark.slow)]
)
def test_no_form_is_misread(tmp_path, seed, n_drawn):
    """Whatever signs, days and orders a file has: its numbers and times, or a refusal."""
    random = Random(seed)
    (tmp_path / "members.csv").write_text(
        "member,kind,meter,unit\nann,load,ann,kWh\nbob,load,b\xf6b,kWh\n", encoding="utf-8"
    )
    (tmp_path / "tariff.csv").write_text("buy_eur_per_kwh,sell_eur_per_kwh\n0.3,0.1\n")
    n_read = 0
    for _ in range(n_drawn):
        times, readings, content = draw(random)
        (tmp_path / "meters.csv").write_bytes(content)
        found = read_folder(tmp_path)
        if found.world is None:
            assert all(REFUSED.search(fault.what) for fault in found.faults), found.faults
            continue
        n_read += 1
        assert found.world.load_kwh.tolist() == readings
        assert found.steps.times.astype("M8[s]").tolist() == times
    assert n_read > 0.6 * n_drawn


def test_there_are_many_kinds_of_exports():
    assert len({export.name for export in EXPORTS}) == len(EXPORTS) >= 40


def test_units_are_read_off_names():
    names = ["Verbrauch (kWh)", "Wirkenergie [kWh]", "roof_kW", "P in W", "KWh", "ann", "MWh x"]
    units = ["kWh", "kWh", "kW", "W", None, None, None]
    assert [unit_in_name(name) for name in names] == units
