"""Whose code the contenders run: ours, or another revision's."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bench_core
from bench_core.duel.environment import Environment


@dataclass(frozen=True)
class Origin:
    """environment: None for our own.

    given: models that were given by their place, as `discover.give` takes them; None for ours.
    package, beside: what names the artefacts it makes: see `fingerprint.making_key`.
    slowdown: a share of its own time by which each timed call is made longer, to be found.
    """

    environment: Environment | None = None
    given: Mapping[str, Any] | None = field(default=None, hash=False)
    package: Path = Path(bench_core.__file__).parent
    beside: Path | None = None
    slowdown: float = 0.0

    @property
    def python(self) -> str | None:
        """The interpreter, where it is not our own and so may have other versions."""
        python = self.environment.python if self.environment else sys.executable
        return None if python == sys.executable else python


OURS = Origin()
