"""What each layer computes and moves: by formula, and by PyTorch's own count."""

import pytest

from bench_core.runtimes.layer_work import layer_work
from bench_core.runtimes.oracle import flops
from bench_core.runtimes.peak import bytes_per_s
from tests.modes import small

LENGTH, WIDTH = 7, small.WIDTH


@pytest.mark.parametrize("model", [small.TEXT, small.IMAGE], ids=lambda model: model.name)
def test_the_layers_operations_are_all_there_are(model):
    module, inputs = model.build(), model.inputs(LENGTH, 1, 0, False)
    found = layer_work(module, inputs)
    assert sum(operations for _, operations, _ in found) == flops(module, inputs)
    assert not any(part._forward_hooks for part in module.modules())


def test_a_layers_bytes_are_its_inputs_outputs_and_weights():
    found = layer_work(small.TEXT.build(), small.TEXT.inputs(LENGTH, 1, 0, False))
    by_name = {name: (operations, n_bytes) for name, operations, n_bytes in found}
    wide, inner = 4 * WIDTH, LENGTH * WIDTH
    assert by_name == {
        "embed": (0, 8 * LENGTH + 4 * inner),  # int64 ids, and the rows that they look up
        "widen": (2 * inner * wide, 4 * (inner + LENGTH * wide + WIDTH * wide + wide)),
        "narrow": (2 * inner * wide, 4 * (inner + LENGTH * wide + WIDTH * wide + WIDTH)),
        "norm": (0, 4 * (2 * inner + 2 * WIDTH)),
        "drop": (0, 4 * 2 * inner),
    }


def test_products_beside_the_layers_belong_to_the_module_that_has_them():
    import torch
    from torch import nn

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.project = nn.Linear(WIDTH, WIDTH, bias=False)

        def forward(self, x):
            return (x @ x.transpose(1, 2)) @ self.project(x)

    model = nn.Sequential(Attention(), nn.ReLU())
    x = torch.ones(1, LENGTH, WIDTH).numpy()
    found = {name: operations for name, operations, _ in layer_work(model, (x,))}
    assert found == {
        "0.project": 2 * LENGTH * WIDTH * WIDTH,
        "0": 2 * 2 * LENGTH * LENGTH * WIDTH,
        "1": 0,
    }


def test_a_triad_moves_three_arrays(monkeypatch):
    from bench_core.runtimes import peak

    monkeypatch.setattr(peak, "_ELEMENTS", 1 << 10)
    clock = iter(range(100))
    monkeypatch.setattr(peak.time, "perf_counter", lambda: next(clock))
    settled = []
    assert bytes_per_s(lambda: settled.append(True)) == 3 * 4 * (1 << 10)  # in a second each
    assert settled == [True]


def test_layers_in_a_list_are_not_counted_twice():
    import torch
    from torch import nn

    class Stack(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(WIDTH, WIDTH), nn.Sequential(nn.Tanh())])

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    x = torch.ones(1, LENGTH, WIDTH).numpy()
    found = {name: operations for name, operations, _ in layer_work(nn.Sequential(Stack()), (x,))}
    assert found == {"0.layers.0": 2 * LENGTH * WIDTH * WIDTH, "0.layers.1.0": 0}
