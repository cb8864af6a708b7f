"""Which cells a sweep has."""

from dataclasses import dataclass

from bench_core import discover
from bench_core.cell import Cell
from bench_core.errors import UsageError
from bench_core.hardware import memory
from bench_core.hardware.cpu import usable_cores
from bench_core.hardware.system import require_linux
from bench_core.mode import Mode
from bench_core.model import Model

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
GATE_MODES = ("ort_all_offline", "ort_int8_dynamic")


@dataclass(frozen=True)
class Part:
    """Lengths × modes of one model. None: all there are."""

    lengths: tuple[int, ...] | None
    modes: tuple[str, ...] | None


@dataclass(frozen=True)
class Profile:
    """A named list of cells, and the seconds of duel that each may take.

    other: of a model that `parts` does not list, its first lengths so many, and modes.
    control_launches: A/A launches per class. probe_each: every mode once, not the advised alone.
    """

    parts: dict[str, Part]
    budget_s: float
    control_launches: int
    probe_each: bool = False
    other_lengths: int | None = 2
    other_modes: tuple[str, ...] | None = CORE_MODES


@dataclass(frozen=True)
class Request:
    """What the user asked for. Empty or None: as the profile says."""

    profile: str = "default"
    models: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    lengths: tuple[int, ...] = ()
    batch: int = 1
    reference: str | None = None
    providers: tuple[str, ...] = ()
    threads: int | None = None
    budget_s: float | None = None
    memory_gib: float | None = None


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
    if name == "gate":  # 24 cells, 2 of them compiled: what a pull request can wait for
        parts = {
            "minilm": Part((16,), (*QUICK_MODES, *GATE_MODES, "compile_default", "bf16")),
            "digits_cnn": Part((8,), (*QUICK_MODES, *GATE_MODES, "compile_default")),
            "digits_lstm": Part((8,), (*QUICK_MODES, "ort_int8_dynamic")),
            "mlp": Part((1,), (*QUICK_MODES[:2], "ort_disabled_online", "ort_int8_dynamic")),
        }
        return Profile(parts, budget_s=2.0, control_launches=2)
    if name == "full":
        parts = {model: Part(None, None) for model in discover.models()}
        return Profile(
            parts,
            budget_s=10.0,
            control_launches=4,
            probe_each=True,
            other_lengths=None,
            other_modes=None,
        )
    raise UsageError(f"no profile is called {name!r}; there are smoke, default, gate and full")


def cells(request: Request) -> list[Cell]:
    """The cells asked for, those of one model and length together, the reference first.

    Raises: UsageError for a name or number that cannot be.
    """
    require_linux()
    if request.batch < 1 or any(length < 1 for length in request.lengths):
        raise UsageError("a batch and a length are whole numbers from 1 up")
    if request.memory_gib is not None and not request.memory_gib > 0:
        raise UsageError(f"memory-gib must be more than 0, not {request.memory_gib:g}")
    chosen, found = profile(request.profile), []
    for name in request.models or chosen.parts:
        model = discover.resolve(name)
        part = chosen.parts.get(model.name) or Part(
            model.lengths[: chosen.other_lengths], chosen.other_modes
        )
        for length in request.lengths or part.lengths or model.lengths:
            found += [
                Cell(
                    model.name,
                    mode.name,
                    length,
                    _batch(model, request),
                    provider=provider,
                    threads=thread_count(request.threads),
                )
                for mode in _modes(model, part, request)
                for provider in (request.providers if mode.providers else ()) or ("cpu",)
            ]
    return list(dict.fromkeys(found))


def _modes(model: Model, part: Part, request: Request) -> list[Mode]:
    """Those asked for; else the profile's, of which a graph without a module takes some."""
    known, reference = discover.modes(), request.reference or model.reference
    discover.choose("mode", known, [reference])
    if request.modes:
        modes = discover.choose("mode", known, list(request.modes))
    else:
        modes = discover.choose("mode", known, list(part.modes or known))
        modes = [mode for mode in modes if mode.providers or model.onnx is None]
    return sorted(modes, key=lambda mode: mode.name != reference)


def _batch(model: Model, request: Request) -> int:
    """Raises: UsageError where the model takes another batch only."""
    if model.fixed_batch is None or request.batch in (1, model.fixed_batch):
        return model.fixed_batch or request.batch
    raise UsageError(f"{model.name} takes a batch of {model.fixed_batch}, not {request.batch}")


def thread_count(asked: int | None) -> int:
    """How many threads a contender gets: as asked, else all usable cores.

    Raises: UsageError for more than there are cores: they would wait for each other.
    """
    usable = len(usable_cores())
    if asked is not None and not 1 <= asked <= usable:
        raise UsageError(f"threads must be from 1 to {usable}, the usable cores, not {asked}")
    return asked or usable


def memory_limit(asked_gib: float | None) -> int:
    """How many bytes a contender may take beyond its frameworks: as asked, else all available."""
    return memory.available_bytes() if asked_gib is None else int(asked_gib * 2**30)
