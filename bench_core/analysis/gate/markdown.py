r"""A finished gate as Markdown: a comment on a pull request, or a job's summary.

Whatever others have named stands in a code span, since GitHub looks for no mention, link, issue
or HTML in one. Two characters could end it, a backtick, or in a table a pipe: they are escaped
as control characters are (`\x60`, `\x7c`), which every parser of Markdown reads alike.
"""

from collections.abc import Iterable, Iterator, Sequence

from bench_core.analysis.gate import outcome as of_all
from bench_core.analysis.gate import words
from bench_core.analysis.gate.result import GateResult
from bench_core.analysis.session import facts
from bench_core.analysis.units import visible
from bench_core.analysis.verdict import WITHIN, Verdict

MOST_BYTES = 64_000
"""GitHub refuses a comment of more than 65,536 characters."""
_TABLE_BYTES = 3 * MOST_BYTES // 10
"""Of each of the two; the rest, at its longest, needs the other four tenths."""
_LONGEST = 200
"""Characters of one name or reason."""
_MOST_LINES = 12
_HEADER = (
    "| verdict | cell | metric | change (99 %) | limit | launches | |",
    "|---|---|---|---:|---:|---:|---|",
)


def render(result: GateResult) -> str:
    """The outcome, a table of what is not simply within its limit, and the rest folded away."""
    ordered = words.in_order(result.verdicts)
    notable = [verdict for verdict in ordered if words.kind(verdict) != WITHIN]
    inside = [verdict for verdict in ordered if words.kind(verdict) == WITHIN]
    lines = [f"**Gate: {of_all.head(result)}.** {of_all.outcome(result, code)}", ""]
    if notable:
        lines += [*_table(notable), ""]
    lines += [*_listed(of_all.caveats(result, code)), ""]
    if inside:
        summary = f"{len(inside):,} within their limits"
        lines += _folded(summary, [words.within(inside), "", *_table(inside)])
    lines += _folded("Conditions", _listed(_conditions(result)))
    return "\n".join(lines)


def code(text: str) -> str:
    """`text` as a code span of one line that nothing in it can end."""
    shown = visible(text).replace("`", r"\x60")
    if len(shown) > _LONGEST:
        shown = f"{shown[: _LONGEST // 2]}…{shown[-_LONGEST // 2 :]}"
    return f"`{shown}`" if shown else words.ABSENT


def _code_in_table(text: str) -> str:
    return code(text).replace("|", r"\x7c")


def _table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """As many rows as there is room for, and how many there was none for."""
    yield from _HEADER
    room = _TABLE_BYTES
    for done, verdict in enumerate(verdicts):
        row = _row(verdict)
        room -= len(row.encode()) + 1
        if room < 0:
            left = len(verdicts) - done
            yield f"\n{left:,} more were left out for want of room: the JSON file has them all."
            return
        yield row


def _row(verdict: Verdict) -> str:
    cells = (
        words.kind(verdict),
        _code_in_table(words.place(verdict.cell)),
        words.metric(verdict),
        words.change(verdict),
        words.limit(verdict),
        str(verdict.launches or words.ABSENT),
        words.note(verdict, _code_in_table),
    )
    return f"| {' | '.join(cells)} |"


def _conditions(result: GateResult) -> Iterator[str]:
    yield from of_all.conditions(result, code)
    yield of_all.sentinels(result, code)
    yield from map(code, facts(result.session).warnings)


def _listed(lines: Iterable[str]) -> list[str]:
    every = list(lines)
    items = [f"- {line}" for line in every[:_MOST_LINES]]
    if len(every) > _MOST_LINES:
        items.append(f"- and {len(every) - _MOST_LINES:,} more, in the JSON file")
    return items


def _folded(summary: str, lines: Iterable[str]) -> list[str]:
    # Between the tags only what stands between empty lines is read as Markdown.
    return ["<details>", f"<summary>{summary}</summary>", "", *lines, "", "</details>", ""]
