"""Random weights, a folder with real ones, a hub cache, and what is refused.

The architecture is shrunk: at full size building alone takes two seconds.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import nn

from bench_core.errors import BenchError, Unavailable
from bench_core.models import docstrings, mpnet
from bench_core.models.docstrings import Pair
from bench_core.runtimes import oracle

SMALL = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
}
UNIT_ULP = np.finfo(np.float32).eps
"""Of a component of a unit vector, at most."""

WHERE = ("BENCH_MPNET", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mpnet, "CONFIG", mpnet.CONFIG | SMALL)


def save(folder: Path, dtype: torch.dtype = torch.float32) -> Path:
    """What sentence-transformers publishes, with the tiny architecture and four words."""
    from transformers import MPNetConfig, MPNetModel
    from transformers.utils import logging

    torch.manual_seed(7)
    logging.disable_progress_bar()
    encoder = MPNetModel(MPNetConfig(**mpnet.CONFIG)).to(dtype)
    encoder.save_pretrained(folder)
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {
            "idx": index,
            "name": str(index),
            "path": path,
            "type": f"sentence_transformers.models.{kind}",
        }
        for index, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "2_Normalize").mkdir()
    pooling = {
        "word_embedding_dimension": 16,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
    }
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    words = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "find": 2000, "keep": 2001, "the": 2002}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.save(str(folder / "tokenizer.json"))
    tokens = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(tmp_path / "multi-qa")


def encode(module: nn.Module, arrays: tuple[np.ndarray, ...]) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = module(*map(torch.from_numpy, arrays))
    return found


def test_its_full_size_is_that_of_the_published_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with torch.device("meta"):
        module = mpnet._random()
    # Published are 109,486,464, of which the pooler, which is left out, has 768 · 769.
    assert sum(value.numel() for value in module.parameters()) == 109_486_464 - 768 * 769


def test_without_weights_at_hand_they_are_random_and_it_says_so() -> None:
    model = mpnet.model(None)
    assert (model.weights, model.task) == ("random", None)
    assert "seed 0" in model.source and "BENCH_MPNET" in model.source
    assert [path.name for path in model.files()] == ["mpnet.py"]


def test_random_weights_are_the_same_each_time_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again = (mpnet.build(None).state_dict() for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_padding_changes_nothing_but_the_rounding() -> None:
    module = mpnet.build(None)
    ids, mask = mpnet.model(None).inputs(24, 4, 7, True)
    padded = encode(module, (ids, mask)).numpy()
    for row, kept, vector in zip(ids, mask.sum(1), padded, strict=True):
        alone = encode(module, (row[None, :kept], mask[:1, :kept] * 0 + 1)).numpy()[0]
        assert np.abs(alone - vector).max() < 32 * UNIT_ULP


def test_the_oracle_runs_it_in_float64_throughout() -> None:
    inputs = [mpnet.model(None).inputs(length, 2, 0, True) for length in (8, 300)]
    module = mpnet.build(None)
    exact, name, below = oracle.run(module, inputs)
    assert (name, below) == ("float64", [])
    # Relative positions are put into buckets by a logarithm: one bucket off would be 1e-3.
    for one, other in zip(exact, oracle.eager_outputs(module, inputs), strict=True):
        assert np.abs(one - other).max() < 32 * UNIT_ULP


@pytest.mark.filterwarnings("ignore")  # tracing warns of shapes read as Python numbers
def test_a_trace_serves_other_batches_lengths_and_paddings() -> None:
    module, inputs = mpnet.build(None), mpnet.model(None).inputs
    example = tuple(map(torch.from_numpy, inputs(16, 2, 0, False)))
    traced = torch.jit.trace(module, example)  # type: ignore[no-untyped-call]
    for arrays in (inputs(40, 3, 1, True), inputs(9, 1, 2, False)):
        assert (encode(traced, arrays) - encode(module, arrays)).abs().max() < 32 * UNIT_ULP


def test_a_folder_s_model_agrees_with_sentence_transformers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        theirs = SentenceTransformer(str(folder), device="cpu")
    model = mpnet.model(folder)
    ids, mask = model.inputs(12, 3, 0, True)
    features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    with torch.inference_mode():
        expected = theirs(features)["sentence_embedding"]

    def refuse(*_: object) -> None:
        raise AssertionError("no connection may be opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    found = encode(model.build(), (ids, mask))
    assert (found - expected).abs().max() < 8 * UNIT_ULP
    assert (model.weights, model.source.endswith(str(folder))) == ("real", True)
    assert len(model.files()) == 6


def test_it_is_in_eval_mode_in_float32_and_without_a_pooler(tmp_path: Path) -> None:
    module = mpnet.build(save(tmp_path / "half", torch.float16))
    assert not any(part.training for part in module.modules())
    assert {value.dtype for value in module.parameters()} == {torch.float32}
    assert not [name for name, _ in module.named_parameters() if "pooler" in name]


def test_its_task_is_the_docstrings_cut_by_its_own_tokenizer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = (Pair("a", "find the", "the keep"), Pair("b", "keep", "find find unknown"))
    monkeypatch.setattr(docstrings, "standard_library", lambda: pairs)
    task = mpnet.model(folder).task
    assert task is not None
    ((ids, mask),) = task.load().batches
    assert [0, 2000, 2000, 3, 2] in ids.tolist()
    assert ((ids == 1) == (mask == 0)).all()


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def lose_a_layer(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    kept = {name: value for name, value in load_file(path).items() if "layer.1" not in name}
    save_file(kept, path, {"format": "pt"})


def become(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def garble(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None


def drop_normalisation(folder: Path) -> None:
    path = folder / "modules.json"
    path.write_text(json.dumps(json.loads(path.read_text())[:2]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (cut_short, "model.safetensors is not whole"),
        (lose_a_layer, r"lacks encoder\.layer\.1\..* and 15 more"),
        (become(model_type="bert"), "its model_type is 'bert', not 'mpnet'"),
        (become(num_hidden_layers=6), "its num_hidden_layers is 6, not 2"),
        (drop_normalisation, "implements Transformer, Pooling"),
        (garble("config.json", "{"), "is not as sentence-transformers saves"),
        (garble("config.json", "[]"), "is not as sentence-transformers saves"),
        (garble("modules.json", "[{}]"), "is not as sentence-transformers saves"),
    ],
)
def test_another_or_a_broken_model_is_refused(
    folder: Path, change: Callable[[Path], None], says: str
) -> None:
    change(folder)
    with pytest.raises(BenchError, match=says) as caught:
        mpnet.build(folder)
    assert not isinstance(caught.value, Unavailable)


def test_pickled_weights_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BenchError, match=r"pytorch_model\.bin, a pickle, which can run anything"):
        mpnet.build(folder)


@pytest.mark.parametrize("name", ["model.safetensors", *mpnet.FILES])
def test_a_missing_file_makes_it_unavailable_and_the_others_count(folder: Path, name: str) -> None:
    before = mpnet.files(folder)
    (folder / name).unlink()
    assert set(before) - set(mpnet.files(folder)) == {folder / name}
    with pytest.raises(Unavailable, match=f"needs {folder / name}, which is not there"):
        mpnet.build(folder)


def fill_cache(hub: Path, folder: Path, revision: str = "d51b22a1") -> Path:
    """As huggingface_hub lays it out: a revision's files are links to what they hold."""
    kept = hub / "models--sentence-transformers--multi-qa-mpnet-base-cos-v1"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(revision)
    snapshot = kept / "snapshots" / revision
    for path in (path for path in folder.rglob("*") if path.is_file()):
        blob = kept / "blobs" / f"{len(list(kept.rglob('*')))}"
        blob.parent.mkdir(exist_ok=True)
        shutil.copy(path, blob)
        link = snapshot / path.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return snapshot


