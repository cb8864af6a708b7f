"""Evidence in words: one form for all modes, and nothing that breaks on a hostile one."""

from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.evidence import MOST_NAMED, in_words

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("nodes", "fused", "folded", "providers", "graph_breaks", "recompiles", "activations",
        "int8_share", "other")  # fmt: skip


def test_each_kind_is_said():
    assert in_words(
        {
            "nodes": [203, 61],
            "fused": {"BiasGelu": 6, "LayerNormalization": 13},
            "providers": {"CPUExecutionProvider": 61},
            "own": 3,
        }
    ) == [
        "203 operators became 61",
        "fused 13× LayerNormalization, 6× BiasGelu",
        "on 61× CPUExecutionProvider",
    ]
    compiled = {"graph_breaks": 2, "recompiles": {"while timed": 0, "length": 1}}
    assert in_words(compiled) == ["2 graph breaks", "recompiles 1× length"]
    half = {"activations": {"bfloat16": 54, "float32": 17}, "int8_share": 0.61, "folded": ["a"]}
    assert in_words(half) == [
        "1 folded",
        "layers in 54× bfloat16, 17× float32",
        "61.0 % of the time in int8 kernels",
    ]


def test_many_names_are_counted_together():
    (said,) = in_words({"fused": {f"op{i}": i + 1 for i in range(MOST_NAMED + 2)}})
    assert said.endswith(", 3 others") and "op0" not in said


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_whatever_is_recorded_can_be_said(evidence):
    assert all(isinstance(text, str) and text for text in in_words(evidence))
