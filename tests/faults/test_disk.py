"""Disks that are full or read-only, limits on files, and a folder that goes away: all for real."""

import resource
import shutil

import pytest

from bench_core.sweep.results import drop_parts

CELLS = ["run", "--models", "mlp", "--lengths", "1", "--profile", "smoke"]
CELLS += ["--modes", "eager_inference_mode,eager_eval"]
TIMED = [*CELLS, "--budget-s", "0.2"]
UNTIMED = [*CELLS, "--budget-s", "0"]


def in_mounts(place, prefix, *lines):
    """Run these lines of shell where `prefix` gives us mounts of our own."""
    script = "\n".join(["set -u", f'bench() {{ {place.command} "$@"; echo "rc=$?"; }}', *lines])
    done = place.run([*prefix, "sh", "-c", script])
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    place.leaves_nothing()
    return done.stdout


def call(arguments):
    return "bench " + " ".join(arguments)


def test_a_full_disk_stops_the_sweep_and_what_was_kept_is_gone_on_with(place, in_own_mounts):
    """Room for the journal's first line, not for its samples."""
    said = in_mounts(
        place, in_own_mounts,
        "mkdir results && mount -t tmpfs -o size=400k none results",
        "dd if=/dev/zero of=results/filler bs=1k count=384 2>/dev/null",
        call(TIMED),
        "grep -c '\"kind\": \"cell\"' results/.journal/journal.jsonl",
        "rm results/filler",
        call([*TIMED, "--resume"]),
        "ls results results/.journal",
    )  # fmt: skip
    first, again = said.split("rc=1\n")
    assert "results/.journal/" in first and "No space left on device; make room there" in first
    assert again.startswith("1\n")
    assert "rc=0" in again and "[2/2]" in again and ".raw.npz" in again
    assert "filler" not in again and "journal.jsonl" not in again


def test_a_disk_that_is_full_at_once_is_refused(place, in_own_mounts):
    said = in_mounts(
        place, in_own_mounts,
        "mkdir results && mount -t tmpfs -o size=64k none results",
        "dd if=/dev/zero of=results/filler bs=1k 2>/dev/null",
        call(UNTIMED),
    )  # fmt: skip
    assert "rc=2" in said and "results: No space left on device; make room there" in said


def test_a_full_cache_stops_the_sweep_by_name(place, in_own_mounts):
    """Enough for notes, not for an exported model: that is not the cell's fault, nor its record."""
    exported = ["run", "--models", "mlp", "--lengths", "1", "--modes", "ort_all_online"]
    said = in_mounts(
        place, in_own_mounts,
        "mkdir cache && mount -t tmpfs -o size=64k none cache",
        "XDG_CACHE_HOME=$PWD/cache",
        "export XDG_CACHE_HOME",
        call([*exported, "--budget-s", "0"]),
        "cat results/.journal/* | grep -c '\"kind\": \"cell\"'",
    )  # fmt: skip
    first, kept = said.split("rc=1\n")
    assert "cache/bench-core: No space left on device; make room there" in first
    assert kept == "0\n"


def test_a_read_only_folder_is_refused_before_anything_runs(place, in_own_mounts):
    said = in_mounts(
        place, in_own_mounts,
        "mkdir results && mount -t tmpfs none results && mount -o remount,ro results",
        call(UNTIMED),
        "umount results && mkdir cache && mount -t tmpfs -o ro none cache",
        f"XDG_CACHE_HOME=$PWD/cache {call(UNTIMED)}",
    )  # fmt: skip
    first, second = said.split("rc=2\n")[:2]
    assert "results: Read-only file system; make it writable" in first
    assert "cache/bench-core: Read-only file system; make it writable" in second
    assert "[1/2]" not in said


@pytest.mark.parametrize(
    ("limit_bytes", "code", "file"),
    [(500, 2, "results"), (2000, 1, "journal.jsonl"), (5000, 1, "_smoke.json")],
)
def test_a_limit_on_the_size_of_files_is_told_by_name(place, limit_bytes, code, file):
    """The first is met before anything runs, the second by the journal, the third at the end."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    done = place.bench(*UNTIMED, preexec_fn=limit)
    assert done.returncode == code, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert f"{file}: File too large; raise the limit on a file's size (ulimit -f)" in done.stdout
    assert ("eager_eval" in done.stdout.split("not all is saved")[0]) == (code == 1)
    place.leaves_nothing()
    if code == 1:
        kept = place.journal.count('"kind": "cell"')
        assert kept == (2 if "smoke" in file else 1)
        again = place.bench(*UNTIMED, "--resume")
        assert again.returncode == 0 and len(place.results().cells) == 2


def test_a_results_folder_that_goes_away_costs_no_cell(place):
    process = place.start(*UNTIMED)
    said = ""
    for line in process.stdout:
        said += line
        if "[1/2]" in line:
            shutil.rmtree(place.folder / "results")
    assert process.wait(60) == 0, said
    assert len(place.results().cells) == 2


def test_parts_of_files_that_a_killed_run_left_are_removed(tmp_path):
    inner = tmp_path / "wall_s"
    inner.mkdir()
    kept = tmp_path / "run.json"
    for file in (kept, tmp_path / ".run.json.part", inner / ".cell.part"):
        file.write_text("{")
    drop_parts(tmp_path)
    assert sorted(tmp_path.rglob("*")) == [kept, inner]
