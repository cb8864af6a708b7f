import os
import subprocess
import sys

import pytest

from bench_core.errors import UsageError
from bench_core.sweep.lock import machine_lock


def test_the_second_is_refused_and_told_who_has_it(tmp_path):
    path = tmp_path / "lock"
    with machine_lock("sweep", path):
        with pytest.raises(UsageError, match=f"sweep, process {os.getpid()}"):
            with machine_lock("aa", path):
                pass
    with machine_lock("aa", path):
        pass


def test_a_dead_holder_holds_nothing(tmp_path):
    path = tmp_path / "lock"
    code = (
        "import os, sys; from pathlib import Path; from bench_core.sweep.lock import machine_lock\n"
        "with machine_lock('sweep', Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    with machine_lock("aa", path):
        pass
