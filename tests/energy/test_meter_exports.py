"""Each export is read exactly, with what was assumed, or refused with what to do."""

import numpy as np
import pytest
from fixtures.meter_exports import EXPORTS
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


def test_there_are_many_kinds_of_exports():
    assert len({export.name for export in EXPORTS}) == len(EXPORTS) >= 40


def test_units_are_read_off_names():
    names = ["Verbrauch (kWh)", "Wirkenergie [kWh]", "roof_kW", "P in W", "KWh", "ann", "MWh x"]
    units = ["kWh", "kWh", "kW", "W", None, None, None]
    assert [unit_in_name(name) for name in names] == units
