"""What kind of file it is, and what it claims."""

import codecs
from dataclasses import replace
from pathlib import Path

from bench_core.analysis.audit.row import Claims
from bench_core.analysis.audit.run import read_run
from bench_core.analysis.audit.table import read_table
from bench_core.analysis.load import content, named, parse
from bench_core.errors import UsageError

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
ANSI = "cp1252"
"""What spreadsheets on Windows write that do not write UTF-8."""


def load_claims(path: Path) -> Claims:
    """Read a saved run, or a typed table.

    Raises: UsageError, naming the file, if it is missing or neither.
    """
    with named(path):
        return claims(content(path), is_json=path.suffix.lower() == ".json")


def claims(octets: bytes, *, is_json: bool = False) -> Claims:
    """What a file of these bytes claims; what begins as JSON does is JSON too.

    Raises: UsageError or ValueError if it is neither a run nor a table.
    """
    if is_json or octets.lstrip()[:1] in (b"{", b"["):
        return read_run(parse(octets))
    text, encoding = _text(octets)
    if "\0" in text:
        raise UsageError("expected a table, found NUL characters; save it as CSV in UTF-8")
    found = read_table(text)
    if encoding != ANSI:
        return found
    return replace(found, notes=(*found.notes, "read as Windows-1252: it is not in UTF-8"))


def _text(octets: bytes) -> tuple[str, str]:
    """And its encoding."""
    guesses = ("utf-16",) if octets.startswith(UTF_16) else ("utf-8-sig", ANSI)
    for encoding in guesses:
        try:
            return octets.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise UsageError(f"expected text in {' or '.join(guesses)}, found other bytes; save it as such")
