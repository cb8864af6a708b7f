"""`nox -s bench` measures; `nox -s tests` proves; `nox -s lint types` keep the house."""

import os
import signal
import subprocess
import sys

import nox

nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_existing_virtualenvs = True
nox.options.default_venv_backend = "virtualenv"  # uv would fetch gigabytes of CUDA

PROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str) -> None:
    """The package itself, and what these dependency groups list, at the pinned versions."""
    wanted = [name for group in groups for name in PROJECT["dependency-groups"][group]]
    session.install("--constraint", "constraints.txt", "--editable", ".", *wanted)


def bench(session: nox.Session, verb: str) -> None:
    """Run one verb of the command, and end with its exit code: nox would make each failure 1."""
    install(session)
    command = os.path.join(session.bin, "bench")
    process = subprocess.Popen([command, verb, *session.posargs])
    signal.signal(signal.SIGTERM, lambda number, _frame: process.send_signal(number))
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt:
            continue  # the command was interrupted too: it saves what it has, and ends
    if code:
        sys.stdout.flush()
        os._exit(code)


@nox.session(name="bench")
def run(session: nox.Session) -> None:
    """Sweep models × modes × lengths, print the answer, save results/….json."""
    bench(session, "run")


@nox.session
def aa(session: nox.Session) -> None:
    """Duel a mode against itself: this machine's noise floor, today."""
    bench(session, "aa")


@nox.session
def gate(session: nox.Session) -> None:
    """Judge the working tree against another revision: -- --base origin/main."""
    bench(session, "gate")


@nox.session
def compare(session: nox.Session) -> None:
    """What changed between saved runs: -- A.json B.json."""
    bench(session, "compare")


@nox.session
def audit(session: nox.Session) -> None:
    """What in saved runs or typed tables cannot be true: -- FILE…."""
    bench(session, "audit")


@nox.session
def explain(session: nox.Session) -> None:
    """Why is one mode of a model slower than another: -- MODEL LENGTH MODE_A MODE_B."""
    bench(session, "explain")


@nox.session
def graph(session: nox.Session) -> None:
    """Draw an ONNX graph before and after it is optimised: -- FILE [FILE2]."""
    bench(session, "graph")


@nox.session(name="calibrate-gate")
def calibrate_gate(session: nox.Session) -> None:
    """Measure how often the gate is wrong on this machine, and write README's table."""
    bench(session, "calibrate-gate")


@nox.session
def lengths(session: nox.Session) -> None:
    """Latency over lengths, fitted per mode, and where the ranking flips: -- MODEL."""
    bench(session, "lengths")


@nox.session(name="white-paper")
def white_paper(session: nox.Session) -> None:
    """What each step of our quantiser buys."""
    bench(session, "white-paper")


@nox.session
def modes(session: nox.Session) -> None:
    """List the ways to run a model."""
    bench(session, "modes")


@nox.session
def models(session: nox.Session) -> None:
    """List the models."""
    bench(session, "models")


@nox.session
def cost(session: nox.Session) -> None:
    """What the harness itself costs: per timed call, and of a sweep's wall time."""
    bench(session, "cost")


@nox.session
def tests(session: nox.Session) -> None:
    """Properties, corner cases, injected faults, and the README's commands."""
    install(session, "test")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, spelling, and the arrows between the floors."""
    session.install("--constraint", "constraints.txt", *PROJECT["dependency-groups"]["lint"])
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict."""
    install(session, "types")
    session.run("mypy")
