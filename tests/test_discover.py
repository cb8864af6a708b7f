"""What other packages offer, where it goes wrong."""

import pytest

from bench_core import discover
from bench_core.errors import UsageError

TWIN = """
from dataclasses import replace
from bench_core.models.mlp import MLP
MLP = replace(MLP, summary="not ours")
"""


@pytest.fixture
def offer(tmp_path, monkeypatch):
    def lay(entry_points, module=""):
        info = tmp_path / "bench_twin-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-twin\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[bench_core.models]\n{entry_points}\n")
        (tmp_path / "twin.py").write_text(module)
        monkeypatch.syspath_prepend(str(tmp_path))
        discover.models.cache_clear()

    yield lay
    discover.models.cache_clear()


def test_a_name_of_ours_is_not_taken_over_in_silence(offer):
    offer("mlp = twin:MLP", TWIN)
    with pytest.raises(UsageError, match=r"'mlp'.*taken.*pip uninstall bench-twin"):
        discover.models()
