"""The verb `audit`: which files, what it shows, and the exit code."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bench_core.analysis.audit.reading import load_claims
from bench_core.analysis.audit.row import Claims, Finding, Rows
from bench_core.analysis.audit.rule import rules
from bench_core.analysis.units import visible
from bench_core.errors import UsageError

OK, FOUND, UNREADABLE = 0, 1, 2


@dataclass(frozen=True)
class Audit:
    """findings: each after its rule's name, in the order of the rows. looks: of each rule."""

    findings: tuple[tuple[str, Finding], ...]
    looks: dict[str, int]


def audit(paths: Sequence[Path], console: Console) -> int:
    """Print what cannot be true in these files, a line each. Returns the exit code."""
    codes = [_audit_file(path, console) for path in paths]
    code = max(codes, default=OK)
    if len(codes) > 1:
        counts = [codes.count(code) for code in (OK, FOUND, UNREADABLE)]
        said = "{} sound, {} with what cannot be true, {} not audited".format(*counts)
        console.print(f"{len(codes)} files: {said} (exit {code}).", soft_wrap=True, markup=False)
    return code


def look(rows: Rows) -> Audit:
    """Have every rule look at the rows."""
    at = {row.where: number for number, row in enumerate(rows)}
    found: list[tuple[str, Finding]] = []
    looks: dict[str, int] = {}
    for rule in rules().values():
        looked = list(rule.check(rows))
        looks[rule.name] = len(looked)
        found += [(rule.name, finding) for finding in looked if finding is not None]
    return Audit(tuple(sorted(found, key=lambda one: at[one[1].where])), looks)


def _audit_file(path: Path, console: Console) -> int:
    try:
        claims = load_claims(path)
    except UsageError as error:
        console.print(Text(visible(str(error)), style="red"), soft_wrap=True)
        return UNREADABLE
    found = look(claims.rows)
    for name, finding in found.findings:
        said = visible(f"{path}: {finding} [{name}]")
        console.print(Text(said, style="red"), soft_wrap=True)
    for line in _beside(claims, found):
        console.print(Text(visible(f"{path}: {line}"), style="dim"), soft_wrap=True)
    if not any(found.looks.values()):
        return UNREADABLE
    return FOUND if found.findings else OK


def _beside(claims: Claims, found: Audit) -> Iterator[str]:
    """What else its reader must know: what was not read or looked at, and how much was."""
    yield from claims.notes
    looks = sum(found.looks.values())
    if not looks:
        yield "nothing to audit: it has no two figures that a rule could hold together"
        return
    if claims.typed:
        lacking = [rule for rule in rules().values() if rule.columns and not found.looks[rule.name]]
        if lacking:
            said = "; ".join(f"{rule.name} ({', '.join(rule.columns)})" for rule in lacking)
            yield f"not looked at, for lack of columns: {said}"
        yield "a value is taken for what rounds to it: 12.3 for 12.25 to 12.35"
    by = ", ".join(name for name, count in found.looks.items() if count)
    outcome = f"{len(found.findings)} cannot be true" if found.findings else "all of it may be true"
    yield f"{looks} checks of {len(claims.rows)} rows ({by}): {outcome}"
