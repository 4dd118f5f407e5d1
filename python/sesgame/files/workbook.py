"""Workbooks of spreadsheets, Excel's and OpenDocument's: one sheet as rows of text."""

from __future__ import annotations

import datetime
from pathlib import Path

from sesgame.errors import Fault, FaultyFilesError
from sesgame.optional_imports import needs

__all__ = ["sheet_rows"]

HALF_A_SECOND = datetime.timedelta(seconds=0.5)
"""Workbooks keep a time as a part of a day, which is off by microseconds."""


def sheet_rows(path: Path) -> tuple[list[list[str]], str]:
    """Return the cells of a workbook's sheet as text, and the name of the sheet.

    That is its only sheet with something in it, or the one that is called like the file.

    Raises
    ------
    GameError
        It cannot be read, or several sheets may be meant.
    MissingExtraError
        python-calamine is not there.
    """
    saved = 'save it as "CSV UTF-8 (comma delimited)"'
    with needs("excel", f"{path} is a workbook, which needs python-calamine (or {saved})"):
        from python_calamine import CalamineError, CalamineWorkbook
    try:
        with path.open("rb") as file:
            book = CalamineWorkbook.from_filelike(file)
            sheets = {
                name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
                for name in book.sheet_names
            }
    except FileNotFoundError as error:
        raise FaultyFilesError([Fault(f"no such file: {path}", str(path))]) from error
    except (OSError, CalamineError) as error:
        what = f"{path} cannot be read as a workbook: {error}"
        raise FaultyFilesError([Fault(what, str(path), cure=saved)]) from error
    filled = [name for name, rows in sheets.items() if rows]
    meant = filled[0] if len(filled) == 1 else path.stem
    if meant not in filled:
        what = f"{path} has {len(filled)} sheets with something in them: {', '.join(filled)}"
        cure = f'keep one, or call the one that is meant "{path.stem}"'
        raise FaultyFilesError([Fault(what, str(path), cure=cure)])
    return [[_text(cell) for cell in row] for row in sheets[meant]], meant


def _text(cell: object) -> str:
    """Return a cell as a CSV file would have it."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.datetime):
        whole = (cell + HALF_A_SECOND).replace(microsecond=0)
        return whole.isoformat(timespec="seconds" if whole.second else "minutes")
    if isinstance(cell, datetime.time):
        return cell.strftime("%H:%M")
    if isinstance(cell, datetime.timedelta):
        minutes = round(cell / datetime.timedelta(minutes=1))
        return f"{minutes // 60:02}:{minutes % 60:02}"
    return str(cell)  # a date is in ISO 8601
