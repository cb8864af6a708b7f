from dataclasses import replace

import pytest

from bench_core import discover
from bench_core.errors import Unavailable
from bench_core.sweep.fingerprint import making_key, measuring_key


@pytest.fixture
def changed(monkeypatch):
    """mlp with fields replaced; keys are forgotten before and after."""

    def change(**fields):
        models = discover.models() | {"mlp": replace(discover.models()["mlp"], **fields)}
        monkeypatch.setattr(discover, "models", lambda: models)
        making_key.cache_clear(), measuring_key.cache_clear()

    yield change
    making_key.cache_clear(), measuring_key.cache_clear()


def test_other_weights_are_another_key(changed, tmp_path):
    (tmp_path / "a").write_text("1")
    changed(files=lambda: (tmp_path / "a",))
    before = making_key("mlp"), measuring_key("mlp", ())
    (tmp_path / "a").write_text("2")
    making_key.cache_clear(), measuring_key.cache_clear()
    assert all(
        one != other for one, other in zip(before, (making_key("mlp"), measuring_key("mlp", ())))
    )


def test_another_source_is_another_key(changed):
    before = making_key("mlp")
    changed(source="elsewhere")
    assert making_key("mlp") != before


@pytest.mark.parametrize(
    "room", ["models", "given", "modes", "runtimes", "quantization", "onnx_graph"]
)
def test_other_code_that_makes_artefacts_is_another_key(tmp_path, room):
    (tmp_path / room).mkdir()
    before = making_key("mlp", tmp_path)
    (tmp_path / room / "a.py").write_text("1")
    making_key.cache_clear()
    assert making_key("mlp", tmp_path) != before


def test_a_model_whose_files_are_missing_has_a_key_all_the_same(changed):
    """Its cells then say what is missing, each in a record of its own."""

    def files():
        raise Unavailable("its package is not installed")

    before = making_key("mlp")
    changed(files=files)
    assert making_key("mlp") != before
