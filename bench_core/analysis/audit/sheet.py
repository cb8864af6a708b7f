"""CSV in whichever of its dialects, as cells that know their row and column.

By the csv module: pandas renames a column that is there twice, takes the first one for an index
where rows are longer than the header, and skips blank lines, so that no error can name a cell.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench_core.errors import UsageError

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Sheet:
    """heads: by column that is known, as it is typed. unknown: the others.

    lines: the cells that are not empty, by column, under their row's number as a spreadsheet
        counts, from 1 with the header.
    """

    heads: dict[str, str]
    unknown: tuple[str, ...]
    lines: dict[int, dict[str, str]]


def read_sheet(text: str, known: Sequence[str], empty: Sequence[str]) -> Sheet:
    """The columns whose name is among `known`; what is among `empty` is no cell.

    Raises: UsageError for what is no table with such columns, and for a row that is torn.
    """
    lines = _lines(text, known)
    if not lines:
        raise UsageError("expected a table, found an empty file")
    (_, heads), *rest = lines
    names = [name_of(head) for head in heads]
    for name in set(names) & set(known):
        if names.count(name) > 1:
            raise UsageError(f"expected every column once, found {name} twice")
    columns = dict(zip(names, heads, strict=True))
    return Sheet(
        {name: head for name, head in columns.items() if name in known},
        tuple(head for name, head in zip(names, heads, strict=True) if name not in known),
        {number: _by_column(number, line, names, known, empty) for number, line in rest},
    )


def name_of(head: str) -> str:
    """What a column's head comes to.

    >>> name_of(" Latency (ms)"), name_of("F1 [%]")
    ('latency_ms', 'f1')
    """
    return re.sub(r"[\W_]+", "_", head.lower()).strip("_")


def _lines(text: str, known: Sequence[str]) -> list[tuple[int, list[str]]]:
    """The delimiter is the one that makes most sense of the header."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    sense = {d: sum(name_of(head) in known for head in header.split(d)) for d in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda d: sense[d])
    if not sense[delimiter]:
        raise UsageError(
            f"expected a table with some of the columns {', '.join(known)} in its first line, "
            f"found {header!r:.80}"
        )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [(number, line) for number, line in enumerate(reader, 1) if "".join(line).strip()]
    except csv.Error as error:
        raise UsageError(f"expected CSV, found in line {reader.line_num}: {error}") from None


def _by_column(
    number: int, line: list[str], names: list[str], known: Sequence[str], empty: Sequence[str]
) -> dict[str, str]:
    while len(line) > len(names) and not line[-1].strip():
        line = line[:-1]
    if len(line) != len(names):
        raise UsageError(
            f"row {number}: expected {len(names)} cells, as in the header, found {len(line)}"
        )
    cells = {name: cell.strip() for name, cell in zip(names, line, strict=True) if name in known}
    return {name: cell for name, cell in cells.items() if cell.lower() not in empty}
