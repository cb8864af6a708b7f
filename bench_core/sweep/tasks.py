"""The model's real task, run once per model and mode."""

import json
from dataclasses import dataclass, replace

import numpy as np

from bench_core import discover
from bench_core.analysis import task as judge
from bench_core.cell import Cell
from bench_core.duel.contender import TASK_LIMIT_S
from bench_core.model import Task
from bench_core.record import TaskScore
from bench_core.sweep.arena import Arena
from bench_core.sweep.results import whole, write_json


@dataclass(frozen=True)
class Answers:
    """One integer per item: what the model said, and what is right."""

    predicted: np.ndarray
    expected: np.ndarray
    corpus_sha256: str


def task_score(arena: Arena, cell: Cell) -> TaskScore | None:
    """How well the cell's model does its task in the cell's mode; None if it has no task.

    A lossless mode carries the reference's score: its outputs were found to be the same.
    Raises: BenchError as starting a contender does.
    """
    model, mode = discover.model(cell.model), discover.modes()[cell.mode]
    if model.task is None:
        return None
    float_cell = replace(cell, mode=arena.reference_mode(cell), provider="cpu")
    reference = answers(arena, float_cell, model.task)
    score = _score(model.task, reference)
    if not mode.lossy:
        return judge.inherit(score, float_cell.mode)
    own = answers(arena, cell, model.task)
    return judge.against(reference.predicted, own.predicted, own.expected, _score(model.task, own))


def _score(task: Task, found: Answers) -> TaskScore:
    return judge.score(
        task.name,
        task.length,
        found.predicted,
        found.expected,
        found.corpus_sha256,
        task.macro,
    )


def answers(arena: Arena, cell: Cell, task: Task) -> Answers:
    """Run the task, or read what it gave before for the same artefact."""
    at = replace(cell, length=task.length, batch=1)
    note = arena.folder(at) / "artifact.json"
    if note.exists():
        kept = arena.folder(at) / f"task-{json.loads(note.read_text())}.npz"
        if kept.exists():
            with np.load(kept, allow_pickle=False) as file:
                return Answers(file["predicted"], file["expected"], str(file["corpus"]))
    with arena.contender(at) as contender:
        arena.say(f"{cell.mode}: {task.name}")
        with arena.watch("task metrics"):
            reply, (predicted, expected) = contender.ask("task", TASK_LIMIT_S)
        name = contender.started["artifact_sha256"]
    kept = arena.folder(at) / f"task-{name}.npz"
    with whole(kept) as part, part.open("wb") as stream:
        np.savez_compressed(
            stream, predicted=predicted, expected=expected, corpus=reply["corpus_sha256"]
        )
    write_json(note, name)  # last: without it the file before is not looked for
    return Answers(predicted, expected, reply["corpus_sha256"])
