"""sentence-transformers/multi-qa-mpnet-base-cos-v1: twelve layers, 109 million weights.

Nothing is downloaded. The real weights are read where they lie: in the folder that BENCH_MPNET
names, else in a Hugging Face hub cache that holds them as safetensors. Without either, the same
architecture has random weights: fidelity is told as ever, a task would mean nothing.
"""

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.errors import BenchError, Unavailable
from bench_core.model import Examples, Model, Task
from bench_core.models import docstrings, retrieval
from bench_core.models.sentence_encoder import (
    DYNAMIC_AXES,
    FILES,
    INPUT_NAMES,
    OUTPUT_NAME,
    Tokens,
    check_stages,
    pad_sentences,
    quiet,
    random_sentences,
    sentence_encoder,
)
from bench_core.runner import Inputs

if TYPE_CHECKING:
    from torch import nn

VARIABLE = "BENCH_MPNET"
REPOSITORY = "sentence-transformers/multi-qa-mpnet-base-cos-v1"
CONFIG: dict[str, Any] = {
    "hidden_act": "gelu",
    "hidden_size": 768,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": 514,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "relative_attention_num_buckets": 32,
    "vocab_size": 30527,
}
"""What decides its arithmetic, as its config.json has it."""

# Positions are counted from the padding's id on. The last id is that of <mask>.
TOKENS = Tokens(cls=0, sep=2, pad=1, first_word=1003, end=30526, most=512)
TASK_TOKENS = 128
WEIGHT_SEED = 0


def at_hand() -> Path | None:
    """The folder that BENCH_MPNET names, there or not, else the hub cache's; None without."""
    named = os.environ.get(VARIABLE)
    return Path(named).absolute() if named else cached()


def cached() -> Path | None:
    """Where the hub's cache holds the weights; None where it does not.

    By its layout, since every start looks here and importing huggingface_hub takes 0.3 s.
    Source: huggingface.co/docs/huggingface_hub/guides/manage-cache.
    """
    given = os.environ.get
    home = given("HF_HOME") or f"{given('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    cache = given("HF_HUB_CACHE") or given("HUGGINGFACE_HUB_CACHE") or f"{home}/hub"
    place = os.path.expandvars(os.path.expanduser(cache))  # noqa: PTH111 (in this order, as there)
    kept = Path(place).absolute() / f"models--{REPOSITORY.replace('/', '--')}"
    try:
        revision = (kept / "refs" / "main").read_text().strip()
    except OSError:
        return None
    folder = kept / "snapshots" / revision
    return folder if (folder / "model.safetensors").is_file() else None


def files(folder: Path | None) -> tuple[Path, ...]:
    """What the module and its task are made from, so far as it is there: `build` says what lacks.

    Else a wrong folder would end the sweep, and not just be this model's result.
    """
    there = [path for path in wanted(folder) if path.is_file()] if folder else []
    return (*there, Path(__file__))


def wanted(folder: Path) -> tuple[Path, ...]:
    """What a folder of sentence-transformers holds, the weights first."""
    return tuple(folder / name for name in ("model.safetensors", *FILES))


def build(folder: Path | None) -> "nn.Module":
    """The encoder, without MPNet's pooler: nothing reads it, and removing it is no merit.

    Raises: Unavailable where `folder` lacks a file; BenchError where its weights are pickled,
        or it holds another model.
    """
    return sentence_encoder(_random() if folder is None else _real(folder), token_types=False)


def _random() -> "nn.Module":
    import torch
    from transformers import MPNetConfig, MPNetModel

    # Only the CPU's generator is seeded, and set back: the caller's numbers stay as they were.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(WEIGHT_SEED)
        module: nn.Module = MPNetModel(MPNetConfig(**CONFIG), add_pooling_layer=False)
    return module


