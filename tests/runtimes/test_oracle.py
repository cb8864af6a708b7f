"""The oracle is the model in float64, or says that it is not."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.runtimes import oracle
from tests.modes import small


def double(module, inputs):
    """The float64 run as torch itself offers it."""
    import torch

    module = module.double().eval()
    found = []
    for item in inputs:
        tensors = [torch.tensor(array) for array in item]
        tensors = [t.double() if t.is_floating_point() else t for t in tensors]
        with torch.no_grad():
            found.append(module(*tensors).numpy())
    return found


@pytest.mark.parametrize("model", [small.IMAGE, small.ROWS, small.FORKED], ids=lambda m: m.name)
def test_is_the_double_module_where_nothing_casts(model):
    inputs = [model.inputs(7, 2, seed, False) for seed in (50, 51)]
    found, name, below = oracle.run(model.build(), inputs)
    assert (name, below) == ("float64", [])
    for one, other in zip(found, double(model.build(), inputs), strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=30, deadline=None)
@given(
    widths=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    rows=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_linear_layers_equal_numpy_s(widths, rows, seed):
    import torch
    from torch import nn

    torch.manual_seed(seed)
    layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
    x = np.random.default_rng(seed).standard_normal((rows, widths[0])).astype(np.float32)
    (found,), name, _ = oracle.run(nn.Sequential(*layers), [(x,)])
    expected = x.astype(np.float64)
    for layer in layers:
        weight, bias = (p.detach().numpy().astype(np.float64) for p in layer.parameters())
        expected = expected @ weight.T + bias
    assert name == "float64"
    # At most 9 products a sum, 3 sums deep, weights and inputs of order 1.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def _module(forward, **attributes):
    from torch import nn

    class Given(nn.Module):
        def forward(self, x):
            return forward(self, x)

    module = Given()
    for name, value in attributes.items():
        setattr(module, name, value)
    return module


X = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)
RAISED = {
    "float()": lambda self, x: (x / 3).float() * 3,
    "to(bfloat16)": lambda self, x: (x / 3).to(__import__("torch").bfloat16).to(x.dtype) * 3,
    "half then add": lambda self, x: (x / 3).half() + (x / 3) * 2,
    "type_as a constant": lambda self, x: (x / 3).type_as(__import__("torch").ones(1)) * 3,
    "creation": lambda self, x: x * __import__("torch").full((1,), 1 / 3) * 3,
    "asked-for dtype": lambda self, x: (
        x * __import__("torch").full((1,), 1 / 3, dtype=__import__("torch").float32) * 3
    ),
    "sum in float32": lambda self, x: (
        (x / 3 * 3).unsqueeze(0).sum(0, dtype=__import__("torch").float32)
    ),
}


@pytest.mark.parametrize("forward", RAISED.values(), ids=RAISED)
def test_casts_and_creations_below_float64_are_raised(forward):
    """Each computes x by way of thirds, which float32 would leave 1e-8 off."""
    (found,), name, below = oracle.run(_module(forward), [(X,)])
    assert (name, below) == ("float64", [])
    np.testing.assert_allclose(found, X.astype(np.float64), rtol=4e-16)


def test_a_tensor_kept_as_a_plain_attribute_is_raised():
    import torch

    scale = torch.full((8,), 0.5)
    module = _module(lambda self, x: (x / 3 @ torch.diag(self.scale)) * 6, scale=scale)
    (found,), name, _ = oracle.run(module, [(X,)])
    assert name == "float64"
    assert module.scale.dtype == torch.float32
    np.testing.assert_allclose(found, X.astype(np.float64), rtol=4e-16)


def _through_numpy(self, x):
    import torch

    return torch.from_numpy(x.numpy().astype(np.float32)) * 1


def _through_array(self, x):
    import torch

    return torch.tensor(np.asarray(x, np.float32))


def _float32_operator(self, x):
    """One whose kernel knows float32 only."""
    import torch

    if not hasattr(torch.ops.bench_tests, "thirds"):
        torch.library.custom_op(
            "bench_tests::thirds",
            lambda x: x.float() / 3,
            mutates_args=(),
            schema="(Tensor x) -> Tensor",
        )
    return torch.ops.bench_tests.thirds(x) * 3.0


@pytest.mark.parametrize(
    ("forward", "culprit"),
    [
        (_through_numpy, "Tensor.numpy"),
        (_through_array, "Tensor.__array__"),
        (_float32_operator, "bench_tests.thirds.default"),
    ],
)
def test_what_cannot_be_raised_makes_it_eager_float32(forward, culprit):
    module = _module(forward)
    found, name, below = oracle.run(module, [(X,)])
    assert name == "eager float32"
    assert culprit in below
    np.testing.assert_array_equal(found, oracle.eager_outputs(module, [(X,)]))


def test_an_operator_without_a_float64_kernel_makes_it_eager_float32():
    import torch

    module = _module(
        lambda self, x: torch.ops.aten.add(x, x) if x.dtype == torch.float32 else refuse(x)
    )

    def refuse(x):
        raise RuntimeError("\"thirds_cpu\" not implemented for 'Double'")

    found, name, below = oracle.run(module, [(X,)])
    assert (name, below) == ("eager float32", ["\"thirds_cpu\" not implemented for 'Double'"])
    np.testing.assert_array_equal(found[0], 2 * X.astype(np.float64))


def test_the_module_and_torch_s_default_are_left_as_they_were():
    import torch

    module = small.IMAGE.build()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    inputs = [small.IMAGE.inputs(7, 2, 50, False)]
    oracle.run(module, inputs)
    oracle.eager_outputs(module, inputs)
    oracle.flops(module, inputs[0])
    assert torch.get_default_dtype() == torch.float32
    assert module.training
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.dtype == before[name].dtype


def test_flops_count_two_per_multiply_add():
    from torch import nn

    x = np.zeros((3, 16), np.float32)
    assert oracle.flops(nn.Sequential(nn.Linear(16, 5), nn.ReLU()), (x,)) == 2 * 3 * 16 * 5
