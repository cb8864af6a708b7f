"""Fused models put out what they did: max|Δ| ≤ 1e-5·max|y| in float32, 1e-12·max|y| in float64.

Some fifty products, each good to half an ε (6e-8, 1e-16) of terms that are some ten times as large
as their sum, leave a factor of five and more.
"""

import copy
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from torch import Tensor, nn

from bench_core.errors import Unsupported
from bench_core.fusion.fuse import Fused, fuse, fuse_exported
from bench_core.models.digits_cnn import DIGITS_CNN
from bench_core.runtimes.torch_module import feed
from tests.fusion.linear_layers import UNTIMED
from tests.fusion.normed_layers import normed_layers, shake
from tests.quantization.nets import Bottleneck, Twice, export

BOUND = {torch.float32: 1e-5, torch.float64: 1e-12}


def by_export(module: nn.Module, example: tuple[Tensor, ...]) -> Fused:
    return fuse_exported(export(module, example))


WAYS: list[Callable[[nn.Module, tuple[Tensor, ...]], Fused]] = [fuse, by_export]
each_way = pytest.mark.parametrize("way", WAYS, ids=["fx", "export"])


def same_outputs(graph: nn.Module, module: nn.Module, *x: Tensor) -> None:
    with torch.no_grad():
        right = module(*x)
        assert (graph(*x) - right).abs().max() <= BOUND[right.dtype] * right.abs().max()


def checked(way, module: nn.Module, *x: Tensor) -> Fused:
    """Fused, its outputs those of the module, which is as it was."""
    before = {name: value.clone() for name, value in module.state_dict().items()}
    names = set(vars(module))
    fused = way(module, x)
    same_outputs(fused.graph, module, *x)
    after = module.state_dict()
    assert list(after) == list(before) and set(vars(module)) == names
    assert all(torch.equal(after[name], value) for name, value in before.items())
    return fused


def norms_in(graph: nn.Module) -> int:
    nodes = graph.graph.nodes
    return sum(node.target is torch.ops.aten.batch_norm.default for node in nodes)


@UNTIMED
@given(normed_layers(torch.float64) | normed_layers(torch.float32))
def test_a_layer_takes_up_its_norm(found):
    module, x = found
    fused = checked(fuse, module, x)
    assert (fused.folded, fused.removed, fused.left) == (("1 into 0",), (), ())
    assert norms_in(fused.graph) == 0
    assert len(fused.graph.state_dict()) == 2  # a weight and a bias: the norm's are not shipped


@each_way
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_real_net(way, dtype):
    torch.manual_seed(0)
    module = DIGITS_CNN.build().eval().to(dtype)
    fused = checked(way, module, *feed(DIGITS_CNN.inputs(16, 4, 0, False), dtype))
    norms = [name for name, part in module.named_modules() if isinstance(part, nn.BatchNorm2d)]
    assert [pair.partition(" into ")[0] for pair in fused.folded] == norms
    assert norms_in(fused.graph) == 0 and fused.left == ()


def test_any_size_and_not_the_examples_alone():
    module = DIGITS_CNN.build().eval()
    fused = fuse(module, feed(DIGITS_CNN.inputs(8, 1, 0, False)))
    for length, batch in ((8, 1), (17, 3)):
        same_outputs(fused.graph, module, *feed(DIGITS_CNN.inputs(length, batch, 1, False)))


