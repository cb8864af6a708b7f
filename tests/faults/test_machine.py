"""A machine that is busy, whose clock steps, or that another sweep has."""

import ast
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import bench_core
from bench_core.hardware import crowd

PACKAGE = Path(bench_core.__file__).parent
QUICK = ["run", "--models", "mlp", "--lengths", "1", "--profile", "smoke", "--budget-s", "0.5"]
SAME = [*QUICK, "--modes", "eager_inference_mode"]

STEPPING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static int calls;
static long step(void) { return (++calls % 3 - 1) * 86400L; }  /* a day back, none, a day on */
int clock_gettime(clockid_t id, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int failed = real(id, now);
  if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) now->tv_sec += step();
  return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
  struct timespec exact;
  (void)zone;
  int failed = clock_gettime(CLOCK_REALTIME, &exact);
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return failed;
}
time_t time(time_t *where) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  if (where) *where = exact.tv_sec;
  return exact.tv_sec;
}
"""


def ratio_is_1(speedup):
    """Three half-widths of a 95 % interval: an honest one fails this once in 10^8."""
    half = (math.log(speedup.high) - math.log(speedup.low)) / 2
    return abs(math.log(speedup.ratio)) <= 3 * half


def test_a_busy_machine_is_told_and_marked_and_the_ratio_holds(place):
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        done = place.bench(*SAME)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    assert done.returncode == 0, done.stdout
    results = place.results()
    (record,) = results.cells
    assert "! busy: other processes used" in done.stdout
    assert any(text.startswith("busy: other processes") for text in results.session["warnings"])
    assert any(text.startswith("busy:") for text in record.warnings)
    assert ratio_is_1(record.speedup)


def test_our_own_work_is_not_taken_for_anothers():
    """Living descendants of any depth count as ours, which a hog of the same size shows."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    before = crowd._own_s()
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        assert crowd._own_s() - before > 0.2  # of 2 s, on a machine that others may use
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_clock_that_steps_moves_no_figure(place, tmp_path):
    """A day forth or back at every look at it, in every process, the measured ones too."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build the stepping clock with")
    source, library = tmp_path / "steps.c", tmp_path / "steps.so"
    source.write_text(STEPPING)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    place.environment["LD_PRELOAD"] = str(library)
    seen = place.run(
        [sys.executable, "-c", "import time; print(*{time.time() // 6e4 for _ in 'abc'})"]
    )
    assert len(set(seen.stdout.split())) == 3, seen  # it does step
    done = place.bench(*SAME)
    assert done.returncode == 0, done.stdout
    (record,) = place.results().cells
    assert ratio_is_1(record.speedup)
    assert 0 < record.latency_s.p50 < 1
    spent = place.results().session["wall_s"]
    assert 0 < record.wall_s < 300 and all(0 <= seconds < 300 for seconds in spent.values())
    ready = record.ready_s
    for seconds in (ready.import_s, ready.load_s, ready.build_warm_s, ready.first_call_s):
        assert 0 <= seconds < 300


def test_no_duration_is_taken_from_a_clock_that_steps():
    """time.time and datetime.now name files and days, and tell a cache's age; nothing else."""
    allowed = {"sweep/cache.py": "time", "sweep/arena.py": "today", "sweep/results.py": "now"}
    for file in PACKAGE.rglob("*.py"):
        place = str(file.relative_to(PACKAGE))
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                name = (node.value.id, node.attr)
                stepping = name in {("time", "time"), ("time", "time_ns")} or (
                    node.value.id in {"datetime", "date"}
                    and node.attr in {"now", "today", "utcnow"}
                )
                assert not stepping or allowed.get(place) == node.attr, (place, node.lineno)
            if isinstance(node, ast.ImportFrom) and node.module == "time":
                assert not {"time", "time_ns"} & {alias.name for alias in node.names}, place


def test_a_second_sweep_is_refused_and_told_which_one_runs(place):
    first = place.start(*QUICK[:-1], "0", "--modes", "eager_inference_mode,dawdles")
    for line in first.stdout:
        if "[1/2]" in line:
            break
    second = place.bench(*SAME)
    third = place.bench("aa", "--models", "mlp", "--launches", "1")
    first.kill()
    first.wait()
    for refused in (second, third):
        assert refused.returncode == 2
        assert f"(sweep, process {first.pid})" in refused.stdout + refused.stderr
        assert "Traceback" not in refused.stdout + refused.stderr
    place.leaves_nothing()


@pytest.mark.parametrize("verb", ["run", "aa"])
@pytest.mark.parametrize("system", ["Windows", "Darwin"])
def test_another_system_than_linux_is_refused_in_a_line(place, system, verb):
    code = (
        "import platform\n"
        f"platform.system = lambda: {system!r}\n"
        "from bench_core.cli import main\n"
        "main()"
    )
    done = place.run([sys.executable, "-c", code, verb, "--models", "mlp"])
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("bench: bench-core measures on Linux") and f"found {system}" in line
