"""Evidence in one form, whichever mode it is of: what a runtime made of the model.

Keys that mean the same in every mode:
nodes: operators [before, after]; fused: those that stand for several, by name; folded: layers that
took others in. providers: nodes on each. graph_breaks; recompiles, by when. activations: the dtypes
of layers' outputs. int8_share: of a call's time. Whatever else there is, is a mode's own.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bench_core.analysis.units import percent

MOST_NAMED = 6
"""Of what is counted by name; the rest is counted together."""


def in_words(evidence: Mapping[str, Any]) -> list[str]:
    """What is known of it; a record is untrusted, and what is of another type is left out."""
    said = (say(evidence[key]) for key, say in _FORM.items() if key in evidence)
    return [text for text in said if text]


def _nodes(found: Any) -> str:
    match found:
        case [int(before), int(after)]:
            return f"{before} operators became {after}"
    return ""


def _counted(label: str) -> Callable[[Any], str]:
    def say(found: Any) -> str:
        if not isinstance(found, dict):
            return ""
        counts = {str(name): n for name, n in found.items() if isinstance(n, int) and n}
        ordered = sorted(counts, key=lambda name: -counts[name])
        named = [f"{counts[name]}× {name}" for name in ordered[:MOST_NAMED]]
        if rest := sum(counts[name] for name in ordered[MOST_NAMED:]):
            named.append(f"{rest} others")
        return f"{label} {', '.join(named)}" if named else ""

    return say


def _folded(found: Any) -> str:
    return f"{len(found)} folded" if isinstance(found, list) and found else ""


def _breaks(found: Any) -> str:
    return f"{found} graph breaks" if isinstance(found, int) and found else ""


def _share(found: Any) -> str:
    return f"{percent(found)} of the time in int8 kernels" if isinstance(found, float) else ""


_FORM: dict[str, Callable[[Any], str]] = {
    "nodes": _nodes,
    "fused": _counted("fused"),
    "folded": _folded,
    "providers": _counted("on"),
    "graph_breaks": _breaks,
    "recompiles": _counted("recompiles"),
    "activations": _counted("layers in"),
    "int8_share": _share,
}
