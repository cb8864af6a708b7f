"""Files of ours and of pytest-benchmark itself are read; what is neither is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench_core.analysis.compare.changes import changes
from bench_core.analysis.compare.conditions import differences, of_session
from bench_core.analysis.compare.saved import load_saved, saved
from bench_core.errors import UsageError
from invented import SESSION

REAL = Path("results/reference_default.json")
SUITE = """
def test_sum(benchmark):
    benchmark(sum, range(100))

def test_len(benchmark):
    benchmark.pedantic(len, ([],), rounds=5)

def test_broken(benchmark):
    benchmark(lambda: 1 / 0)
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    """Written by pytest-benchmark, without us."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "test_it.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "--benchmark-json=saved.json",
               "--benchmark-max-time=0.01", "-p", "no:bench_core.plugin"]  # fmt: skip
    subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60)
    return folder / "saved.json"


def test_a_file_of_pytest_benchmark_is_read_by_its_full_names(plain):
    run = load_saved(plain)
    written = json.loads(plain.read_text())
    assert not run.ours
    medians = {name: cell.median_s for name, cell in run.cells.items()}
    assert medians == {b["fullname"]: b["stats"]["median"] for b in written["benchmarks"]}
    assert set(medians) == {"test_it.py::test_sum", "test_it.py::test_len"}
    assert run.conditions["python_version"] == written["machine_info"]["python_version"]
    assert changes([run], run).exit_code == 0


def test_a_model_of_the_users_own_is_known_by_its_place():
    def give(data):
        data["bench"]["session"]["models"]["mlp"]["place"] = "mine:make"

    assert saved(edited(REAL, give), "f").places == {"mlp": "mine:make"}
    assert load_saved(REAL).places == {}


def edited(file: Path, change) -> bytes:
    data = json.loads(file.read_text())
    change(data)
    return json.dumps(data).encode()


def test_a_plain_benchmark_that_is_slower_is_flagged_and_one_that_is_gone_fails(plain):
    def slower(data):
        data["benchmarks"][0]["stats"]["median"] *= 1.2

    before = load_saved(plain)
    assert changes([before], saved(edited(plain, slower), "b")).exit_code == 3
    gone = edited(plain, lambda data: data["benchmarks"].pop())
    assert changes([before], saved(gone, "b")).exit_code == 4


def test_a_clock_that_jitters_is_no_other_machine(plain):
    def jitter(data):
        data["machine_info"]["cpu"].update(hz_actual=[1, 0], hz_actual_friendly="1 Hz")
        data["machine_info"]["node"] = "another-runner"

    before = load_saved(plain)
    assert saved(edited(plain, jitter), str(plain)) == before
    other = saved(edited(plain, lambda d: d["machine_info"].update(python_version="3.9")), "b")
    assert differences(before.conditions, other.conditions)[0].startswith("python_version: ")


def test_our_file_gives_what_is_compared():
    run = load_saved(REAL)
    assert run.ours
    assert run.revision == "3ace7498fa09aefe96386b30520952ff0e661f73"
    assert not run.dirty
    assert len(run.cells) == 60
    assert run.conditions["threads"] == "2"
    assert run.conditions["torch"].startswith("2.13")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"versions": {**SESSION["versions"], "torch": "2.14.0"}}, ["torch: 2.13.0 → 2.14.0"]),
        ({"threads": 4}, ["threads: 2 → 4"]),
        ({"environment": {"LD_PRELOAD": "libtcmalloc.so"}},
         ["LD_PRELOAD: not recorded → libtcmalloc.so"]),
        ({"machine": {"cpu": {"model": "AMD EPYC 9B14", "usable_cores": [0]}}},
         ["machine: AMD EPYC 9B14, 2 cores → AMD EPYC 9B14, 1 core"]),
        ({"machine": {**SESSION["machine"], "memory_bytes": 25_325_260_800}},
         ["memory: not recorded → 25.3 GB"]),
        ({"warnings": [], "git": None}, []),
    ],
)  # fmt: skip
def test_what_differs_between_two_sessions_is_said(change, said):
    assert differences(of_session(SESSION), of_session({**SESSION, **change})) == said


def test_a_few_pages_of_memory_are_no_other_machine():
    sessions = [{**SESSION, "machine": {**SESSION["machine"], "memory_bytes": 25_325_260_800 + n}}
                for n in (0, 8192)]  # fmt: skip
    assert differences(*map(of_session, sessions)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("benchmarks"), "found neither key"),
        (lambda d: d.update(benchmarks={}), "expected a list, found dict"),
        (lambda d: d["benchmarks"].append(d["benchmarks"][0]), "every benchmark once"),
        (lambda d: d["benchmarks"][0].pop("fullname"), r"benchmarks\[0\].fullname: expected str"),
        (lambda d: d["benchmarks"][0]["stats"].update(median=-1.0), "expected seconds per call"),
        (lambda d: d["benchmarks"][0]["stats"].update(median=float("nan")), "finite number"),
        (lambda d: d["benchmarks"][0]["stats"].update(median=1e300), "expected seconds per call"),
        (lambda d: d.update(machine_info=[1]), "expected an object as 'machine_info'"),
    ],
)  # fmt: skip
def test_a_plain_file_with_junk_in_it_is_refused(tmp_path, plain, change, said):
    (tmp_path / "b.json").write_bytes(edited(plain, change))
    with pytest.raises(UsageError, match=rf"b\.json: .*{said}"):
        load_saved(tmp_path / "b.json")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("artifact_bytes", -1, "expected artifact_bytes of 0 or more"),
        ("latency_s.median", -1e-3, "expected seconds per call"),
        ("speedup.low", 7.0, "a speed-up within its bounds"),
        ("speedup.confidence", 0.0, "a confidence of 0.5 to 1"),
        ("task.value", 1.5, "a share of at least one item"),
        ("task.items", 0, "a share of at least one item"),
    ],
)
def test_figures_that_cannot_be_are_refused(tmp_path, field, value, said):
    def change(data):
        *path, last = field.split(".")
        holder = next(c for c in data["bench"]["cells"] if c["speedup"] and c["task"])
        for name in path:
            holder = holder[name]
        holder[last] = value

    (tmp_path / "a.json").write_bytes(edited(REAL, change))
    with pytest.raises(UsageError, match=rf"a\.json: .*{said}"):
        load_saved(tmp_path / "a.json")


def test_a_key_given_twice_is_refused_and_not_the_last_taken():
    with pytest.raises(UsageError, match="the key 'median' twice in one object"):
        saved(b'{"benchmarks": [{"stats": {"median": 9.0, "median": 1.0}}]}', "a.json")


@pytest.mark.parametrize("revision", ["main; rm -rf /", "", 7, "0123\n", None])
def test_only_a_hash_is_taken_for_a_revision(plain, revision):
    data = edited(plain, lambda d: d.update(commit_info={"id": revision}))
    assert saved(data, "a.json").revision is None
