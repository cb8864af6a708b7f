import torch
from torch import nn

from bench_core.quantization.graph import layers
from bench_core.quantization.graph.capture import capture
from bench_core.quantization.graph.values import Values
from tests.quantization.nets import Bottleneck, exported, shaken


def run_to_end(values):
    for node in values.steps():
        last = node
        found = values.run(node)
    assert last.op == "output"
    return [one[0] for one in found]


def test_it_computes_what_the_graph_does():
    graph, _ = capture(exported(shaken(Bottleneck()), 2, 3, 7, 7))
    batches = [(torch.randn(size, 3, 7, 7),) for size in (1, 4, 2)]
    for (x,), y in zip(batches, run_to_end(Values(graph, batches)), strict=True):
        torch.testing.assert_close(y, graph(x), rtol=0, atol=0)


def test_tensors_can_be_replaced_until_they_are_read():
    graph, _ = capture(exported(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), 2, 4))
    _, second = layers.find(graph)
    batches = [(torch.randn(5, 4),)]
    values = Values(graph, batches)
    for node in values.steps():
        if node is second.node:
            values.instead[second.weights[0]] = torch.zeros(2, 3)
        if node.op == "output":
            (y,) = values.run(node)[0]
    torch.testing.assert_close(y, graph.get_parameter("1.bias").expand(5, 2))


def test_what_is_read_no_more_is_dropped():
    graph, _ = capture(exported(nn.Sequential(*[nn.Linear(4, 4) for _ in range(6)]), 2, 4))
    values = Values(graph, [(torch.randn(2, 4),)])
    for _ in values.steps():
        assert len(values._found) <= 2
