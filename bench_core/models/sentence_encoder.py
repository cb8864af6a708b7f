"""What sentence encoders share: their shape, the folder that they come in, random sentences."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench_core.errors import BenchError, UsageError
from bench_core.runner import Inputs

if TYPE_CHECKING:
    from torch import nn

INPUT_NAMES = ("input_ids", "attention_mask")
OUTPUT_NAME = "sentence_embedding"
DYNAMIC_AXES = {
    "input_ids": {0: "batch", 1: "length"},
    "attention_mask": {0: "batch", 1: "length"},
    "sentence_embedding": {0: "batch"},
}
FILES = ("config.json", "modules.json", "1_Pooling/config.json", "tokenizer.json")
"""What lies beside the weights, in the folder of a sentence-transformers model."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """An encoder's ids, as its tokenizer gives them. Words are `first_word` ≤ id < `end`.

    most: how many it has positions for.
    """

    cls: int
    sep: int
    pad: int
    first_word: int
    end: int
    most: int


def sentence_encoder(encoder: "nn.Module", *, token_types: bool) -> "nn.Module":
    """(input_ids, attention_mask), int64 [batch, length] → unit vectors [batch, width].

    The encoder, the mean over the tokens that are not masked, then x / ‖x‖₂. In eval mode: a
    wrapper that said train would have exporters, which set back the mode that they read off
    it, switch the encoder's dropout on.

    token_types: the encoder's third input is the segment of each token, all 0.
    """
    from torch import Tensor, nn, zeros_like

    class SentenceEncoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            segments = (zeros_like(input_ids),) if token_types else ()
            hidden = self.encoder(input_ids, attention_mask, *segments)[0]
            # In the module's own dtype, which .double() and .bfloat16() change.
            kept = attention_mask.to(hidden.dtype).unsqueeze(2)
            mean = (hidden * kept).sum(1) / kept.sum(1).clamp(min=1)
            unit: Tensor = nn.functional.normalize(mean, dim=1)
            return unit

    return SentenceEncoder().eval()


def check_stages(folder: Path, name: str) -> None:
    """That `folder` asks for what `sentence_encoder` does. Raises: BenchError if not."""
    modules = json.loads((folder / "modules.json").read_text())
    stages = [module["type"].rpartition(".")[2] for module in modules]
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
    modes = [key for key, on in pooling.items() if key.startswith("pooling_mode") and on]
    if (stages, modes) != (["Transformer", "Pooling", "Normalize"], ["pooling_mode_mean_tokens"]):
        raise BenchError(
            f"{name} implements Transformer, Pooling by pooling_mode_mean_tokens and Normalize; "
            f"{folder} asks for {stages} by {modes}; give it the files of {name}"
        )


@contextmanager
def quiet() -> Iterator[None]:
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


def random_sentences(
    tokens: Tokens, name: str, length: int, batch: int, seed: int, padded: bool
) -> Inputs:
    """[CLS], random words, [SEP]: input_ids and attention_mask, int64 [batch, length].

    Padded: each row ends in 1 to length − 3 of [PAD], masked; no two rows in as many, while
    there are that many ways. Below 4 tokens there is no room for padding.
    Raises: UsageError if `length` is not from 2 to `tokens.most`.
    """
    if not 2 <= length <= tokens.most:
        raise UsageError(
            f"{name} takes 2 ([CLS] and [SEP]) to {tokens.most} tokens (its position "
            f"embeddings), not {length}"
        )
    rng = np.random.default_rng(seed)
    ids = rng.integers(tokens.first_word, tokens.end, (batch, length))
    room = max(length - 3, 0) if padded else 0
    pads = np.resize(1 + rng.permutation(room), batch) if room else np.zeros(batch, np.int64)
    last = length - 1 - pads[:, None]
    mask = (np.arange(length) <= last).astype(np.int64)
    ids[:, 0] = tokens.cls
    np.put_along_axis(ids, last, tokens.sep, axis=1)
    return (np.where(mask == 1, ids, tokens.pad), mask)


def pad_sentences(tokens: Tokens, inputs: Inputs, length: int) -> Inputs:
    """The same sentences, then [PAD], masked. Shapes: [batch, n] → [batch, length]."""
    ids, mask = inputs
    room = ((0, 0), (0, length - ids.shape[1]))
    return np.pad(ids, room, constant_values=tokens.pad), np.pad(mask, room)
