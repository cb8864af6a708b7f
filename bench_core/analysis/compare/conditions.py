"""What must be equal in two saved runs for their absolute times to be compared."""

from typing import Any

from bench_core.analysis.session import facts
from bench_core.analysis.units import size, visible
from bench_core.errors import UsageError
from bench_core.record import read

MACHINE = "machine"
_LONGEST = 60
_OTHERS_CPU = ("brand_raw", "arch", "count")
"""Of py-cpuinfo; not its frequencies, which change from one reading to the next."""
_OTHERS = ("machine", "system", "python_implementation", "python_version")


def of_session(session: dict[str, Any]) -> dict[str, str]:
    """Of a run of ours: machine, threads, versions, variables that bind at import.

    Memory counts to three digits, for a guest is given a few pages more or less at each boot.
    The processor's flags count, for a hypervisor may call all its guests' alike.
    Raises: UsageError or ValueError, naming what is not as it should be.
    """
    known = facts(session)
    machine = session.get("machine") or {}
    cpu = machine.get("cpu") or {}
    memory = read(int | None, machine.get("memory_bytes"), "session.machine.memory_bytes")
    flags = read(tuple[str, ...], cpu.get("flags") or [], "session.machine.cpu.flags")
    boards = read(tuple[dict[str, Any], ...], session.get("gpus") or [], "session.gpus")
    found = {
        **read(dict[str, str], session.get("environment") or {}, "session.environment"),
        **known.versions,
        MACHINE: known.machine,
        "cpu flags": " ".join(flags),
        "memory": "" if memory is None else size(memory),
        "gpus": ", ".join(str(board.get("name")) for board in boards),
        "threads": str(known.threads or ""),
    }
    return {name: value for name, value in found.items() if value}


def of_machine_info(machine_info: Any) -> dict[str, str]:
    """Of a plain pytest-benchmark file: the processor, the system, and Python.

    Versions of what was benchmarked are not in it. `node` is the host's name: two hosts of
    one kind count as one machine here, as they do in `of_session`.
    """
    if not isinstance(machine_info, dict):
        raise UsageError(f"expected an object as 'machine_info', found {machine_info!r:.40}")
    cpu = read(dict[str, Any], machine_info.get("cpu") or {}, "machine_info.cpu")
    processor = ", ".join(str(cpu[name]) for name in _OTHERS_CPU if cpu.get(name))
    system = {name: str(machine_info[name]) for name in _OTHERS if machine_info.get(name)}
    # `machine` is what pytest-benchmark calls the architecture, such as x86_64.
    architecture = system.pop("machine", "")
    machine = ", ".join(part for part in (processor, architecture) if part)
    return {**system, **({MACHINE: machine} if machine else {})}


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What differs, a line each: `torch: 2.13.0 → 2.14.0`. An unknown machine is another one."""
    names = dict.fromkeys([MACHINE, *before, *after])
    return [
        f"{_short(name)}: {_short(before.get(name))} → {_short(after.get(name))}"
        for name in names
        if before.get(name) != after.get(name) or (name == MACHINE and name not in before)
    ]


def _short(text: str | None) -> str:
    """Fit for a line."""
    shown = visible("not recorded" if text is None else text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