class Wrapped(nn.Module):
    """A norm in a module of its own, in one that is nested."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return torch.relu(self.norm(x))


@each_way
def test_nested_and_wrapped(way):
    torch.manual_seed(0)
    block = nn.Sequential(nn.Conv1d(4, 4, 3), Wrapped())
    module = shake(nn.Sequential(block, nn.Sequential(copy.deepcopy(block), nn.Flatten()))).eval()
    fused = checked(way, module, torch.randn(3, 4, 9))
    assert fused.folded == ("0.1.norm into 0.0", "1.0.1.norm into 1.0.0")


@each_way
def test_two_norms_in_a_row(way):
    torch.manual_seed(0)
    module = shake(nn.Sequential(nn.Conv1d(4, 4, 3), nn.BatchNorm1d(4), nn.BatchNorm1d(4))).eval()
    assert checked(way, module, torch.randn(3, 4, 9)).folded == ("1 into 0", "2 into 0")


@each_way
def test_a_layer_called_twice_keeps_its_norm(way):
    torch.manual_seed(0)
    fused = checked(way, shake(Twice()).eval(), torch.randn(2, 4, 5, 5))
    assert fused.folded == ()
    assert fused.left == ("norm: the weight of conv is used elsewhere too",)


@each_way
def test_one_norm_after_two_layers(way):
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.norm = nn.Linear(3, 4), nn.Linear(4, 4), nn.BatchNorm1d(4)

        def forward(self, x):
            return self.norm(self.b(torch.relu(self.norm(self.a(x)))))

    torch.manual_seed(0)
    fused = checked(way, shake(Shared()).eval(), torch.randn(8, 3))
    assert fused.folded == ("norm into a", "norm into b")


@each_way
def test_a_module_in_two_places_is_one(way):
    torch.manual_seed(0)
    conv = nn.Conv1d(4, 4, 3, padding=1)
    module = shake(nn.Sequential(nn.Sequential(conv, nn.BatchNorm1d(4)), nn.Sequential(conv)))
    fused = checked(way, module.eval(), torch.randn(2, 4, 5))
    assert fused.left == ("0.1: the weight of 0.0 is used elsewhere too",)


@each_way
def test_tied_weights(way):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv1d(4, 4, 1), nn.BatchNorm1d(4), nn.ReLU(), nn.Conv1d(4, 4, 1))
    module[3].weight = module[0].weight
    fused = checked(way, shake(module).eval(), torch.randn(2, 4, 5))
    assert fused.left == ("1: the weight of 0 is used elsewhere too",)


@each_way
def test_a_shared_bias_becomes_two(way):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv1d(4, 4, 1), nn.BatchNorm1d(4), nn.ReLU(), nn.Conv1d(4, 4, 1))
    module[3].bias = module[0].bias
    assert checked(way, shake(module).eval(), torch.randn(2, 4, 5)).folded == ("1 into 0",)


@each_way
def test_outputs_that_are_read_elsewhere_too(way):
    class Skips(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv1d(4, 4, 1), nn.BatchNorm1d(4)

        def forward(self, x):
            y = self.conv(x)
            return y + self.norm(y)

    torch.manual_seed(0)
    fused = checked(way, shake(Skips()).eval(), torch.randn(2, 4, 5))
    assert fused.left == ("norm: what conv puts out is read elsewhere too",)


@each_way
def test_a_norm_before_its_layer(way):
    torch.manual_seed(0)
    module = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(4), nn.Conv1d(4, 4, 3, padding=1))
    fused = checked(way, shake(module).eval(), torch.randn(2, 4, 5))
    before = "0" if way is fuse else "relu"
    assert fused.left == (f"1: it follows {before}, which cannot take it up",)


@each_way
def test_a_linear_layers_channels_are_the_norms_over_two_axes_alone(way):
    """On [batch, 4, 4] as many channels as features: folded, it would be wrong and look right."""
    torch.manual_seed(0)
    module = shake(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))).eval()
    assert checked(way, module, torch.randn(8, 4)).folded == ("1 into 0",)
    fused = checked(way, module, torch.randn(8, 4, 4))
    assert fused.left == ("1: its channels are not those that 0 puts out",)


@each_way
def test_nor_are_those_of_a_convolution_without_a_batch(way):
    torch.manual_seed(0)
    module = shake(nn.Sequential(nn.Conv1d(4, 4, 1), nn.BatchNorm1d(4))).eval()
    fused = checked(way, module, torch.randn(4, 4))
    assert fused.left == ("1: its channels are not those that 0 puts out",)


@each_way
def test_without_running_statistics_it_norms_each_batch_by_itself(way):
    norm = nn.BatchNorm1d(4, track_running_stats=False)
    module = nn.Sequential(nn.Conv1d(4, 4, 1), norm).eval()
    fused = checked(way, module, torch.randn(2, 4, 5))
    assert fused.left == ("1: it has no running statistics",)


@each_way
def test_a_norm_in_training_mode_is_refused(way):
    module = nn.Sequential(nn.Conv1d(4, 4, 1), nn.BatchNorm1d(4)).train()
    with pytest.raises(Unsupported, match=r"training mode; take the module after eval\(\)"):
        way(module, (torch.randn(2, 4, 5),))


@each_way
def test_dropout_and_identities_go_and_what_drops_stays(way):
    class Drops(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)
            self.drop, self.kept = nn.Dropout(0.5), nn.Dropout(0.5)

        def forward(self, x):
            x = self.norm(self.drop(self.linear(x)))
            x = nn.functional.dropout(x, 0.5, self.training)
            return torch.stack((nn.functional.dropout(x, 0.5), self.kept(x)))

    torch.manual_seed(0)
    module, x = shake(Drops()).eval(), torch.randn(8, 4)
    module.kept.train()
    fused = way(module, (x,))
    assert fused.folded == ("norm into linear",) and len(fused.removed) == 2
    assert fused.removed[0] == "drop"
    for call in (module, fused.graph):
        torch.manual_seed(1)
        for found in call(x):
            assert 0 < (found == 0).sum() < found.numel()


def test_identity_is_removed_but_for_its_hooks():
    module = nn.Sequential(nn.Identity(), nn.Linear(4, 4), nn.Identity())
    module[2].register_forward_hook(lambda _module, _inputs, output: 2 * output)
    assert checked(fuse, module.eval(), torch.randn(8, 4)).removed == ("0",)


class Own(nn.BatchNorm1d):
    pass


class Functional(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv1d(4, 4, 1), nn.BatchNorm1d(4))

    def forward(self, x):
        conv, norm = self
        own = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        return nn.functional.batch_norm(conv(x), *own)


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (nn.Sequential(nn.Conv1d(4, 4, 1), Own(4)), "1: it has hooks, or a class of its own"),
        (Functional(), "batch_norm: it is a function's call, which torch.fx leaves whole"),
    ],
    ids=["class", "function"],
)
def test_what_torch_fx_leaves_whole_torch_export_sees_into(module, why):
    torch.manual_seed(0)
    module, x = shake(module).eval(), torch.randn(2, 4, 5)
    assert checked(fuse, module, x).left == (why,)
    assert len(checked(by_export, module, x).folded) == 1


def test_weights_that_are_computed_are_left():
    class Standardised(nn.Sequential):
        def forward(self, x):
            conv, norm = self
            weight = conv.weight / conv.weight.std()
            return norm(nn.functional.conv1d(x, weight, conv.bias))

    torch.manual_seed(0)
    module = shake(Standardised(nn.Conv1d(4, 4, 1), nn.BatchNorm1d(4))).eval()
    fused = checked(by_export, module, torch.randn(2, 4, 5))
    assert "are computed" in fused.left[0]


def test_a_layer_keeps_its_precision():
    torch.manual_seed(0)
    module = shake(nn.Sequential(nn.Conv1d(4, 4, 1, dtype=torch.bfloat16), nn.BatchNorm1d(4)))
    x = torch.randn(2, 4, 5, dtype=torch.bfloat16)
    fused = fuse(module.eval(), (x,))
    assert fused.folded == ("1 into 0",)
    assert {value.dtype for value in fused.graph.state_dict().values()} == {torch.bfloat16}
    # Three roundings to 8 bits and a sum of five.
    assert (fused.graph(x) - module(x)).abs().max() <= 2**-6 * module(x).abs().max()


@each_way
def test_a_second_time_there_is_nothing_to_do(way):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 7, 7)
    once = way(shake(Bottleneck()).eval(), (x,))
    assert len(once.folded) == 3
    again = checked(fuse, once.graph, x)
    assert (again.folded, again.removed, again.left) == ((), (), ())


def test_a_fused_model_is_not_moved_by_what_becomes_of_the_module():
    torch.manual_seed(0)
    module = nn.Sequential(shake(Bottleneck()), nn.Softplus(), nn.RReLU()).eval()
    x = torch.randn(2, 3, 7, 7)
    fused = fuse(module, (x,))
    before = fused.graph(x)
    module.train()
    nn.init.zeros_(module[0].classify.weight)
    torch.testing.assert_close(fused.graph(x), before, rtol=0, atol=0)
