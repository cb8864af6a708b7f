"""Which cells a sweep has."""

from dataclasses import dataclass

from bench_core import discover
from bench_core.cell import Cell
from bench_core.errors import UsageError
from bench_core.hardware.cpu import usable_cores

CORE_MODES = (
    "eager_inference_mode",
    "eager_as_loaded",
    "eager_train",
    "eager_eval",
    "eager_no_grad",
    "channels_last",
    "compile_default",
    "torchscript_trace",
    "torchscript_freeze",
    "int8_dynamic",
    "bf16",
    "ort_disabled_online",
    "ort_all_online",
    "ort_all_offline",
    "ort_int8_dynamic",
)
QUICK_MODES = ("eager_inference_mode", "torchscript_freeze", "int8_dynamic", "ort_all_online")


@dataclass(frozen=True)
class Part:
    """Lengths × modes of one model. None: all there are."""

    lengths: tuple[int, ...] | None
    modes: tuple[str, ...] | None


@dataclass(frozen=True)
class Profile:
    """A named list of cells, and the seconds of duel that each may take.

    control_launches: A/A launches per class. probe_each: every mode once, not the advised alone.
    """

    parts: dict[str, Part]
    budget_s: float
    control_launches: int
    probe_each: bool = False


@dataclass(frozen=True)
class Request:
    """What the user asked for. Empty or None: as the profile says."""

    profile: str = "default"
    models: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    lengths: tuple[int, ...] = ()
    batch: int = 1
    reference: str = "eager_inference_mode"
    threads: int | None = None
    budget_s: float | None = None


def profile(name: str) -> Profile:
    """Raises: UsageError for a name that is not known."""
    if name == "smoke":
        parts = {
            "mlp": Part((1,), (*QUICK_MODES, "ort_disabled_online")),
            "digits_cnn": Part((8,), QUICK_MODES),
            "minilm": Part((16,), QUICK_MODES),
        }
        return Profile(parts, budget_s=0.8, control_launches=1)
    if name == "default":
        parts = {
            "minilm": Part((16, 128), CORE_MODES),
            "digits_cnn": Part((8,), CORE_MODES),
            "mlp": Part((1,), CORE_MODES),
        }
        return Profile(parts, budget_s=4.0, control_launches=2)
    if name == "full":
        parts = {model: Part(None, None) for model in discover.models()}
        return Profile(parts, budget_s=10.0, control_launches=4, probe_each=True)
    raise UsageError(f"no profile is called {name!r}; there are smoke, default and full")


def cells(request: Request) -> list[Cell]:
    """The cells asked for, those of one model and length together, the reference first.

    Raises: UsageError for a name or number that cannot be.
    """
    known, threads = discover.modes(), thread_count(request.threads)
    discover.choose("mode", known, [request.reference])
    if request.batch < 1 or any(length < 1 for length in request.lengths):
        raise UsageError("a batch and a length are whole numbers from 1 up")
    parts = profile(request.profile).parts
    found = []
    for model in discover.choose("model", discover.models(), list(request.models or parts)):
        part = parts.get(model.name, Part(None, CORE_MODES))
        modes = discover.choose("mode", known, list(request.modes or part.modes or known))
        modes.sort(key=lambda mode: mode.name != request.reference)
        for length in request.lengths or part.lengths or model.lengths:
            found += [
                Cell(model.name, mode.name, length, request.batch, threads=threads)
                for mode in modes
            ]
    return list(dict.fromkeys(found))


def thread_count(asked: int | None) -> int:
    """How many threads a contender gets: as asked, else all usable cores.

    Raises: UsageError for more than there are cores: they would wait for each other.
    """
    usable = len(usable_cores())
    if asked is not None and not 1 <= asked <= usable:
        raise UsageError(f"threads must be from 1 to {usable}, the usable cores, not {asked}")
    return asked or usable
