"""Which family an operator belongs to: names that look like another's, and what hands work on."""

import pytest

from bench_core.analysis.explain import families
from bench_core.analysis.explain.families import (
    ATTENTION,
    CONVOLUTION,
    COPY,
    DISPATCH,
    ELEMENTWISE,
    GATHER,
    GENERATED,
    MATMUL,
    NORM,
    OTHER,
    POOLING,
    QUANTISE,
    RECURRENT,
    REDUCTION,
    REFORMAT,
    VIEW,
    family,
)


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("DynamicQuantizeLinear", QUANTISE),
        ("DynamicQuantizeMatMul", MATMUL),
        ("DynamicQuantizeLSTM", RECURRENT),
        ("DequantizeLinear", QUANTISE),
        ("MatMulIntegerToFloat", MATMUL),
        ("QGemm", MATMUL),
        ("MatMulNBits", MATMUL),
        ("QAttention", ATTENTION),
        ("QLinearConv", CONVOLUTION),
        ("SkipLayerNormalization", NORM),
        ("QLinearAdd", ELEMENTWISE),
        ("BiasGelu", ELEMENTWISE),
        ("QLinearGlobalAveragePool", POOLING),
        ("QLinearConcat", COPY),
        ("ReorderInput", REFORMAT),
        ("Transpose", REFORMAT),
        ("Reshape", VIEW),
        ("GatherND", GATHER),
        ("ReduceMean", REDUCTION),
        ("Loop", DISPATCH),
        ("MyOwnOperator", OTHER),
        ("aten::addmm", MATMUL),
        ("quantized::linear_dynamic", MATMUL),
        ("mkldnn::_linear_pointwise", MATMUL),
        ("aten::_int_mm", MATMUL),
        ("aten::mkldnn_convolution", CONVOLUTION),
        ("aten::native_layer_norm", NORM),
        ("aten::_scaled_dot_product_flash_attention_for_cpu", ATTENTION),
        ("aten::quantize_per_tensor", QUANTISE),
        ("aten::max_pool2d_with_indices", POOLING),
        ("aten::relu_", ELEMENTWISE),
        ("aten::_softmax", REDUCTION),
        ("aten::index_select", GATHER),
        ("aten::as_strided", VIEW),
        ("aten::empty", VIEW),
        ("aten::dropout", VIEW),
        ("mine::anything", OTHER),
        ("## Call CompiledFxGraph", GENERATED),
        ("Torch-Compiled Region: 0/0", DISPATCH),
        ("forward", DISPATCH),
    ],
)
def test_of_each(operator, expected):
    assert family(operator) == expected


def test_what_hands_its_work_on_is_dispatch_unless_it_did_it_itself():
    assert family("aten::linear", leaf=False) == DISPATCH
    assert family("aten::linear") == MATMUL
    assert family("aten::addmm", leaf=False) == MATMUL
    assert family("quantized::linear", leaf=False) == MATMUL  # it allocates, and multiplies


def test_a_copy_is_a_cast_or_another_layout_as_its_caller_says():
    assert family("aten::copy_", "aten::clone") == REFORMAT
    assert family("aten::copy_", "aten::contiguous") == REFORMAT
    assert family("aten::copy_", "aten::_to_copy") == COPY
    assert family("aten::copy_") == COPY


def test_each_has_a_place_in_the_order():
    named = {value for name, value in vars(families).items() if name.isupper() and name[0] != "_"}
    assert {value for value in named if isinstance(value, str)} == set(families.FAMILIES)
