import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.model import Examples
from bench_core.models.docstrings import Pair
from bench_core.models.retrieval import BATCH, CALIBRATION, calibration, examples, nearest

PAD = 0
WORDS = {"[PAD]": PAD, "[UNK]": 1, **{word: index for index, word in enumerate("abcdefgh", 2)}}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Single letters; it says itself to pad to 7 and to cut at 2, which must not count."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    truncation = {"max_length": 2, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    padding = {"strategy": {"Fixed": 7}, "direction": "Right", "pad_to_multiple_of": None,
               "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}  # fmt: skip
    path.write_text(
        json.dumps(
            {
                "version": "1.0", "truncation": truncation, "padding": padding,
                "added_tokens": [], "normalizer": None, "post_processor": None, "decoder": None,
                "pre_tokenizer": {"type": "Whitespace"},
                "model": {"type": "WordLevel", "vocab": WORDS, "unk_token": "[UNK]"},
            }
        )
    )  # fmt: skip
    return path


def bag_of_words(batch: tuple[np.ndarray, ...]) -> np.ndarray:
    """An encoder that reads the mask and not the order: counts per word, of length 1."""
    ids, mask = batch
    counts = (np.eye(len(WORDS))[ids] * mask[..., None]).sum(1)
    unit: np.ndarray = counts / np.linalg.norm(counts, axis=1, keepdims=True)
    return unit


def run(data: Examples) -> np.ndarray:
    return data.predict([bag_of_words(batch) for batch in data.batches])


words = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=9).map(" ".join)
bags = st.lists(words, min_size=1, max_size=80, unique_by=lambda text: frozenset(text.split()))


@given(bags, st.randoms(use_true_random=False))
def test_a_summary_of_its_bodys_words_finds_it_wherever_the_sort_put_it(
    tokenizer: Path, texts: list[str], random: object
) -> None:
    pairs = [Pair("", " ".join(sorted(set(text.split()))), text) for text in texts]
    unique = [Pair("", pair.summary, pair.summary) for pair in pairs]
    data = examples(unique, tokenizer, 9, PAD)
    assert np.array_equal(data.expected, np.arange(len(texts)))
    assert np.array_equal(run(data), data.expected)


@given(st.lists(words, min_size=1, max_size=80), st.integers(1, 9))
def test_batches_are_sorted_by_length_and_padded_to_their_longest(
    tokenizer: Path, texts: list[str], tokens: int
) -> None:
    data = examples([Pair("", text, text) for text in texts], tokenizer, tokens, PAD)
    rows = np.concatenate([mask.sum(1) for _, mask in data.batches])
    assert (np.diff(rows) >= 0).all()
    assert rows.max() == min(tokens, max(len(text.split()) for text in texts))
    for ids, mask in data.batches:
        assert ids.dtype == mask.dtype == np.int64
        assert ids.shape[1] == mask.sum(1).max()
        assert ((ids != PAD) == (mask == 1)).all()
    assert all(len(ids) == BATCH for ids, _ in data.batches[:-1])


def test_bodies_that_are_the_same_once_cut_are_one(tokenizer: Path) -> None:
    pairs = [Pair("", "a", "a b c d"), Pair("", "e", "e"), Pair("", "b", "a b c h")]
    data = examples(pairs, tokenizer, 3, PAD)
    assert data.expected.tolist() == [0, 1, 0]
    assert run(data).tolist() == [0, 1, 0]


texts = st.lists(st.tuples(words, words), max_size=200)


@given(texts, st.lists(st.tuples(words, words), max_size=20), st.integers(1, 9))
def test_calibration_is_of_the_other_texts_once_each_without_what_is_judged_by(
    tokenizer: Path, others: list[tuple[str, str]], judged: list[tuple[str, str]], tokens: int
) -> None:
    def read(texts: list[tuple[str, str]]) -> set[tuple[int, ...]]:
        """As the model reads them: cut."""
        return {tuple(map(WORDS.get, text.split()[:tokens])) for pair in texts for text in pair}

    pairs = [[Pair("", *one) for one in texts] for texts in (others, judged)]
    found = calibration(*pairs, tokenizer, tokens, PAD)
    rows = [tuple(row[mask == 1]) for batch in found for row, mask in zip(*batch, strict=True)]
    possible = read(others) - read(judged)
    assert len(set(rows)) == len(rows) == min(len(possible), CALIBRATION)
    assert set(rows) <= possible
    assert [len(row) for row in rows] == sorted(map(len, rows))
    assert all(len(ids) == BATCH for ids, _ in found[:-1])


@given(st.integers(1, 1100), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_nearest_is_the_first_greatest_product_of_each_query(
    queries: int, bodies: int, seed: int
) -> None:
    # Small whole numbers: products are exact and ties are many.
    rng = np.random.default_rng(seed)
    some = rng.integers(-2, 3, (queries, 3)).astype(float)
    others = rng.integers(-2, 3, (bodies, 3)).astype(float)
    found = nearest(some, others)
    for query, index in zip(some, found, strict=True):
        scores = [float(query @ body) for body in others]
        assert scores.index(max(scores)) == index
