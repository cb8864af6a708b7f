"""Which files are compared, and with what exit code."""

import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from bench_core.analysis.compare.files import compare
from bench_core.errors import Incomparable, UsageError

REAL = Path("results/reference_default.json").resolve()


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """An empty folder results/, in the folder we stand in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def saved(path: Path, slower: float = 1.0, age_s: int = 0) -> Path:
    content = json.loads(REAL.read_text())
    for cell in content["bench"]["cells"]:
        if cell["latency_s"]:
            cell["latency_s"]["median"] *= slower
    path.write_text(json.dumps(content))
    os.utime(path, (1e9 - age_s, 1e9 - age_s))
    return path


def ended(paths: list[Path], baselines: list[Path]) -> tuple[int, str]:
    file = io.StringIO()
    return compare(paths, baselines, Console(file=file)), file.getvalue()


def test_the_run_in_the_repository_against_itself_is_0():
    code, text = ended([REAL, REAL], [])
    assert code == 0
    assert "Nothing flagged" in text


def test_the_last_of_several_is_the_candidate(results):
    a, b, c = (saved(results / f"{n}.json", s) for n, s in (("a", 1.0), ("b", 1.01), ("c", 1.3)))
    assert ended([a, b, c], [])[0] == 3
    assert ended([b, c, a], [])[0] == 0
    assert f"{a}, {b} → {c}" in ended([a, b, c], [])[1]


def test_with_a_baseline_the_one_file_is_the_candidate(results):
    a, b = saved(results / "a.json"), saved(results / "b.json", 1.3)
    assert ended([b], [a])[0] == 3
    assert ended([a], [b])[0] == 0


def test_with_a_baseline_alone_the_newest_other_run_is_the_candidate(results):
    base = saved(results / "base.json")
    saved(results / "old.json", age_s=90)
    saved(results / "new.json", 1.3, age_s=30)
    (results / "gate_1.json").write_text("{}")
    code, text = ended([], [Path("results/base.json")])
    assert code == 3
    assert "new.json" in text
    (results / "new.json").write_text("")
    with pytest.raises(UsageError, match=r"new\.json: .*an empty file"):
        ended([], [base])


def test_a_baseline_is_not_compared_with_itself(results):
    with pytest.raises(UsageError, match="expected a run in results/ beside the baseline"):
        ended([], [saved(results / "base.json")])


@pytest.mark.parametrize(
    ("paths", "baselines", "said"),
    [
        ([], [], "expected two saved runs or more, oldest first, found 0"),
        ([REAL], [], "expected two saved runs or more, oldest first, found 1"),
        ([REAL, REAL], [REAL], "expected one run to judge against --baseline, found 2"),
        ([REAL, Path("none.json")], [], r"none\.json: expected a saved run, found: No such file"),
        ([REAL.parent, REAL], [], "expected a saved run, found: Is a directory"),
    ],
)
def test_too_few_too_many_and_missing_files_are_refused(paths, baselines, said):
    with pytest.raises(UsageError, match=said):
        ended(paths, baselines)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_torn_file_is_refused(tmp_path, share):
    text = REAL.read_bytes()
    (tmp_path / "torn.json").write_bytes(text[: int(share * len(text))])
    for paths in ([REAL, tmp_path / "torn.json"], [tmp_path / "torn.json", REAL]):
        with pytest.raises(UsageError, match=r"torn\.json: expected"):
            ended(paths, [])


def test_ours_and_a_plain_file_are_not_mixed(tmp_path):
    plain = {k: v for k, v in json.loads(REAL.read_text()).items() if k != "bench"}
    (tmp_path / "plain.json").write_text(json.dumps(plain))
    with pytest.raises(Incomparable, match="compare two of a kind"):
        ended([REAL, tmp_path / "plain.json"], [])
