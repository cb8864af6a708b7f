"""A traced graph computes what its module does, to the bit; what cannot be traced says where."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch import nn

from bench_core.errors import Unsupported
from bench_core.fusion.trace import trace
from tests.fusion.linear_layers import UNTIMED
from tests.fusion.normed_layers import normed_layers

ATEN = torch.ops.aten


def called(graph):
    return [node.target for node in graph.graph.nodes if node.op.startswith("call")]


@UNTIMED
@given(normed_layers())
def test_a_graph_computes_the_very_same(found):
    module, x = found
    with torch.no_grad():
        graph = trace(module, (x,))
        torch.testing.assert_close(graph(x), module(x), rtol=0, atol=0)
    assert not any(node.op == "call_module" for node in graph.graph.nodes)
    shapes = [tuple(node.meta["val"].shape) for node in graph.graph.nodes if node.op != "get_attr"]
    assert shapes[0] == x.shape and shapes[-1] == module(x).shape


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_padding_that_is_a_word(padding):
    module, x = nn.Sequential(nn.Conv2d(3, 4, (3, 5), padding=padding)), torch.randn(2, 3, 7, 7)
    graph = trace(module, (x,))
    assert called(graph) == [ATEN.conv2d.padding]
    torch.testing.assert_close(graph(x), module(x), rtol=0, atol=0)


class Circular(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv1d(3, 4, 3, padding=1, padding_mode="circular"))


class Sized(nn.Module):
    """Says how large the output shall be, which the padding then depends on."""

    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose1d(3, 4, 3, stride=2)

    def forward(self, x):
        return self.up(x, output_size=[16])


class Hooked(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv1d(3, 4, 1))
        self[0].register_forward_hook(lambda _module, _inputs, output: 2 * output)


class Replaced(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv1d(3, 4, 1))
        self[0].forward = lambda x: 3 * x


class Doubled(nn.Conv1d):
    def forward(self, x):
        return 2 * super().forward(x)


class Standardised(nn.Conv1d):
    """Torch's forward, on another weight."""

    def _conv_forward(self, x, weight, bias):
        return super()._conv_forward(x, weight / weight.std(), bias)


class Parametrised(nn.Sequential):
    def __init__(self):
        super().__init__(nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 4, 1)))


KINDS = [
    Circular,
    Sized,
    Hooked,
    Replaced,
    Parametrised,
    lambda: nn.Sequential(Doubled(3, 4, 1)),
    lambda: nn.Sequential(Standardised(3, 4, 1)),
]


@pytest.mark.parametrize("make", KINDS)
def test_what_does_more_than_torchs_class_is_not_opened(make):
    torch.manual_seed(0)
    module, x = make().eval(), torch.randn(2, 3, 7)
    with torch.no_grad():
        graph = trace(module, (x,))
        torch.testing.assert_close(graph(x), module(x), rtol=0, atol=0)
    assert ATEN.conv1d.default not in called(graph)


def test_a_layer_of_a_module_that_is_called_whole_stays_in_it():
    class Inside(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)

        def forward(self, x):
            return self.layer.linear1(self.layer(x))

    module, x = Inside().eval(), torch.randn(2, 3, 4)
    graph = trace(module, (x,))
    assert [node.op for node in graph.graph.nodes][1:3] == ["call_module", "call_module"]


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x, mask=None, *, scale=2.0):
        x = scale * self.linear(x)
        return x if mask is None else x * mask


def test_arguments_that_a_call_leaves_out_are_at_their_defaults():
    module, x, mask = Masked(), torch.randn(2, 4), torch.rand(2, 4)
    for given_ in ((x,), (x, mask)):
        graph = trace(module, given_)
        assert len(graph.graph.find_nodes(op="placeholder")) == len(given_)
        torch.testing.assert_close(graph(*given_), module(*given_), rtol=0, atol=0)


def test_as_many_arguments_as_it_is_given():
    class Sum(nn.Module):
        def forward(self, *parts):
            return sum(parts)

    parts = tuple(torch.randn(3, 2))
    graph = trace(Sum(), parts)
    torch.testing.assert_close(graph(*parts), sum(parts), rtol=0, atol=0)


class Forks(nn.Module):
    def forward(self, x):
        if x.sum() > 0:  # here
            return x
        return F.relu(x)


class Counts(nn.Module):
    def forward(self, x):
        return x[: len(x)]


class Fails(nn.Module):
    def forward(self, x):
        return {}[x.shape]


class Calls(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x + 1)


@pytest.mark.parametrize(
    ("inner", "says"),
    [
        (Forks(), r"TraceError: .*test_trace\.py:\d+, in forward: if x\.sum\(\) > 0:  # here\)"),
        (Counts(), r"RuntimeError: .*test_trace\.py:\d+, in forward: return x\[: len\(x\)\]\)"),
        (Fails(), r"KeyError: .*test_trace\.py:\d+, in forward: return \{\}\[x\.shape\]\)"),
    ],
    ids=["control flow", "length", "anything"],
)
def test_what_cannot_be_traced_names_the_line_of_the_users_own(inner, says):
    with pytest.raises(Unsupported, match=rf"^torch\.fx cannot trace Calls: {says}") as caught:
        trace(Calls(inner), (torch.randn(2, 4),))
    assert len(str(caught.value).splitlines()) == 1
    assert "export_fused" in str(caught.value)


@pytest.mark.parametrize("train", [False, True])
def test_other_modules_are_called_whole(train):
    module = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)).train(train)
    graph = trace(module, (torch.randn(2, 4),))
    assert called(graph) == [ATEN.linear.default, "1"]
