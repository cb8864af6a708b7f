"""Names and words of others: none reaches the terminal or the file system as it is."""

import pytest

from bench_core.cell import Cell
from bench_core.sweep.cache import cell_folder

EVIL = "evil\x1b[31m\x07<b>[bold]\u202e|../..%00"
LONG = "l" * 4000
CODE = """
from dataclasses import replace
from misbehaving import raises_escapes, is_unsupported
from bench_core.modes.eager import EAGER_EVAL
evil = replace(EAGER_EVAL, name={evil!r}, summary="\\x1b[31mred [bold]\\x07")
long = replace(EAGER_EVAL, name={long!r})
"""


@pytest.fixture
def named(place):
    """A place where a plugin offers modes of such names."""
    folder = place.folder.parent / "named"
    info = folder / "bench_named-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "named_modes.py").write_text(CODE.format(evil=EVIL, long=LONG))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-named\nVersion: 1.0\n")
    entries = f"[bench_core.modes]\n{EVIL} = named_modes:evil\n{LONG} = named_modes:long\n"
    (info / "entry_points.txt").write_text(entries)
    place.environment["PYTHONPATH"] = f"{folder}:{place.environment['PYTHONPATH']}"
    return place


def harmless(text):
    return not any(character in text for character in "\x1b\x07\r\x9b\u202e")


def test_names_and_words_reach_the_terminal_escaped(named):
    modes = ["--modes", EVIL, "--modes", LONG, "--modes", "raises_escapes"]
    done = named.bench(
        "run",
        "--models",
        "mlp",
        "--lengths",
        "1",
        "--profile",
        "smoke",
        "--budget-s",
        "0.1",
        *modes,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert harmless(done.stdout) and harmless(done.stderr)
    assert "ERRORS" not in done.stdout  # pytest's word for what is wrong with a test itself
    assert r"evil\x1b[31m\x07<b>[bold]\u202e|../..%00" in done.stdout
    assert r"\x1b[31mred\x1b]0;title\x07 <script>" in done.stdout
    cells = [Cell.parse(record.cell) for record in named.results().cells]
    assert [cell.mode for cell in cells] == [EVIL, LONG, "raises_escapes"]
    assert [record.status for record in named.results().cells] == ["ok", "ok", "error"]
    named.leaves_nothing()


def test_lists_and_refusals_escape_them_too(named):
    listed = named.bench("modes")
    assert listed.returncode == 0 and harmless(listed.stdout)
    assert r"evil\x1b[31m" in listed.stdout
    refused = named.bench("run", "--models", "mlp", "--modes", "evil\x1b[31m<b>")
    assert refused.returncode == 2 and harmless(refused.stderr) and "is called" in refused.stderr


def test_the_trail_of_a_failure_is_escaped_line_by_line(place):
    done = place.bench(
        "run", "-v", "--models", "mlp", "--lengths", "1", "--modes", "raises_escapes",
        "--profile", "smoke", "--budget-s", "0",
    )  # fmt: skip
    assert harmless(done.stdout) and "Traceback" in done.stdout
    assert '\n  File "' in done.stdout  # its lines are lines still


@pytest.mark.parametrize("name", [EVIL, LONG, "..", "."])
def test_a_folder_is_named_so_that_it_can_be(tmp_path, name):
    cell = Cell("mlp", name, 1)
    folder = cell_folder(tmp_path, cell)
    folder.mkdir(parents=True)
    assert folder.parent.parent == tmp_path and len(folder.name.encode()) <= 200
    other = cell_folder(tmp_path, Cell("mlp", f"{name}x", 1))
    assert other != folder
