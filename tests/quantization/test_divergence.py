"""Divergences from running sums are those of the definition, and sooner than onnxruntime's."""

import math
import statistics
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

# The peer whose calibrator we are compared with.
from onnxruntime.quantization.calibrate import HistogramCollector  # noqa: TID251
from scipy.stats import entropy, t

from bench_core.quantization.divergence import divergences

LEVELS = 128


def defined(counts, start, end, levels):
    """KL(P ‖ Q) as it is written down, bin by bin; the logarithms are scipy's."""
    kept = np.array(counts[start:end], float)
    p = kept.copy()
    p[0] += sum(counts[:start])
    p[-1] += sum(counts[end:])
    group = np.arange(len(kept)) * levels // len(kept)
    q = np.zeros(len(kept))
    for g in range(levels):
        of_group = (group == g) & (kept > 0)
        if of_group.any():
            q[of_group] = kept[of_group].mean()
    return entropy(p, q)


@st.composite
def histograms(draw):
    """Counts, a slice of them and a number of levels."""
    counts = draw(st.lists(st.integers(0, 50) | st.just(0), min_size=4, max_size=60))
    levels = draw(st.integers(2, 4))
    start = draw(st.integers(0, len(counts) - levels))
    end = draw(st.integers(start + levels, len(counts)))
    return counts, start, end, levels


@settings(max_examples=100)
@given(histograms())
def test_it_is_what_the_definition_says(case):
    counts, start, end, levels = case
    if not any(counts[start:end]):
        return
    found = divergences(torch.tensor(counts), torch.tensor([start]), torch.tensor([end]), levels)
    # The sums are of n ln n below 60 · 50 · ln 3000 = 24 000, to 60 roundings of 1.1e-16 of
    # it, over a total of 1 at least; where the total is 1 they are below 1.
    assert found.item() == pytest.approx(defined(counts, start, end, levels), abs=1e-10)


@settings(max_examples=50)
@given(histograms())
def test_nothing_is_lost_where_there_is_a_level_for_each_bin(case):
    counts, *_ = case
    if not any(counts):
        return
    found = divergences(
        torch.tensor(counts), torch.tensor([0]), torch.tensor([len(counts)]), len(counts)
    )
    assert found.item() == pytest.approx(0, abs=1e-10)


def test_what_is_clipped_onto_an_empty_bin_is_lost():
    counts = torch.tensor([0, 0, 3, 5, 4, 0, 1])
    starts, ends = torch.tensor([2, 2, 1]), torch.tensor([5, 6, 5])
    found = divergences(counts, starts, ends, 3)
    # From bin 1 on nothing is left out below; bin 5 is empty, and the 1 beyond it is left out.
    assert [math.isinf(value) for value in found.tolist()] == [False, True, False]


SAMPLES = {
    "bell": lambda random: random.normal(size=200_000),
    "long tails": lambda random: random.standard_t(4, size=200_000),
    "cut off": lambda random: np.maximum(random.normal(size=200_000), 0),
    "lopsided": lambda random: random.gamma(2, size=200_000) - 1,
    "few": lambda random: random.normal(size=2_000),
}
HALF_WIDTHS = np.arange(LEVELS // 2, 257)
"""The slices that onnxruntime tries of 512 bins: so many on each side of the middle one."""
STARTS, ENDS = 256 - HALF_WIDTHS, np.minimum(256 + HALF_WIDTHS + 1, 512)


def histogram_of(name):
    """As onnxruntime collects it, but so wide that it cuts no threshold to the extent."""
    x = SAMPLES[name](np.random.default_rng(0)).astype(np.float32)
    reach = np.abs(x).max()
    counts, edges = np.histogram(x, 512, range=(-reach, reach))
    edges = edges.astype(np.float32)
    return counts, edges, edges[0], edges[-1], reach


COLLECTOR = HistogramCollector("entropy", True, 512, LEVELS, None, "same")


def theirs(histogram):
    """The place of the slice that onnxruntime chooses."""
    low, _ = COLLECTOR.get_entropy_threshold(histogram, LEVELS)
    return int(np.flatnonzero(histogram[1][STARTS] == low)[0])


def ours(histogram):
    counts = torch.from_numpy(histogram[0])
    return int(divergences(counts, torch.tensor(STARTS), torch.tensor(ENDS), LEVELS).argmin())


@pytest.mark.parametrize("name", SAMPLES)
def test_no_more_is_lost_than_where_onnxruntime_clips(name):
    """On the same histogram, by the definition.

    onnxruntime's own sums differ from it: they leave up to 127 bins on the right in no group,
    cut the spread counts down to integers and smooth by 1e-4 of a count.
    """
    histogram = histogram_of(name)
    lost = [
        defined(histogram[0], STARTS[place], ENDS[place], LEVELS)
        for place in (ours(histogram), theirs(histogram))
    ]
    assert lost[0] <= lost[1] + 1e-12


@pytest.fixture
def one_thread():
    """As NumPy has: on cores that others use too, two would wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_it_takes_a_tenth_of_onnxruntimes_time_or_less(one_thread):
    """On the same histogram and slices: taken in turn until the ratio is sure."""
    histogram = histogram_of("bell")
    ours(histogram)

    def seconds(choose):
        start = time.perf_counter()
        choose(histogram)
        return time.perf_counter() - start

    ratios = []
    while len(ratios) < 20:
        ratios.append(math.log(seconds(theirs) / seconds(ours)))
        if len(ratios) >= 4:
            half = t.ppf(0.9995, len(ratios) - 1) * statistics.stdev(ratios) / len(ratios) ** 0.5
            if abs(statistics.mean(ratios) - math.log(10)) > half:
                break
    assert statistics.mean(ratios) > math.log(10)
