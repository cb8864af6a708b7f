"""The study's rows as Markdown."""

from bench_core.studies.white_paper import Row

HEAD = (
    "| weights | scales | what is done | SQNR, dB | accuracy | change, points |",
    "|---|---|---|---|---|---|",
)


def line(row: Row) -> str:
    case, sqnr, change = row.case, row.sqnr_db, row.change
    scales = "per channel" if case.per_channel else "per tensor"
    points = [100 * value for value in (change.value, change.low, change.high)]
    return (
        f"| {case.bits} bits | {scales} | {case.name} "
        f"| {sqnr.value:.1f} ({sqnr.low:.1f} to {sqnr.high:.1f}) | {row.accuracy:.1%} "
        f"| {points[0]:+.1f} ({points[1]:+.1f} to {points[2]:+.1f}) |"
    )
