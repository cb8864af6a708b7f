"""A number as somebody typed it: which digits it has, and so how far it was rounded."""

import re
from dataclasses import dataclass

MARKS = {".": ",", ",": "."}
"""Each decimal mark, and what groups thousands beside it; an apostrophe or a space does too."""
LARGEST = 1e30
"""Beyond it nothing is a measured value, and products of three stay finite."""
LONGEST = 60
"""Characters."""

_NUMBER = re.compile(r"([+-]?)([\d.,']*)(?:e([+-]?\d{1,2}))?\s*(%?)", re.ASCII)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}\s*%?", re.ASCII)
"""Where the mark may be a decimal's or a thousand's."""
_SPACES = re.compile(r"(?<=\d)[\s_’'](?=\d{3}(?!\d))", re.ASCII)


@dataclass(frozen=True)
class Typed:
    """value ± half: half a unit of its last digit."""

    value: float
    half: float
    percent: bool


def cleaned(text: str) -> str:
    """Without what only its look depends on: kinds of spaces, apostrophes and minus signs."""
    plain = re.sub(r"[\u00a0\u2007\u2009\u202f]", " ", text).strip().lower()
    return _SPACES.sub("'", plain.replace("\N{MINUS SIGN}", "-"))


def mark_of(text: str) -> str | None:
    """The decimal mark that a cleaned text must have, if it tells.

    >>> [mark_of(text) for text in ("1,5", "1,234.5", "1.234.567", "1,234", "12")]
    [',', '.', ',', None, None]
    """
    found = [c for c in text if c in MARKS]
    if not found or _EITHER.fullmatch(text):
        return None
    if len(found) > 1 and found[0] == found[-1]:
        return MARKS[found[0]]
    return found[-1]


def typed(text: str, mark: str | None) -> Typed:
    """Read a cleaned text. mark: the decimal mark that the rest of the file has, if it tells.

    >>> typed("12.3", None), typed("1.200,5 %", ",")
    (Typed(value=12.3, half=0.05, percent=False), Typed(value=1200.5, half=0.05, percent=True))

    Raises: ValueError if it is no number, or may be two.
    """
    if mark is None and "," in text and _EITHER.fullmatch(text):
        raise ValueError(
            f"expected a number, found {text!r}, whose comma may be before decimals or thousands; "
            "write it without"
        )
    mark = mark or "."
    match = _NUMBER.fullmatch(text) if len(text) <= LONGEST else None
    sign, digits, exponent, percent = match.groups() if match else ("", "", "", "")
    whole, _, decimals = digits.partition(mark)
    ungrouped, power = re.sub("[^0-9]", "", whole), int(exponent or 0)
    if not (_grouped(whole, MARKS[mark]) and re.fullmatch("[0-9]+", ungrouped + decimals)):
        raise ValueError(f"expected a number, found {text!r:.40}")
    value = float(f"{sign}{ungrouped or 0}.{decimals or 0}e{power}")
    if abs(value) > LARGEST:
        raise ValueError(f"expected a measured value, found {text!r:.40}")
    return Typed(value, 0.5 * 10.0 ** (power - len(decimals)), bool(percent))


def _grouped(whole: str, mark: str) -> bool:
    """Whether it is digits, or digits in threes with `mark` or an apostrophe between."""
    threes = rf"[0-9]{{1,3}}(?:['{re.escape(mark)}][0-9]{{3}})+"
    return bool(re.fullmatch(rf"[0-9]*|{threes}", whole))