def _real(folder: Path) -> "nn.Module":
    import torch
    from safetensors import SafetensorError
    from transformers import MPNetModel

    _check(folder)
    try:
        with quiet():
            module: nn.Module
            module, found = MPNetModel.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                add_pooling_layer=False,
                dtype=torch.float32,  # else the file's own
                output_loading_info=True,
            )
    except SafetensorError as error:
        raise BenchError(
            f"{folder / 'model.safetensors'} is not whole ({error}); copy {REPOSITORY} again"
        ) from None
    if missing := sorted(found["missing_keys"]):
        raise BenchError(
            f"{folder / 'model.safetensors'} lacks {missing[0]} and {len(missing) - 1} more "
            f"weights, which would be random; copy {REPOSITORY} again"
        )
    return module


def _check(folder: Path) -> None:
    """That `folder` holds our model, whole. Raises: as `build` does."""
    weights, *_ = paths = wanted(folder)
    if not weights.is_file() and (folder / "pytorch_model.bin").is_file():
        raise BenchError(
            f"mpnet reads weights as safetensors; {folder} has them as pytorch_model.bin, a "
            "pickle, which can run anything; save them again with save_pretrained"
        )
    if missing := [path for path in paths if not path.is_file()]:
        raise Unavailable(
            f"mpnet needs {missing[0]}, which is not there; have {VARIABLE} name the folder of "
            f"{REPOSITORY}, or unset it for random weights"
        )
    try:
        config = json.loads((folder / "config.json").read_text())
        found = {key: config.get(key) for key in ("model_type", *CONFIG)}
        check_stages(folder, "mpnet")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BenchError(
            f"{folder} is not as sentence-transformers saves a model "
            f"({type(error).__name__}: {error}); copy {REPOSITORY} again"
        ) from None
    expected = {"model_type": "mpnet", **CONFIG}
    if differs := [key for key in expected if found[key] != expected[key]]:
        raise BenchError(
            f"{folder} holds another model than {REPOSITORY}: its {differs[0]} is "
            f"{found[differs[0]]!r}, not {expected[differs[0]]!r}; have {VARIABLE} name that one's"
        )


def examples(folder: Path) -> Examples:
    """The standard library's docstrings, as this model's own tokenizer cuts them."""
    tokenizer = folder / "tokenizer.json"
    return retrieval.examples(docstrings.standard_library(), tokenizer, TASK_TOKENS, TOKENS.pad)


def calibration(folder: Path) -> list[Inputs]:
    """The docstrings of private names, which the task leaves out, cut as the task's are."""
    others, judged = docstrings.left_out(), docstrings.standard_library()
    tokenizer = folder / "tokenizer.json"
    return retrieval.calibration(others, judged, tokenizer, TASK_TOKENS, TOKENS.pad)


def model(folder: Path | None) -> Model:
    """With the real weights of `folder`, or random ones."""
    task = Task("recall_at_1", TASK_TOKENS, partial(examples, folder)) if folder else None
    made_here = f"made here, seed {WEIGHT_SEED}: found no {VARIABLE}, nor {REPOSITORY} in a cache"
    return Model(
        name="mpnet",
        summary="multi-qa-mpnet-base-cos-v1: sentences as unit vectors, twelve layers of MPNet",
        length_axis="tokens",
        lengths=(16, 64, 128, 256),
        input_names=INPUT_NAMES,
        output_name=OUTPUT_NAME,
        dynamic_axes=DYNAMIC_AXES,
        build=partial(build, folder),
        inputs=partial(random_sentences, TOKENS, "mpnet"),
        files=partial(files, folder),
        bound="compute",
        weights="real" if folder else "random",
        licence="as its own card says" if folder else "Apache-2.0",
        source=f"{REPOSITORY}, from {folder}" if folder else made_here,
        frameworks=("transformers", "transformers.models.mpnet.modeling_mpnet"),
        task=task,
        calibration=partial(calibration, folder) if folder else None,
        pad=partial(pad_sentences, TOKENS),
    )


MPNET = model(at_hand())
