"""Retrieval with an encoder: which of all bodies is nearest to a summary?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bench_core.model import Examples
from bench_core.models.docstrings import Pair, sha256
from bench_core.runner import Inputs

BATCH = 32

CALIBRATION = 256
"""Texts that ranges are taken from."""

CHUNK = 512
"""Queries compared at a time: 512 × 2,000 float64 are 8 MB."""


def examples(pairs: Sequence[Pair], tokenizer: Path, tokens: int, pad: int) -> Examples:
    """Queries first, then the bodies, cut at `tokens` and run in order of their lengths.

    Bodies that the model cannot tell apart, for they are the same up to `tokens`, count as
    one: which of them came out nearest would be decided by rounding.

    tokenizer: a tokenizer.json of the `tokenizers` library.
    """
    queries = _ids([pair.summary for pair in pairs], tokenizer, tokens)
    bodies = _ids([pair.body for pair in pairs], tokenizer, tokens)
    distinct = {body: index for index, body in enumerate(dict.fromkeys(bodies))}
    texts = [*queries, *distinct]
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))

    def predict(outputs: list[np.ndarray]) -> np.ndarray:
        run = np.concatenate(outputs)
        vectors = np.empty(run.shape, np.float64)
        vectors[order] = run
        return nearest(vectors[: len(queries)], vectors[len(queries) :])

    return Examples(
        batches=list(_batches([texts[index] for index in order], pad)),
        expected=np.array([distinct[body] for body in bodies]),
        predict=predict,
        corpus_sha256=sha256(pairs),
    )


def calibration(
    others: Sequence[Pair], judged: Sequence[Pair], tokenizer: Path, tokens: int, pad: int
) -> list[Inputs]:
    """Texts of `others`, evenly spread over them, in batches as the task's.

    Left out are those that the model cannot tell from one of the pairs that it is judged by.
    """
    known = set(_ids(_texts(judged), tokenizer, tokens))
    found = [
        ids for ids in dict.fromkeys(_ids(_texts(others), tokenizer, tokens)) if ids not in known
    ]
    count = min(CALIBRATION, len(found))
    chosen = [found[len(found) * place // count] for place in range(count)]
    return list(_batches(sorted(chosen, key=len), pad))


def nearest(queries: np.ndarray, bodies: np.ndarray) -> np.ndarray:
    """Per query [q, d] the index of the body [b, d] of greatest dot product, the first of ties."""
    parts = range(0, len(queries), CHUNK)
    return np.concatenate([(queries[at : at + CHUNK] @ bodies.T).argmax(1) for at in parts])


def _texts(pairs: Sequence[Pair]) -> list[str]:
    return [text for pair in pairs for text in (pair.summary, pair.body)]


def _ids(texts: list[str], tokenizer: Path, tokens: int) -> list[tuple[int, ...]]:
    from tokenizers import Tokenizer

    encoder = Tokenizer.from_file(str(tokenizer))
    encoder.no_padding()
    encoder.enable_truncation(tokens)
    # One by one: encode_batch starts threads, and whoever loads a task may fork after it.
    return [tuple(encoder.encode(text).ids) for text in texts]


def _batches(texts: list[tuple[int, ...]], pad: int) -> Iterator[Inputs]:
    """Ids and mask, int64, each padded to the longest text of the batch."""
    for at in range(0, len(texts), BATCH):
        rows = texts[at : at + BATCH]
        ids = np.full((len(rows), max(map(len, rows))), pad, np.int64)
        mask = np.zeros_like(ids)
        for row, text in enumerate(rows):
            ids[row, : len(text)] = text
            mask[row, : len(text)] = 1
        yield ids, mask
