"""The options of a sweep, for pytest (--bench-models) and for the command (--models)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench_core.errors import UsageError
from bench_core.sweep.profiles import Request


@dataclass(frozen=True)
class Option:
    """One option; `kind` is its type, or list for one that takes names and may be repeated."""

    name: str
    kind: type
    help: str

    @property
    def pytest_name(self) -> str:
        return f"--bench-{self.name}"

    @property
    def destination(self) -> str:
        return f"bench_{self.name.replace('-', '_')}"

    def argparse(self) -> dict[str, Any]:
        """Its keyword arguments for `addoption`."""
        how: dict[str, Any] = {"dest": self.destination, "help": self.help, "default": None}
        if self.kind is bool:
            return how | {"action": "store_true", "default": False}
        metavar = "NAME" if self.kind in (list, str) else "N"
        if self.kind is list:
            return how | {"action": "append", "metavar": metavar}
        return how | {"type": self.kind, "metavar": metavar}

    def arguments(self, given: Any) -> list[str]:
        """What to hand to pytest for a value that the command was given."""
        if given is None or given is False:  # 0 is a value
            return []
        if self.kind is bool:
            return [self.pytest_name]
        values = given if self.kind is list else [given]
        return [f"{self.pytest_name}={value}" for value in values]


OPTIONS = (
    Option(
        "models",
        list,
        "models to run: names, package.module:factory, DIRECTORY or FILE.onnx (as above)",
    ),
    Option("modes", list, "ways to run them (repeatable, or separated by commas)"),
    Option("lengths", list, "lengths, in each model's own unit (repeatable, or by commas)"),
    Option("batch", int, "items per call (1)"),
    Option("reference", str, "the mode that others are timed against (eager_inference_mode)"),
    Option("providers", list, "execution providers for ONNX Runtime's modes: cpu, cuda, … (cpu)"),
    Option("threads", int, "threads of a contender (all usable cores)"),
    Option(
        "budget-s", float, "seconds of duel a cell may take (as the profile says); 0: verify only"
    ),
    Option(
        "memory-gib",
        float,
        "memory a contender may take beyond its frameworks, in GiB (what is available)",
    ),
    Option("profile", str, "which cells: smoke, default, gate or full"),
    Option("resume", bool, "go on with the run that was stopped; nothing done is run again"),
)


def request(getoption: Callable[[str], Any]) -> Request:
    """What was asked for, from `getoption(destination)`.

    Raises: UsageError for a length that is no number.
    """

    def names(option: str) -> tuple[str, ...]:
        given = getoption(f"bench_{option}") or []
        return tuple(name for text in given for name in text.split(",") if name)

    lengths, batch = names("lengths"), getoption("bench_batch")
    if wrong := [length for length in lengths if not length.isdecimal()]:
        raise UsageError(f"a length is a whole number, not {wrong[0]!r}")
    standard = Request()
    return Request(
        profile=getoption("bench_profile") or standard.profile,
        models=names("models"),
        modes=names("modes"),
        lengths=tuple(map(int, lengths)),
        batch=standard.batch if batch is None else batch,
        reference=getoption("bench_reference"),
        providers=names("providers"),
        threads=getoption("bench_threads"),
        budget_s=getoption("bench_budget_s"),
        memory_gib=getoption("bench_memory_gib"),
    )
