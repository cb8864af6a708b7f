import pytest
import torch
from torch import nn

from bench_core.errors import Unsupported
from bench_core.quantization.graph import layers
from bench_core.quantization.graph.capture import capture
from tests.quantization.nets import Bottleneck, Tied, Twice, export, exported, shaken

ATEN = torch.ops.aten


def targets(graph):
    return [node.target for node in graph.graph.nodes if node.op == "call_function"]


def test_norms_are_folded_and_outputs_stay():
    for activation in (nn.ReLU, nn.ReLU6):
        module = shaken(Bottleneck(activation)).double().eval()
        x = torch.randn(3, 3, 7, 7, dtype=torch.float64)
        with torch.no_grad():
            program = export(module, (x,))
            graph, known = capture(program)
            torch.testing.assert_close(graph(x), module(x), rtol=1e-9, atol=1e-9)
        assert ATEN.batch_norm.default not in targets(graph)
        assert list(known) == ["layers.0", "layers.3", "layers.6"]
        # What a norm puts out is β on average.
        torch.testing.assert_close(known["layers.0"].mean, module.layers[1].bias.detach())


def test_the_program_stays_as_it_was():
    module = shaken(Bottleneck())
    program = exported(module, 2, 3, 7, 7)
    before = {name: value.clone() for name, value in program.state_dict.items()}
    capture(program)
    for name, value in program.state_dict.items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_a_layer_called_twice_keeps_its_norm():
    module = shaken(Twice())
    x = torch.randn(2, 4, 5, 5)
    graph, known = capture(exported(module, 2, 4, 5, 5))
    assert known == {}
    assert targets(graph).count(ATEN.batch_norm.default) == 1
    torch.testing.assert_close(graph(x), module(x), rtol=0, atol=0)
    assert [layer.name for layer in layers.find(graph)] == ["conv", "conv#2"]


def test_tied_weights_are_held_once():
    graph, _ = capture(exported(Tied(), 2, 6))
    first, second = layers.find(graph)
    assert first.weights == second.weights


def test_dropout_is_gone_and_training_is_refused():
    module = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 2))
    graph, _ = capture(exported(module, 2, 4))
    assert set(targets(graph)) == {ATEN.linear.default}
    training = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    program = export(training, (torch.randn(2, 3, 5, 5),))
    with pytest.raises(Unsupported, match=r"take the module after eval\(\)"):
        capture(program)
