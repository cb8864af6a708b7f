"""Ctrl-C on a real terminal in every phase, a termination, and a parent that is killed."""

import contextlib
import json
import os
import pty
import signal
import time

import pytest

ARGUMENTS = ["run", "--models", "tasked", "--lengths", "1", "--profile", "smoke"]
THREE = ["--modes", "eager_inference_mode,torchscript_freeze,runs_twice"]
TIMED, UNTIMED = ["--budget-s", "0.1"], ["--budget-s", "0"]

SLOW_TO_SAVE = """
import time

def pytest_benchmark_generate_commit_info(config):
    with open("/dev/tty", "w") as terminal:
        terminal.write("now saving")
    time.sleep(1)
"""


class Terminal:
    """The command on a terminal of its own, whose Ctrl-C reaches all that is in its foreground."""

    def __init__(self, place, *arguments: str) -> None:
        self.said = ""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(place.folder)
            os.execve(place.command, [place.command, *arguments], place.environment)

    def read_until(self, text: str | None) -> None:
        """`None`: to the end."""
        deadline = time.monotonic() + 240
        while text is None or text not in self.said:
            assert time.monotonic() < deadline, self.said
            try:
                self.said += os.read(self._fd, 65536).decode(errors="replace")
            except OSError:  # how a terminal says that nobody is left
                assert text is None, self.said
                return

    def interrupt(self) -> None:
        os.write(self._fd, b"\x03")

    def wait(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture
def terminal(place):
    opened = []

    def open_one(*arguments):
        opened.append(Terminal(place, *arguments))
        return opened[-1]

    yield open_one
    for one in opened:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("phase", "finished", "more"),
    [
        ("collecting", 0, [*THREE, *UNTIMED]),
        ("starting: torch", 0, [*THREE, *UNTIMED]),
        ("A/A control", 0, [*THREE, *TIMED]),
        ("torchscript_freeze: building", 1, [*THREE, *UNTIMED]),
        ("dawdles: building", 1, ["--modes", "eager_inference_mode,dawdles", *UNTIMED]),
        ("torchscript_freeze: timing", 1, [*THREE, *TIMED]),
        ("int8_dynamic: survival", 1, ["--modes", "eager_inference_mode,int8_dynamic", *TIMED]),
        ("play-off:", 3, [*THREE, *TIMED]),
        ("now saving", 3, [*THREE, *UNTIMED]),
    ],
    ids=[
        "collecting",
        "zygote",
        "control",
        "build",
        "verify",
        "timing",
        "task",
        "play-off",
        "save",
    ],
)
def test_ctrl_c_keeps_what_is_done_and_ends_the_rest(place, terminal, phase, finished, more):
    (place.folder / "conftest.py").write_text(SLOW_TO_SAVE)
    one = terminal(*ARGUMENTS, *more)
    one.read_until(phase)
    if "dawdles" in phase:
        time.sleep(1)  # it is verified by then, for 3 s
    one.interrupt()
    one.read_until(None)
    assert one.wait() == 130, one.said
    assert "Traceback" not in one.said
    place.leaves_nothing()
    if not finished:
        assert not list((place.folder / "results").glob("*.json"))
        return
    assert "saved" in one.said
    results = place.results()
    assert len(results.cells) >= finished
    assert results.session["interrupted"] == (phase != "now saving")
    assert ("--resume" in one.said) == (phase != "now saving")


def test_a_termination_is_as_good_as_ctrl_c(place):
    process = place.start(*ARGUMENTS, *THREE, *UNTIMED)
    said = ""
    for line in process.stdout:
        said += line
        if "[1/3]" in line:
            process.terminate()
    assert process.wait(60) == 143, said
    assert "Traceback" not in said and "--resume" in said
    assert len(place.results().cells) == 1
    place.leaves_nothing()


def test_a_killed_parent_leaves_nothing_and_resume_goes_on(place):
    process = place.start(
        *ARGUMENTS, *UNTIMED, "--modes", "eager_inference_mode,leaves_daemon,dawdles"
    )
    for line in process.stdout:
        if "[2/3]" in line:
            break
    time.sleep(1)  # in the middle of the third
    process.kill()
    process.wait()
    place.leaves_nothing()
    assert not list((place.folder / "results").glob("*.json"))
    kept = place.journal
    assert kept.count('"kind": "cell"') == 2
    again = place.bench(
        *ARGUMENTS, *UNTIMED, "--modes", "eager_inference_mode,leaves_daemon", "--resume"
    )
    assert again.returncode == 0, again.stdout
    for record in place.results().cells:  # to the last digit: none was run again
        assert json.dumps(record.to_json()) in kept
    place.leaves_nothing()
