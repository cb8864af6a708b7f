"""Equalise the channel ranges of neighbouring layers; move high biases on."""

import torch

from bench_core.quantization.absorption import absorb
from bench_core.quantization.clip import RELU
from bench_core.quantization.equalization import equalise_chain
from bench_core.quantization.graph.convolution import convolution_of, is_matrix_product
from bench_core.quantization.graph.linear import (
    Pair,
    apply_clip,
    chains,
    clip_of,
    pairs,
    read,
    write,
)
from bench_core.quantization.pre_activation import PreActivation
from bench_core.quantization.work import Work

ATEN = torch.ops.aten
PADDED = {getattr(ATEN, f"avg_pool{axes}d").default for axes in (1, 2, 3)}


def replace_relu6(work: Work) -> None:
    """Let ReLU stand for each ReLU6, as where a twin was trained with it: another function."""
    replaced = 0
    for node in list(work.graph.graph.nodes):
        if node.target is ATEN.hardtanh.default and float(clip_of(node).low) == 0:
            node.target, node.args = ATEN.relu.default, node.args[:1]
            replaced += 1
    work.graph.recompile()
    work.notes["relu6_replaced"] = replaced


def equalise(work: Work) -> None:
    """Every chain of layers; a clip between two of them becomes one per channel."""
    graph, equalised = work.graph, 0
    for chain in chains(pairs(graph)):
        layers = [chain[0].first, *(pair.second for pair in chain)]
        moved, scales = equalise_chain([read(graph, layer) for layer in layers])
        for layer, linear in zip(layers, moved, strict=True):
            write(graph, layer, linear)
        for pair, s in zip(chain, scales, strict=True):
            for node in pair.clips:
                apply_clip(graph, node, clip_of(node).divided(s), pair.first.kind.output_axis)
            if pair.first.name in work.known:
                work.known[pair.first.name] = work.known[pair.first.name].divided(s)
        equalised += len(chain)
    graph.recompile()
    work.notes["equalised_pairs"] = equalised


def absorb_high_biases(work: Work) -> None:
    """Where it is exact but for the tails: a ReLU between, a second layer that does not pad."""
    graph, absorbed = work.graph, 0
    for pair in pairs(graph):
        known = work.known.get(pair.first.name)
        if known is None or not _may_absorb(pair):
            continue
        first, second, c = absorb(read(graph, pair.first), read(graph, pair.second), known)
        if not c.any():
            continue
        write(graph, pair.first, first)
        write(graph, pair.second, second)
        work.known[pair.first.name] = PreActivation(known.mean - c, known.std)
        absorbed += 1
    graph.recompile()
    work.notes["absorbed_pairs"] = absorbed


def _may_absorb(pair: Pair) -> bool:
    clips = [clip_of(node) for node in pair.clips]
    if [(clip.low, clip.high) for clip in clips] != [(RELU.low, RELU.high)]:
        return False
    # A maximum and a mean commute with − c; a mean over a padded border does not.
    if any(pool.target in PADDED for pool in pair.pools):
        return False
    if pair.second.node.target is ATEN.linear.default:
        return True
    moved = convolution_of(pair.second) if is_matrix_product(pair.second) else None
    return moved is not None and not moved.transposed and not any(moved.padding)
