"""The verb: what is printed, and the exit code."""

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from bench_core.analysis.audit.files import audit

OURS = sorted(Path("results").glob("reference_*.json"))
"""The runs that are in git: others may lie there."""
TWO_SPEEDS = "digits_cnn|compile_default|length=8|batch=1|cpu|cpu|threads=2: speedup 1.56"
"""In that hour the machine ran at two speeds: the reference took 1.74 ms in one launch and 1.10 in
the other, the mode 1.13 and 0.70. Both launches have ratios of 1.5 to 1.6; medians of all samples,
of which the faster launch has more, have 1.75."""
SOUND = "name,batch,latency_ms,throughput\nfp32,8,20.0,400\nint8,8,10.0,800\n"
FALSE = "name,batch,latency_ms,throughput\nfp32,8,20.0,400\nint8,8,10.0,900\n"


def ended(*paths: Path) -> tuple[int, str]:
    file = io.StringIO()
    code = audit(paths, Console(file=file, width=80))
    return code, file.getvalue()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to stand in, and to write files in."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, content: str) -> Path:
        Path(name).write_text(content)
        return Path(name)

    return write


@pytest.mark.parametrize("path", OURS, ids=str)
def test_our_own_results_hold(path):
    _, said = ended(path)
    findings = [line for line in said.splitlines() if line.endswith("]")]
    assert [line for line in findings if TWO_SPEEDS not in line] == []
    assert re.search(r"\d{3,} checks of \d+ rows", said)


def test_there_are_results_of_our_own():
    assert OURS


def test_a_finding_is_a_line_that_says_where_what_and_why(place):
    code, said = ended(place("t.csv", FALSE))
    assert code == 1
    line, *rest = said.splitlines()
    assert line == (
        "t.csv: row 3 (int8): throughput 900, must be 796 to 804: batch 8 / latency_ms 10.0 "
        "[throughput]"
    )
    assert "not looked at, for lack of columns: energy (power_w, latency_ms," in rest[0]
    assert "12.25 to 12.35" in rest[1]
    assert rest[2].endswith("1 cannot be true")


def test_what_is_sound_is_0_and_says_how_much_was_looked_at(place):
    code, said = ended(place("t.csv", SOUND))
    assert code == 0
    assert "8 checks of 2 rows (possible, throughput): all of it may be true" in said


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("names.csv", "name,notes\nx,y"),
        ("none.csv", ""),
        ("torn.json", '{"bench": {'),
        ("other.json", '{"a": 1}'),
        ("empty.json", '{"benchmarks": []}'),
    ],
)
def test_nothing_to_audit_is_no_pass(place, name, content):
    code, said = ended(place(name, content))
    assert code == 2
    assert said.startswith(f"{name}: ")


def test_a_missing_file_is_named(place):
    code, said = ended(Path("none.csv"))
    assert code == 2 and "none.csv" in said


def test_of_several_files_each_is_audited_and_the_gravest_counts(place):
    sound, false = place("a.csv", SOUND), place("b.csv", FALSE)
    assert ended(sound, false)[0] == 1
    code, said = ended(Path("none.csv"), false, sound)
    assert code == 2
    assert "1 sound, 1 with what cannot be true, 1 not audited (exit 2)" in said
    assert "row 3 (int8)" in said


def test_names_are_escaped(place):
    text = 'name,batch,latency_ms,throughput\n"\x1b[2J[red]x\u202e",8,10,9999\n'
    code, said = ended(place("t.csv", text))
    assert code == 1
    assert "\x1b" not in said and "\u202e" not in said
    assert "[red]x" in said
    code, said = ended(Path("\x1b[2J.csv"))
    assert code == 2 and said.startswith("\\x1b[2J.csv: ")


def test_a_run_of_ours_that_was_edited_is_found(place):
    run = json.loads((Path(__file__).parents[3] / "results/reference_default.json").read_text())
    cell = next(c for c in run["bench"]["cells"] if c["speedup"] and "int8" in c["cell"])
    cell["speedup"] |= {"ratio": 9.0, "low": 8.8, "high": 9.2}
    code, said = ended(place("run.json", json.dumps(run)))
    assert code == 1
    assert f"run.json: {cell['cell']}: speedup 9 (8.8 to 9.2), must be" in said
