"""What cannot be is said before anything runs, with what can."""

import pytest

from bench_core.errors import UsageError
from bench_core.studies.lengths.plan import MODES, plan
from bench_core.sweep.profiles import Request


def test_every_mode_but_the_reference_at_every_length_in_order():
    modes = ("bf16", "eager_inference_mode", "ort_all_online")
    found = plan("mlp", Request(modes=modes, lengths=(64, 1, 16, 4, 4), threads=1), 2.0, None)
    assert (found.lengths, found.reference) == ((1, 4, 16, 64), "eager_inference_mode")
    assert [(cell.length, cell.mode) for cell in found.cells] == [
        (length, mode) for length in (1, 4, 16, 64) for mode in ("bf16", "ort_all_online")
    ]
    assert found.request.budget_s == 2.0


def test_by_default_it_takes_the_models_lengths_and_what_can_flip():
    found = plan("digits_cnn", Request(threads=1), 2.0, None)
    assert found.lengths == (8, 16, 32, 64)
    assert {cell.mode for cell in found.cells} == set(MODES)


@pytest.mark.parametrize(
    ("name", "asked", "budget_s", "bucket", "says"),
    [
        ("mlp", {"lengths": (1, 2, 3)}, 2.0, None, "at least 4 lengths.*found 1, 2, 3.*--lengths"),
        ("mlp", {"lengths": (1, 2, 3, 3)}, 2.0, None, "found 1, 2, 3;"),
        ("mpl", {}, 2.0, None, "did you mean .*mlp"),
        ("mlp", {"modes": ("bf61",)}, 2.0, None, "did you mean bf16"),
        ("mlp", {"modes": ("eager_inference_mode",)}, 2.0, None, "beside the reference"),
        ("mlp", {}, 0.0, None, "budget-s must be more than 0"),
        ("mlp", {"lengths": (0, 1, 2, 3)}, 2.0, None, "from 1 up"),
        ("mlp", {}, 2.0, 8, "mlp knows no padding.*minilm, mpnet do"),
        ("minilm", {}, 2.0, 1, "whole number from 2 up, not 1"),
        ("minilm", {"lengths": (16, 64, 128, 513)}, 2.0, None, "512 tokens.*not 513"),
        ("minilm", {"lengths": (16, 64, 128, 500)}, 2.0, 96, "512 tokens.*not 576"),
    ],
)
def test_what_cannot_be_is_one_line(name, asked, budget_s, bucket, says):
    with pytest.raises(UsageError, match=says) as caught:
        plan(name, Request(threads=1, **asked), budget_s, bucket)
    assert "\n" not in str(caught.value)


def test_a_model_of_one_length_only_is_refused(tmp_path, monkeypatch):
    code = "from torch import nn, ones\ndef make():\n    return nn.Linear(3, 2), ones(4, 3)\n"
    (tmp_path / "one_length.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(UsageError, match=r"grow with the length, found .* at every length"):
        plan("one_length:make", Request(threads=1, lengths=(1, 2, 3, 4)), 2.0, None)
