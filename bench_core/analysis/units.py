"""Numbers as people read them. Every function takes SI units and returns text."""

import math

MINUS = "\N{MINUS SIGN}"
_DURATIONS = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"))
_BYTES = ((1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB"))
_COUNTS = ((1.0, ""), (1e6, "M"), (1e9, "G"))


def duration(seconds: float) -> str:
    """Three digits, in the unit that fits.

    >>> [duration(s) for s in (0.0181, 371e-6, 9.996e-4, 2.3, 146.0, 4000.0)]
    ['18.1 ms', '371 µs', '1.00 ms', '2.30 s', '2 min 26 s', '1 h 07 min']
    """
    if seconds < 99.95:
        return _scaled(seconds, _DURATIONS)
    if seconds < 3599.5:
        minutes, rest_s = divmod(round(seconds), 60)
        return f"{minutes} min {rest_s:02} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min"


def size(n_bytes: float) -> str:
    """Three digits, in powers of 1000.

    >>> [size(n) for n in (0, 812, 90_942_657, 412_000_000, 2_370_000_000)]
    ['0 B', '812 B', '90.9 MB', '412 MB', '2.37 GB']
    """
    return f"{n_bytes:.0f} B" if n_bytes < 999.5 else _scaled(n_bytes, _BYTES)


def count(number: float) -> str:
    """A whole number to three digits, so that it claims no more than was measured.

    >>> [count(n) for n in (0, 0.2, 7, 1250, 12_345, 98_765_432)]
    ['0', '1', '7', '1,250', '12,300', '98.8 M']
    """
    whole = math.ceil(number)
    if whole < 999_500:
        return f"{float(f'{whole:.3g}'):,.0f}"
    return _scaled(whole, _COUNTS)


def times(ratio: float, low: float, high: float) -> str:
    """A speed-up to the digit that its interval leaves standing.

    >>> times(2.31, 2.19, 2.43), times(1.374, 1.342, 1.404), times(18.72, 17.2, 20.3)
    ('2.3× (2.2 to 2.4)', '1.37× (1.34 to 1.40)', '19× (17 to 20)')
    """
    half = (high - low) / 2
    digits = 2 if half <= 0 else min(2, max(0, math.ceil(-math.log10(half) - 0.1)))
    return f"{ratio:.{digits}f}× ({low:.{digits}f} to {high:.{digits}f})"


def points(share: float, *, sign: bool = False) -> str:
    """A change of a share, in percentage points.

    >>> points(-0.002), points(0.006), points(0.003, sign=True), points(-0.0001, sign=True)
    ('−0.2', '0.6', '+0.3', '0.0')
    """
    tenths = round(share * 1000)
    before = MINUS if tenths < 0 else "+" if sign and tenths > 0 else ""
    return f"{before}{abs(tenths) / 10:.1f}"


def percent(share: float) -> str:
    """Two digits below 10 %, three above.

    >>> percent(0.861), percent(0.0118), percent(0.006), percent(1.0)
    ('86.1 %', '1.2 %', '0.60 %', '100.0 %')
    """
    return f"{100 * share:.2f} %" if abs(share) < 0.00995 else f"{100 * share:.1f} %"


def visible(text: str) -> str:
    r"""Text that cannot move the cursor, change colour or hide: what is not printable, escaped.

    >>> visible("a\x1b[31mb\n\u202ec"), visible("naïve 模型")
    ('a\\x1b[31mb\\n\\u202ec', 'naïve 模型')
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _scaled(value: float, units: tuple[tuple[float, str], ...]) -> str:
    """Three digits of `value` in the first unit that needs no fourth before the point."""
    if not value:
        return f"0 {units[-1][1]}"
    rounded = [(float(f"{value / scale:.3g}"), unit) for scale, unit in units]
    digits, unit = next(((d, unit) for d, unit in rounded if d < 1000), rounded[-1])
    decimals = 2 if digits < 10 else 1 if digits < 100 else 0
    return f"{digits:.{decimals}f} {unit}"
