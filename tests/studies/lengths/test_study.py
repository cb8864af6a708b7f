"""The flow of a study, with duels that take exactly what they are told to."""

from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import pytest
from rich.console import Console

from bench_core.analysis.lengths.flip import CONFIRMED, Meeting
from bench_core.analysis.lengths.result import CompilePass
from bench_core.analysis.load import parse
from bench_core.duel.stopping import Rule
from bench_core.errors import BenchError, WorkerCrashed
from bench_core.models.mlp import MLP
from bench_core.studies.lengths import command, recompiles, study
from bench_core.studies.lengths.plan import Plan
from bench_core.sweep.profiles import Request, cells
from bench_core.sweep.trial import Trial
from invented_lengths import FLIPPING, REFERENCE, ratio, record

LENGTHS = (16, 64, 128, 256)
AS = {
    REFERENCE: FLIPPING[REFERENCE],
    "torchscript_freeze": FLIPPING["starts_cheap"],
    "compile_default": FLIPPING["runs_cheap"],
}


@dataclass
class FakeArena:
    """Knows spreads, and starts nothing."""

    floors: dict = field(default_factory=dict)
    threads: int = 1
    cores: tuple = (0,)
    memory_bytes: int | None = None


class Silent:
    def stage(self, *_): ...
    def step(self, *_): ...


def latency_s(cell):
    return AS[cell.mode](cell.length)


@pytest.fixture
def log(monkeypatch):
    """What is asked for, in order; ratios are those of FLIPPING's curves."""
    asked = []

    def try_cell(_arena, cell, _rule, _facts):
        asked.append(f"{cell.mode} {cell.length}")
        reference_s = AS[REFERENCE](cell.length)
        found = ratio(reference_s / latency_s(cell), 0.02, reference_s)
        return Trial(record(cell.mode, cell.length, found), "a duel")

    def meet(_arena, first, second, _rule):
        asked.append(f"{first.mode} against {second.mode} {first.length}")
        return first, second

    def meet_padded(_arena, exact, padded, _rule):
        asked.append(f"{exact.mode} {exact.length} to {padded}")
        return replace(exact, length=padded), exact

    def compile_pass(name, *_):
        asked.append(name)
        return CompilePass(name)

    monkeypatch.setattr(study, "try_cell", try_cell)
    monkeypatch.setattr(study, "meet", meet)
    monkeypatch.setattr(study, "meet_padded", meet_padded)
    monkeypatch.setattr(
        study, "speedup", lambda duel, _: ratio(latency_s(duel[0]) / latency_s(duel[1]))
    )
    monkeypatch.setattr(study.recompiles, "compile_pass", compile_pass)
    monkeypatch.setattr(study.control, "launches", lambda *_: [0.01, -0.01])
    return asked


def planned(modes=("torchscript_freeze", "compile_default"), bucket=None):
    request = Request(models=("mlp",), modes=modes, lengths=LENGTHS, threads=1)
    return Plan(request, MLP, REFERENCE, LENGTHS, tuple(cells(request)), Rule(1.0), bucket)


def begun(plan):
    arena, kept = FakeArena(), []
    one = study.Study(plan, arena, Silent(), command._nothing_yet(plan, arena), kept.append)
    return one, kept


def test_modes_then_flips_then_padding_then_recompiles(log):
    one, kept = begun(planned(bucket=128))
    one.run()
    timed, flips, padded, compiled = log[:8], log[8:11], log[11:17], log[17:]
    assert timed == [f"{mode} {n}" for n in LENGTHS for mode in planned().request.modes]
    # The second is asked for first: above 1 is then for the first of the flip.
    assert flips == [f"compile_default against torchscript_freeze {n}" for n in (64, 100, 128)]
    assert padded == [f"{mode} {n} to 128" for n in (16, 64) for mode in AS]
    assert compiled == list(recompiles.ASKED)
    (flip,) = one.result.flips
    assert flip.verdict == CONFIRMED and flip.bracket == (64, 128)
    assert [meeting.length for meeting in flip.meetings] == [64, 100, 128]
    assert flip.meetings[0] == Meeting(64, ratio((4e-3 + 64 * 30e-6) / (1e-3 + 64 * 60e-6)))
    costs = {(p.mode, p.length): p.cost and p.cost.ratio for p in one.result.padding}
    assert costs[REFERENCE, 16] == pytest.approx((5e-3 + 128 * 50e-6) / (5e-3 + 16 * 50e-6))
    assert [costs[mode, 256] for mode in AS] == [None] * 3
    assert sum(named is not None for named in kept) == 8 + 3 + 6
    assert len({named[0] for named in kept if named}) == 8 + 3 + 6


def test_without_a_compiled_mode_nothing_is_compiled(log):
    one, _ = begun(planned(modes=("torchscript_freeze",)))
    one.run()
    assert one.result.compile_passes == () and not set(log) & set(recompiles.ASKED)


def test_a_duel_that_fails_is_a_reason_and_the_rest_goes_on(log, monkeypatch):
    def crash(_arena, exact, *_):
        raise WorkerCrashed("the process exited with 3")

    monkeypatch.setattr(study, "meet", crash)
    monkeypatch.setattr(study, "meet_padded", crash)
    one, _ = begun(planned(bucket=128))
    one.run()
    (flip,) = one.result.flips
    assert flip.meetings == () and flip.reason == "at 128: the process exited with 3"
    assert {p.reason for p in one.result.padding if p.length < 128} == {"the process exited with 3"}
    assert len(one.result.compile_passes) == 2


def test_a_reference_that_cannot_meet_itself_leaves_the_spread_that_is_assumed(log, monkeypatch):
    def fails(*_):
        raise BenchError("no")

    monkeypatch.setattr(study.control, "launches", fails)
    one, _ = begun(planned())
    one.run()
    assert "aa" not in one.result.session and len(one.result.records) == 8


def test_what_is_done_when_it_is_stopped_stands(log, monkeypatch, tmp_path, capsys):
    """The whole command but its processes: saved after each step, drawn, 130."""

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "meet", stop)
    monkeypatch.setattr(command, "plan", lambda *_: planned())
    monkeypatch.setattr(command, "machine_lock", lambda _: nullcontext())
    monkeypatch.setattr(command.Journal, "write_raw", lambda *_: None)
    monkeypatch.setattr(command.results, "write_raw", lambda *_: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    code = command.lengths("mlp", Request(), 1.0, None, Console())
    said = capsys.readouterr().out
    assert code == 130 and "stopped by SIGINT" in said
    assert "torchscript_freeze beats compile_default below 100 rows by the fits" in said
    (path,) = (tmp_path / "results").glob("lengths_*.json")
    found = parse(path.read_bytes())["lengths"]
    assert found["interrupted"] == "SIGINT" and len(found["records"]) == 8
    assert found["flips"][0]["meetings"] == []


def test_it_ends_with_1_where_no_mode_has_a_curve(log, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(
        study,
        "try_cell",
        lambda _arena, cell, *_: Trial(
            record(cell.mode, cell.length, None, status="unsupported", reason="no ears")
        ),
    )
    monkeypatch.setattr(command, "plan", lambda *_: planned(("torchscript_freeze",)))
    monkeypatch.setattr(command, "machine_lock", lambda _: nullcontext())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert command.lengths("mlp", Request(), 1.0, None, Console()) == 1
    said = capsys.readouterr().out
    assert "unsupported" in said and "no ears" in said and ".svg" not in said
