"""What changed between saved runs: symmetric, indifferent to units and order, never silent."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench_core.analysis.compare.changes import Comparison, changes
from bench_core.analysis.compare.saved import SavedCell, SavedRun, load_saved
from bench_core.analysis.compare.spread import ABSOLUTE, RATIO
from bench_core.analysis.verdict import (
    BETTER,
    FAILED,
    GONE,
    NEW,
    SKIPPED,
    UNSURE,
    WITHIN,
    WORSE,
    Verdict,
)
from bench_core.cell import Cell
from bench_core.errors import Incomparable, UsageError
from invented import REFERENCE, speedup
from strategies import saved_runs

REAL = Path("results/reference_default.json")
OTHER = {"torch": "2.14.0"}

unhurried = settings(deadline=None)
"""The first comparison imports pandas."""


def run(
    *cells: SavedCell, file: str = "run.json", ours: bool = True, **conditions: str
) -> SavedRun:
    known = {"machine": "AMD EPYC, 2 cores", "torch": "2.13.0", **conditions}
    return SavedRun(file, ours, known, "0123456789ab", False, {cell.name: cell for cell in cells})


def cell(mode: str = "int8_dynamic", median_s: float | None = 1.0, **other: object) -> SavedCell:
    name = str(Cell("minilm", mode, 16, threads=other.pop("threads", 2)))
    return SavedCell(name, **{"status": "ok", "median_s": median_s, **other})


def of(comparison: Comparison, metric: str = "latency") -> dict[str, Verdict]:
    return {j.verdict.cell: j.verdict for j in comparison.judged if j.verdict.metric == metric}


def only(comparison: Comparison, metric: str = "latency") -> Verdict:
    (verdict,) = of(comparison, metric).values()
    return verdict


def kinds(comparison: Comparison) -> Counter:
    return Counter((j.verdict.cell, j.verdict.metric, j.verdict.kind) for j in comparison.judged)


@unhurried
@given(saved_runs(), saved_runs())
def test_swapping_two_runs_mirrors_every_verdict_that_rests_on_numbers(one, other):
    there, back = changes([one], other), changes([other], one)
    mirrored = {BETTER: {UNSURE, WORSE}, UNSURE: {BETTER}, WORSE: {BETTER}, WITHIN: {WITHIN}}
    returned = {(j.verdict.cell, j.verdict.metric): j for j in back.judged}
    for judged in there.judged:
        verdict = judged.verdict
        if verdict.change is not None:
            again = returned[verdict.cell, verdict.metric]
            assert again.verdict.kind in mirrored[verdict.kind]
            assert (again.before, again.after) == pytest.approx((judged.after, judged.before))
    gone, new = ({j.verdict.cell for j in c.judged if j.verdict.kind == k}
                 for c, k in ((there, GONE), (back, NEW)))  # fmt: skip
    assert gone <= new


@unhurried
@given(saved_runs(), st.booleans())
def test_a_run_is_never_flagged_against_itself(same, elsewhere):
    after = replace(same, conditions={**same.conditions, **OTHER}) if elsewhere else same
    try:
        comparison = changes([same], after)
    except Incomparable:
        assume(False)
    measured = [j.verdict for j in comparison.judged if j.verdict.change is not None]
    assert {verdict.kind for verdict in measured} <= {WITHIN}
    assert comparison.exit_code in (0, 3)


@unhurried
@given(saved_runs(), saved_runs(), st.sampled_from([2.0**-20, 0.25, 2.0, 1024.0]))
def test_a_change_of_unit_changes_nothing(one, other, factor):
    def scaled(saved: SavedRun) -> SavedRun:
        cells = {
            name: replace(c, median_s=c.median_s and c.median_s * factor)
            for name, c in saved.cells.items()
        }
        return replace(saved, cells=cells)

    assert kinds(changes([scaled(one)], scaled(other))) == kinds(changes([one], other))


@unhurried
@given(st.lists(saved_runs(), min_size=2, max_size=5, unique_by=str), st.randoms())
def test_the_order_of_cells_is_irrelevant(runs, rng: random.Random):
    def shuffled(saved: SavedRun) -> SavedRun:
        return replace(saved, cells=dict(rng.sample(list(saved.cells.items()), len(saved.cells))))

    *older, newest = runs
    assert kinds(changes([*map(shuffled, older)], shuffled(newest))) == kinds(
        changes(older, newest)
    )


@unhurried
@given(saved_runs(), st.data())
def test_a_renamed_cell_is_gone_and_new_and_exits_4(before, data):
    ok = [name for name, c in before.cells.items() if c.ok]
    assume(ok)
    old = data.draw(st.sampled_from(ok))
    new = old.replace("minilm", "maxilm")
    cells = {new if name == old else name: c for name, c in before.cells.items()}
    comparison = changes([before], replace(before, cells=cells))
    assert of(comparison, "status")[old].kind == GONE
    assert of(comparison, "status")[new].kind == NEW
    assert comparison.exit_code == 4


@unhurried
@given(st.lists(saved_runs(), min_size=2, max_size=4, unique_by=str))
def test_every_cell_that_was_ok_is_accounted_for(runs):
    comparison = changes(runs[:-1], runs[-1])
    newest = {name: c for saved in runs[:-1] for name, c in saved.cells.items()}
    for name in (name for name, c in newest.items() if c.ok):
        now = runs[-1].cells.get(name)
        if now is None or not now.ok:
            assert of(comparison, "status")[name].kind in (GONE, FAILED)
            assert comparison.exit_code == 4
        else:
            assert name in of(comparison)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [("ok", "crashed", FAILED), ("ok", "skipped", FAILED), ("crashed", "timeout", SKIPPED),
     ("crashed", "ok", NEW), ("crashed", None, SKIPPED), (None, "crashed", NEW)],
)  # fmt: skip
def test_a_status_is_judged_by_what_it_was(before, after, kind):
    sides = [
        run(cell("bf16"), *([cell(status=status)] if status else [])) for status in (before, after)
    ]
    assert only(changes([sides[0]], sides[1]), "status").kind == kind


def test_the_newest_file_that_holds_a_cell_says_what_it_was():
    first, second = run(cell(), cell("bf16")), run(cell(status="crashed"), cell("bf16"))
    assert changes([first, second], replace(second, file="c")).exit_code == 0
    assert changes([second, first], replace(second, file="c")).exit_code == 4
    assert changes([first, run(cell("bf16"))], run(cell("bf16", 1.01))).exit_code == 4


@pytest.mark.parametrize(
    ("after_s", "kind", "code"),
    [(1.139, WITHIN, 0), (1.141, UNSURE, 3), (1 / 1.139, WITHIN, 0), (1 / 1.141, BETTER, 0)],
)
def test_one_file_flags_from_14_percent_and_never_exits_1(after_s, kind, code):
    comparison = changes([run(cell())], run(cell(median_s=after_s)))
    assert comparison.basis == ABSOLUTE
    assert only(comparison).kind == kind
    assert only(comparison).change.value == pytest.approx(after_s)
    assert comparison.exit_code == code


def test_five_quiet_sessions_see_what_one_does_not():
    stored = [run(cell(median_s=1 + 0.001 * n), file=str(n)) for n in range(5)]
    new = run(cell(median_s=1.05))
    assert only(changes(stored[:1], new)).kind == WITHIN
    assert only(changes(stored, new)).kind == UNSURE
    assert only(changes(stored, new)).launches == 5


def test_on_other_versions_ratios_are_compared_and_threads_ignored():
    before = run(cell(REFERENCE, speedup=speedup(1, 1.0)), cell(speedup=speedup(2, 1.0)))
    for ratio, kind, code in ((1.99, WITHIN, 0), (1.5, UNSURE, 3), (2.7, BETTER, 0)):
        after = run(
            cell(REFERENCE, 9.0, threads=8, speedup=speedup(1, 9.0)),
            cell(median_s=9.0, threads=8, speedup=speedup(ratio, 9.0)),
            **OTHER,
        )
        comparison = changes([before], after)
        assert comparison.basis == RATIO
        assert comparison.differences == ("torch: 2.13.0 → 2.14.0",)
        assert of(comparison)["minilm|int8_dynamic|length=16|batch=1|cpu|cpu"].kind == kind
        assert of(comparison)[f"minilm|{REFERENCE}|length=16|batch=1|cpu|cpu"].kind == SKIPPED
        assert comparison.exit_code == code


def test_a_wide_interval_widens_the_limit_of_its_ratio():
    before, after = (run(cell(speedup=speedup(2, 1.0, half)), **torch)
                     for half, torch in ((0.05, {}), (0.05, OTHER)))  # fmt: skip
    assert only(changes([before], after)).limit > 0.11


def test_a_cell_without_a_time_is_unsure():
    for before, after in ((1.0, None), (None, 1.0), (None, None)):
        comparison = changes([run(cell(median_s=before))], run(cell(median_s=after)))
        assert only(comparison).kind == UNSURE
        assert comparison.exit_code == 3


@pytest.mark.parametrize(
    ("before", "after", "kind", "code"),
    [(1000, 1010, WITHIN, 0), (1000, 1011, WORSE, 3), (1000, 900, BETTER, 0), (0, 1, WORSE, 3),
     (1000, None, UNSURE, 3)],
)  # fmt: skip
def test_a_larger_artefact_is_worse_and_exits_3(before, after, kind, code):
    comparison = changes([run(cell(artifact_bytes=before))], run(cell(artifact_bytes=after)))
    assert only(comparison, "artifact_bytes").kind == kind
    assert comparison.exit_code == code


def test_gone_comes_before_worse():
    before = run(cell(artifact_bytes=1), cell("bf16"))
    assert changes([before], run(cell(artifact_bytes=2))).exit_code == 4


def test_nothing_in_common_is_not_a_pass():
    assert changes([run()], run()).exit_code == 3
    assert changes([run(cell(status="crashed"))], run(cell(status="crashed"))).exit_code == 3


@pytest.mark.parametrize(
    ("baselines", "candidate", "error", "said"),
    [
        ([], run(), UsageError, "found none; give a second file"),
        ([run(cell())] * 2, run(cell()), UsageError, "the same in run.json and run.json"),
        ([run(ours=False)], run(), Incomparable, "compare two of a kind"),
        ([run(cell(), ours=False)], run(cell(), ours=False, **OTHER), Incomparable, "torch: 2.13"),
        ([run(cell())], run(cell(), **OTHER), Incomparable, "ratio to the same reference"),
        ([run(cell())], run(cell(), machine=""), Incomparable, "machine: AMD EPYC, 2 cores → "),
        (
            [run(cell(threads=1), cell(threads=2))], run(cell(), **OTHER), Incomparable,
            "matched without their threads",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(baselines, candidate, error, said):
    with pytest.raises(error, match=said):
        changes(baselines, candidate)


def test_ratios_to_another_reference_are_not_compared():
    duel = replace(speedup(2, 1.0), reference="eager_eval")
    with pytest.raises(Incomparable):
        changes([run(cell(speedup=duel))], run(cell(speedup=speedup(2, 1.0)), **OTHER))


def test_a_machine_that_no_file_names_is_not_the_same_machine():
    unknown = replace(run(cell()), conditions={})
    with pytest.raises(Incomparable, match="machine: not recorded → not recorded"):
        changes([unknown], unknown)


def test_a_dirty_revision_is_not_handed_on():
    assert changes([run(cell())], run(cell())).revision == "0123456789ab"
    assert changes([replace(run(cell()), dirty=True)], run(cell())).revision is None


def test_the_run_in_the_repository_is_within_itself():
    real = load_saved(REAL)
    comparison = changes([real], real)
    assert comparison.exit_code == 0
    assert len(of(comparison)) == sum(c.ok for c in real.cells.values()) > 50
    assert comparison.to_json()["exit_code"] == 0
