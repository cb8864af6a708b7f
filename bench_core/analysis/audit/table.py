"""A table typed from somebody's report: what its columns mean."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from bench_core.analysis.audit.number import Number
from bench_core.analysis.audit.row import Claims, Row, Rows
from bench_core.analysis.audit.sheet import Sheet, read_sheet
from bench_core.analysis.audit.typed import Typed, cleaned, mark_of, typed
from bench_core.errors import UsageError

QUANTITIES = {
    "batch": ("batch", 1.0),
    "latency_ms": ("latency", 1e-3),
    "throughput": ("throughput", 1.0),
    "power_w": ("power", 1.0),
    "energy_mwh": ("energy", 3.6),
}
"""Columns, the fields of a row that they fill, and what one of them is in SI units."""
SHARES = ("accuracy", "precision", "recall", "f1")
NUMERIC = (*QUANTITIES, *SHARES)
WORDS = ("name", "provider")
FLAGS = ("lossy", "training")
COLUMNS = ("name", *NUMERIC, "provider", *FLAGS)

YES = ("yes", "y", "true", "1", "lossy", "training", "train")
NO = ("no", "n", "false", "0", "lossless", "inference", "eval")
EMPTY = ("", "-", "–", "—", "?", "n/a", "na", "nan", "none", "null")

At = tuple[int, str]
"""A cell: its row and column."""


def table(text: str) -> Rows:
    """The rows of a table, as a rule's example gives it."""
    return read_table(text).rows


def read_table(text: str) -> Claims:
    """Raises: UsageError for what is no table; for a cell that cannot be read, which it names."""
    sheet = read_sheet(text, COLUMNS, EMPTY)
    numbers = _numbers(sheet)
    rows = tuple(_row(number, cells, numbers) for number, cells in sheet.lines.items() if cells)
    if not rows:
        raise UsageError("expected values below the header, found none")
    return Claims(rows, tuple(_notes(sheet)), typed=True)


def _numbers(sheet: Sheet) -> dict[At, Number]:
    texts = {
        (number, column): cleaned(cell)
        for number, cells in sheet.lines.items()
        for column, cell in cells.items()
        if column in NUMERIC
    }
    mark = _decimal_mark(texts)
    read = {at: _typed(at, text, mark) for at, text in texts.items()}
    percent = {column for column in SHARES if _in_percent(column, sheet, read)}
    return {at: _number(at[1], texts[at], one, at[1] in percent) for at, one in read.items()}


def _in_percent(column: str, sheet: Sheet, read: dict[At, Typed]) -> bool:
    """Whether 0.9 is nine thousandths there: its head says so, or most of it is above 1."""
    bare = [one.value for (_, name), one in read.items() if name == column and not one.percent]
    return "%" in sheet.heads.get(column, "") or bool(bare and median(bare) > 1)


def _decimal_mark(texts: dict[At, str]) -> str | None:
    """What the cells that tell agree on. Raises: UsageError if they do not."""
    told: dict[str, At] = {}
    for at, text in texts.items():
        if mark := mark_of(text):
            told.setdefault(mark, at)
    if len(told) > 1:
        one, other = told.values()
        raise UsageError(
            f"expected one decimal mark, found two: {texts[one]!r:.40} in {_cell(one)}, "
            f"{texts[other]!r:.40} in {_cell(other)}"
        )
    return next(iter(told), None)


def _typed(at: At, text: str, mark: str | None) -> Typed:
    try:
        one = typed(text, mark)
    except ValueError as error:
        raise UsageError(f"{_cell(at)}: {error}") from None
    if one.percent and at[1] not in SHARES:
        raise UsageError(f"{_cell(at)}: expected a number, found a share: {text!r:.40}")
    return one


def _number(column: str, text: str, one: Typed, percent: bool) -> Number:
    _, scale = QUANTITIES.get(column, ("", 0.01 if percent or one.percent else 1.0))
    half = 0.0 if column == "batch" else one.half
    return Number((one.value - half) * scale, (one.value + half) * scale, column, text, scale)


def _row(number: int, cells: dict[str, str], numbers: dict[At, Number]) -> Row:
    values: dict[str, Any] = {column: cells[column] for column in WORDS if column in cells}
    for column, text in cells.items():
        if column in NUMERIC:
            field, _ = QUANTITIES.get(column, (column, 1.0))
            values[field] = numbers[number, column]
        elif column in FLAGS:
            values[column] = _flag((number, column), text)
    where = f"row {number}" + (f" ({values['name']:.60})" if "name" in values else "")
    return Row(where, **values)


def _flag(at: At, cell: str) -> bool:
    if cell.lower() not in (*YES, *NO):
        raise UsageError(f"{_cell(at)}: expected yes or no, found {cell!r:.40}")
    return cell.lower() in YES


def _notes(sheet: Sheet) -> Iterator[str]:
    if sheet.unknown:
        names = ", ".join(f"{head.strip():.40}" or "(unnamed)" for head in sheet.unknown)
        yield f"not read: {names}; what is read is called {', '.join(COLUMNS)}"
    if "batch" not in sheet.heads and sheet.heads.keys() & {"throughput", "energy_mwh"}:
        yield "no column batch: a call may be of 1, 2, 3, … items, so less can be ruled out"


def _cell(at: At) -> str:
    return f"row {at[0]}, column {at[1]}"
