"""Whose failure it is, when one of two contenders fails while both are timed."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bench_core.duel.contender import Contender
from bench_core.errors import BenchError


class SideFailed(Exception):
    """A contender failed while it was timed; `side` says which."""

    def __init__(self, side: str, error: BenchError) -> None:
        super().__init__(str(error))
        self.side = side
        self.error = error


@dataclass(frozen=True)
class Blamed:
    """A contender whose failures say whose they are."""

    side: str
    contender: Contender

    def warm(self) -> Any:
        try:
            return self.contender.warm()
        except BenchError as error:
            raise SideFailed(self.side, error) from error

    def block(self, samples: int, calls: int) -> tuple[np.ndarray, list[int]]:
        try:
            return self.contender.block(samples, calls)
        except BenchError as error:
            raise SideFailed(self.side, error) from error
