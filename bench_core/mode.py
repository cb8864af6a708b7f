"""A way to run a model, and the job it is given."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.cell import Cell
from bench_core.model import Calibration, Model
from bench_core.runner import Inputs, Runner

if TYPE_CHECKING:
    from torch import nn

EXAMPLE_SEEDS = range(4)
"""Seeds of the inputs that are timed; the ones that outputs are verified on differ."""

CALIBRATION_SEEDS = range(1000, 1032)
"""Seeds of the inputs that a model without calibration data is calibrated with: others again."""


@dataclass
class Job:
    """What a mode gets to work with: a cell, and a folder to keep its artefacts in.

    `module` is built when first asked for: a mode that loads a finished artefact never pays
    for it, and `load_s` then stays 0. `borrowed_s` is what was spent, by another cell, on what
    this one found in `common`.
    """

    model: Model
    cell: Cell
    folder: Path
    load_s: float = field(default=0.0, init=False)
    borrowed_s: float = field(default=0.0, init=False)

    @cached_property
    def module(self) -> "nn.Module":
        start = time.perf_counter()
        module = self.model.build()
        self.load_s = time.perf_counter() - start
        return module

    @cached_property
    def examples(self) -> tuple[Inputs, ...]:
        """The inputs that are timed; also what a mode may trace or export with."""
        cell = self.cell
        return tuple(
            self.model.inputs(cell.length, cell.batch, seed, False) for seed in EXAMPLE_SEEDS
        )

    @cached_property
    def calibration(self) -> Calibration:
        """What a mode may take ranges from: the model's own data, else random inputs."""
        if self.model.calibration is not None:
            return Calibration(self.model.calibration(), "task-like")
        make, cell = self.model.inputs, self.cell
        batches = [make(cell.length, cell.batch, seed, False) for seed in CALIBRATION_SEEDS]
        return Calibration(batches, "random inputs")

    def artifact(self, name: str, make: Callable[[Path], None]) -> Path:
        """The file `name` in the job's folder, made by `make(path)` if it is not there yet.

        It is made beside and moved into place, so a torn one is never found.
        """
        path = self.folder / name
        if not path.exists():
            part = path.with_name(f"part-{path.name}")
            make(part)
            part.replace(path)
        return path

    def common(self, name: str, make: Callable[[Path], None]) -> Path:
        """The file `name` that all cells of the model share, made once, as by `artifact`.

        A cell that finds it is charged what it took: its cold reading is that of one cell alone.
        """
        path = self.folder.parent / name
        note = path.with_name(f"{name}.seconds")
        if path.exists() and note.exists():
            self.borrowed_s += float(note.read_text())
            return path
        start = time.perf_counter()
        part = path.with_name(f"part-{os.getpid()}-{name}")
        make(part)
        note.write_text(f"{time.perf_counter() - start:.3f}")
        part.replace(path)
        return path


@dataclass(frozen=True)
class Mode:
    """A way to run a model.

    prepare: makes the model ready. Raises: Unsupported where this model cannot take it,
        Unavailable where the machine cannot.
    engaged: the evidence → None, or why the mode did not do what its name says.
    requires: modules that must be importable, else the cell is skipped.
    frameworks: modules that running the finished artefact imports.
    min_sqnr_db: None for a lossless mode; otherwise the least signal-to-noise ratio, in dB,
        that its outputs may have against the oracle.
    stochastic: outputs differ from call to call by intent; they are not compared.
    providers: runs on an execution provider of ONNX Runtime, the cell's.
    alias_on: device → the mode that is the same program there, and is measured in its stead.
    any_shape: one built artefact serves every batch and length (it is verified on another
        of each). Otherwise each length has a process of its own.
    dtype: of the arithmetic that dominates, for the share of the machine's peak.
    """

    name: str
    family: str
    summary: str
    prepare: Callable[[Job], Runner]
    engaged: Callable[[dict[str, Any]], str | None]
    frameworks: tuple[str, ...] = ("torch",)
    requires: tuple[str, ...] = ()
    min_sqnr_db: float | None = None
    stochastic: bool = False
    providers: bool = False
    alias_on: Mapping[str, str] = field(default_factory=dict, hash=False)
    any_shape: bool = True
    dtype: str = "float32"

    @property
    def lossy(self) -> bool:
        return self.min_sqnr_db is not None