PLACES = {
    "HF_HUB_CACHE": ("{}", "."),
    "HUGGINGFACE_HUB_CACHE": ("{}", "."),
    "HF_HOME": ("{}/home", "home/hub"),
    "XDG_CACHE_HOME": ("{}/xdg", "xdg/huggingface/hub"),
    "HOME": ("{}", ".cache/huggingface/hub"),
}


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WHERE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))


@pytest.mark.parametrize("variable", PLACES)
@pytest.mark.usefixtures("nowhere")
def test_a_filled_hub_cache_is_found_where_huggingface_hub_looks(
    variable: str, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, hub = PLACES[variable]
    snapshot = fill_cache(tmp_path / "cache" / hub, folder)
    assert mpnet.at_hand() is None
    monkeypatch.setenv(variable, value.format(tmp_path / "cache"))
    assert mpnet.at_hand() == snapshot
    code = (
        "from huggingface_hub import try_to_load_from_cache as find\n"
        f"print(find({mpnet.REPOSITORY!r}, 'model.safetensors'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(snapshot / "model.safetensors")


@pytest.mark.usefixtures("nowhere")
def test_a_cached_model_is_built_and_one_without_safetensors_is_none(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = fill_cache(tmp_path / "hub", folder)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    model = mpnet.model(mpnet.at_hand())
    assert str(snapshot) in model.source
    assert len(encode(model.build(), model.inputs(5, 2, 0, False))) == 2
    (snapshot / "model.safetensors").unlink()
    assert mpnet.at_hand() is None


@pytest.mark.usefixtures("nowhere")
def test_the_variable_comes_first_and_is_not_passed_over_where_nothing_is_there(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    fill_cache(tmp_path / "hub", folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_MPNET", "multi-qa")
    assert mpnet.at_hand() == folder
    monkeypatch.setenv("BENCH_MPNET", "gone")
    model = mpnet.model(mpnet.at_hand())
    assert model.weights == "real"
    with pytest.raises(Unavailable, match="gone"):
        model.build()
