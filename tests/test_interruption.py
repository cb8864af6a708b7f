"""Which signal it was, and the exit code that says so."""

import subprocess

import pytest

from bench_core.interruption import SIGNALS, Terminated, Termination, exit_code_of, signal_of


@pytest.mark.parametrize("name", SIGNALS)
def test_the_code_is_a_shells(name):
    script = f"sh -c 'kill -{name.removeprefix('SIG')} $$'; exit $?"
    assert subprocess.run(["sh", "-c", script], check=False).returncode == exit_code_of(name)


def test_the_first_sigterm_alone_interrupts_and_is_told_from_ctrl_c():
    termination = Termination()
    with pytest.raises(KeyboardInterrupt) as caught:
        termination(15, None)
    assert signal_of(caught.value) == "SIGTERM" and signal_of(KeyboardInterrupt()) == "SIGINT"
    assert isinstance(caught.value, Terminated) and termination.came
    termination(15, None)  # while what is done is being saved
