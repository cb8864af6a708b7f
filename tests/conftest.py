"""Fixtures for tests that need models or modes of their own in real workers."""

import importlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench_core import discover

HERE = Path(__file__).parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job, whose children would not hear the Ctrl-C that tests send them.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def misbehaving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The modes of misbehaving.py, found as a plugin's are: through an entry point."""
    with pytest.MonkeyPatch.context() as patch:
        install_plugin(tmp_path_factory.mktemp("plugin"), patch.syspath_prepend)
        yield
    forget()


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Where another process must look to find the modes of misbehaving.py."""
    paths: list[str] = []
    install_plugin(tmp_path_factory.mktemp("plugin"), paths.append)
    return paths


def install_plugin(folder: Path, prepend: Callable[[str], None]) -> None:
    """Lay a distribution into `folder` that offers all of misbehaving.py's models and modes."""
    info = folder / "bench_misbehaving-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-misbehaving\nVersion: 1.0\n")
    prepend(str(HERE))
    misbehaving = importlib.import_module("misbehaving")

    lines = ["[bench_core.modes]"]
    lines += [f"{mode} = misbehaving:{mode}" for mode in misbehaving.MODES]
    lines += ["[bench_core.models]"]
    lines += [f"{model} = misbehaving:{model}" for model in misbehaving.MODELS]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    prepend(str(folder))
    forget()


def forget() -> None:
    """Have models and modes looked for anew."""
    discover.models.cache_clear()
    discover.modes.cache_clear()
    sys.modules.pop("misbehaving", None)
