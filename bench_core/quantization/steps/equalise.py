"""Equalise the channel ranges of neighbouring layers; move high biases on."""

import torch

from bench_core.quantization.absorption import absorb
from bench_core.quantization.clip import RELU, Clip
from bench_core.quantization.equalization import equalise_chain
from bench_core.quantization.fold import PreActivation
from bench_core.quantization.graph.linear import (
    Pair,
    apply_clip,
    chains,
    clip_of,
    pairs,
    read,
    write,
)
from bench_core.quantization.work import Work

ATEN = torch.ops.aten
PADDED = {getattr(ATEN, f"avg_pool{axes}d").default for axes in (1, 2, 3)}


def replace_relu6(work: Work) -> None:
    """Let ReLU stand for each ReLU6, as where a twin was trained with it: another function."""
    replaced = 0
    for node in list(work.graph.graph.nodes):
        clips = node.target in (ATEN.hardtanh.default, ATEN.hardtanh_.default)
        if clips and float(clip_of(node).low) == 0:
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
                apply_clip(graph, node, clip_of(node).divided(s), _channel_axis(pair))
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
    if len(pair.clips) != 1 or not _is_relu(clip_of(pair.clips[0])):
        return False
    # A maximum and a mean commute with − c; a mean over a padded border does not.
    if any(pool.target in PADDED for pool in pair.pools):
        return False
    second = pair.second.node
    return second.target is ATEN.linear.default or (
        second.target in (ATEN.conv1d.default, ATEN.conv2d.default, ATEN.conv3d.default)
        and not any(_padding(second))
    )


def _is_relu(clip: Clip) -> bool:
    return bool(clip.low == RELU.low) and bool(clip.high == RELU.high)


def _padding(conv: torch.fx.Node) -> list[int]:
    given = conv.args[4] if len(conv.args) > 4 else [0]
    return list(given)  # type: ignore[arg-type]


def _channel_axis(pair: Pair) -> int:
    """Of what the first layer puts out."""
    return -1 if pair.first.node.target is ATEN.linear.default else 1
