"""What a gate shows: lines in a log, one line that changes on a terminal."""

import sys

import pytest

from bench_core.gate.progress import Progress


@pytest.fixture
def shown(capsys, monkeypatch):
    """What a gate of one screen launch writes, on a terminal or not."""

    def show(*, terminal):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
        with Progress() as progress:
            progress.step("installing \x1b[2J")
            progress.launch("screen", 1, 2, 3)
            for cell in "abc":
                progress.say(f"cell {cell} " + "x" * 500)
            progress.launch("confirm", 1, 24, 1)
        return capsys.readouterr().out

    return show


def test_a_log_gets_a_line_for_each_step_and_launch_and_none_for_more(shown):
    lines = shown(terminal=False).splitlines()
    assert lines[0] == r"installing \x1b[2J"
    assert lines[1] == "screen: launch 1 of 2, 3 cells"
    assert lines[2].startswith("confirm: launch 1 of at most 24, 1 cell, at most ")
    assert len(lines) == 3


def test_a_terminal_has_one_line_that_goes_in_the_end(shown):
    text = shown(terminal=True)
    assert "\n" not in text and text.endswith("\r\x1b[2K")
    lines = text.split("\r\x1b[2K")
    assert max(map(len, lines)) == 150
    assert sum("screen: launch 1 of 2, 3 cells: cell" in line for line in lines) == 3
