from dataclasses import replace

import pytest

from bench_core import discover
from bench_core.cell import Cell
from bench_core.errors import UsageError
from bench_core.hardware.cpu import usable_cores
from bench_core.sweep.profiles import CORE_MODES, Request, cells


def test_default_is_one_list_of_60_cells():
    found = cells(Request())
    assert len(found) == len(set(found)) == 60
    assert {cell.mode for cell in found} == set(CORE_MODES)
    assert {(cell.model, cell.length) for cell in found} == {
        ("minilm", 16),
        ("minilm", 128),
        ("digits_cnn", 8),
        ("mlp", 1),
    }


def test_the_reference_comes_first_and_groups_stay_together():
    found = cells(Request(reference="bf16"))
    groups = [cell.group for cell in found]
    starts = [i for i, group in enumerate(groups) if i == 0 or groups[i - 1] != group]
    assert len(starts) == len(set(groups))
    assert all(found[start].mode == "bf16" for start in starts)


def test_full_is_all_that_is_discovered():
    expected = {
        (model.name, mode, length)
        for model in discover.models().values()
        for length in model.lengths
        for mode in discover.modes()
    }
    found = cells(Request(profile="full"))
    assert {(cell.model, cell.mode, cell.length) for cell in found} == expected


def test_what_is_named_replaces_what_the_profile_says():
    found = cells(Request(models=("mlp",), modes=("bf16", "eager_eval"), lengths=(4, 16), batch=3))
    threads = len(usable_cores())
    assert set(found) == {
        Cell("mlp", mode, length, 3, threads=threads)
        for mode in ("bf16", "eager_eval")
        for length in (4, 16)
    }


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (Request(modes=("int8_dinamic",)), "int8_dynamic"),
        (Request(models=("mini_lm",)), "minilm"),
        (Request(reference="eager"), "eager_eval"),
        (Request(profile="quick"), "smoke, default, gate and full"),
        (Request(threads=10_000), "usable cores"),
        (Request(threads=0), "usable cores"),
        (Request(batch=0), "from 1 up"),
        (Request(lengths=(-1,)), "from 1 up"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(request_, says):
    with pytest.raises(UsageError, match=says):
        cells(request_)


def test_only_modes_on_onnx_runtime_have_a_provider():
    asked = Request(
        models=("mlp",), modes=("bf16", "ort_all_online"), lengths=(1,), providers=("cpu", "cuda")
    )
    found = [(cell.mode, cell.provider) for cell in cells(asked)]
    assert found == [("bf16", "cpu"), ("ort_all_online", "cpu"), ("ort_all_online", "cuda")]


def test_a_model_that_the_profile_does_not_list_has_its_first_lengths():
    found = cells(Request(models=("digits_cnn_relu",)))
    assert {cell.length for cell in found} == {8, 16}
    assert {cell.mode for cell in found} == set(CORE_MODES)


def test_a_graph_without_a_module_has_modes_on_onnx_runtime_only(monkeypatch, tmp_path):
    graph = replace(
        discover.models()["mlp"],
        name="net",
        onnx=tmp_path / "net.onnx",
        reference="ort_disabled_online",
        fixed_batch=4,
    )
    monkeypatch.setattr(discover, "resolve", lambda _: graph)
    found = cells(Request(models=("net.onnx",)))
    assert found[0].mode == "ort_disabled_online" and found[0].batch == 4
    assert all(cell.mode.startswith("ort_") for cell in found)
    asked = cells(Request(models=("net.onnx",), modes=("bf16",)))
    assert {cell.mode for cell in asked} == {"bf16"}  # and it will say why it cannot
    with pytest.raises(UsageError, match="a batch of 4, not 3"):
        cells(Request(models=("net.onnx",), batch=3))
