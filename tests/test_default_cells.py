"""What every cell of the default sweep comes to, built and verified but not timed.

A mode that is added later is not in the default list and needs no line here.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from bench_core.analysis.load import load
from bench_core.cell import Cell
from bench_core.sweep.profiles import Request, cells

NOT_OK = {
    ("minilm", "channels_last"): "unsupported",  # it takes no images
    ("mlp", "channels_last"): "unsupported",
    ("mlp", "ort_all_online"): "not_engaged",  # there is nothing in it to fuse
    ("mlp", "ort_all_offline"): "not_engaged",
    ("digits_cnn", "eager_as_loaded"): "wrong_output",  # its loader leaves it in training mode
}


@pytest.mark.slow
def test_every_default_cell_is_as_expected(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    suite = (Path(__file__).parent.parent / "benchmarks" / "bench_cells.py").read_text()
    (tmp_path / "benchmarks" / "bench_cells.py").write_text(suite)
    (tmp_path / "pytest.ini").write_text("[pytest]\npython_files = bench_*.py\n")
    bench = Path(sys.executable).with_name("bench")
    subprocess.run([bench, "run", "--budget-s", "0"], cwd=tmp_path, check=True)
    (path,) = (tmp_path / "results").glob("*.json")
    found = {record.cell: record for record in load(path).cells}
    assert len(found) == 60
    expected = {str(cell): NOT_OK.get((cell.model, cell.mode), "ok") for cell in cells(Request())}
    wrong = {
        name: (record.status, record.reason)
        for name, record in found.items()
        if record.status != expected[name]
    }
    assert wrong == {}
    assert all(Cell.parse(name) for name in found)
