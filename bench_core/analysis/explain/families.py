"""Operators of ONNX and of PyTorch by what they are for, so that two runtimes can be compared.

A family is named by the words that follow "it pays 1.3 ms".
"""

import re

MATMUL = "in matrix products"
CONVOLUTION = "in convolutions"
ATTENTION = "in fused attention"
RECURRENT = "in recurrent layers"
NORM = "in norms"
REDUCTION = "in softmax and reductions"
GATHER = "in embeddings and gathers"
POOLING = "in pooling"
ELEMENTWISE = "in elementwise operators"
GENERATED = "in generated code"
QUANTISE = "for quantising and dequantising"
REFORMAT = "for changing layouts"
COPY = "for copies and casts"
VIEW = "for shapes and views"
OTHER = "in other operators"
DISPATCH = "in dispatch"

FAMILIES = (
    MATMUL, CONVOLUTION, ATTENTION, RECURRENT, NORM, REDUCTION, GATHER, POOLING, ELEMENTWISE,
    GENERATED, OTHER, QUANTISE, REFORMAT, COPY, VIEW, DISPATCH,
)  # fmt: skip

_ONNX = (
    (QUANTISE, r"(Dynamic)?QuantizeLinear|DequantizeLinear|(Deq|Q)uantizeBFP"),
    (ATTENTION, r".*Attention.*"),
    (MATMUL, r".*(MatMul|Gemm).*|Einsum"),
    (CONVOLUTION, r".*Conv.*"),
    (RECURRENT, r".*(LSTM|GRU|RNN).*"),
    (NORM, r".*Norm.*|LRN"),
    (POOLING, r".*Pool.*"),
    (REDUCTION, r".*Reduce.*|.*Softmax.*|Arg(Max|Min)|TopK|CumSum"),
    (GATHER, r".*Gather.*|Scatter.*|OneHot"),
    (REFORMAT, r"Transpose|Reorder(Input|Output)|DepthToSpace|SpaceToDepth"),
    (COPY, r"Cast(Like)?|.*Concat|Split|Slice|Pad|Expand|Tile|Memcpy.*|Compress|NonZero"),
    (
        VIEW,
        r"Reshape|Squeeze|Unsqueeze|Flatten|Identity|Shape|Size|Constant(OfShape)?|Range|Dropout",
    ),
    (DISPATCH, r"If|Loop|Scan"),
    (
        ELEMENTWISE,
        r"(QLinear)?(Add|Sub|Mul|Div|Sigmoid|LeakyRelu|Where)|.*Gelu|.*Relu|Erf|Tanh|Sqrt|Pow|Exp"
        r"|Log|Abs|Neg|Sign|Reciprocal|Clip|Min|Max|Sum|Mean|Mod|Floor|Ceil|Round|Sin|Cos|Elu"
        r"|Selu|Celu|Softplus|Softsign|Hard(Swish|Sigmoid)|Mish|Swish|Is(NaN|Inf)"
        r"|Equal|Greater(OrEqual)?|Less(OrEqual)?|And|Or|Not|Xor",
    ),
)

_WRAPPERS = re.compile(
    r"linear|matmul|einsum|conv\w*|_convolution|layer_norm|_?batch_norm(_impl_index)?|group_norm"
    r"|instance_norm|scaled_dot_product_attention|_native_multi_head_attention|embedding|softmax"
    r"|log_softmax|to|_to_copy|contiguous|clone|reshape|flatten|lstm|gru|rnn_\w+|\w*pool\dd|dropout"
)
"""Operators of PyTorch that hand all of the work to those that they call, if they call any."""

_LAID_OUT_ANEW = re.compile(r"clone|contiguous|reshape|_unsafe_view")

_TORCH = (
    (QUANTISE, r"quantize_\w+|dequantize\w*|fake_quantize\w*|_?choose_qparams\w*"),
    (ATTENTION, r"\w*scaled_dot_product\w*|\w*attention\w*"),
    (
        MATMUL,
        r"(addb?|b|badd?b)?mm|\w*_mm|\w*matmul\w*|\w*linear\w*|(add)?mv|dot|einsum|\w*gemm\w*",
    ),
    (CONVOLUTION, r"\w*conv\w*"),
    (RECURRENT, r"\w*(lstm|gru|rnn)\w*"),
    (NORM, r"\w*_norm\w*"),
    (POOLING, r"\w*pool\w*"),
    (
        REDUCTION,
        r"_?(log_)?softmax|sum|mean|prod|a?(max|min)|arg(max|min)|std|var|any|all|cumsum|topk|sort",
    ),
    (GATHER, r"\w*embedding\w*|_?index\w*|gather|scatter\w*|take\w*|one_hot"),
    (REFORMAT, r"\w*reorder\w*|to_mkldnn|to_dense"),
    (COPY, r"copy_|_to_copy|cat|stack|(constant_)?pad\w*|repeat|tile|fill_|zero_|clone|contiguous"),
    (
        VIEW,
        r"_?\w*view\w*|_?reshape\w*|\w*flatten|t|transpose|permute|expand(_as)?|(un)?squeeze_?"
        r"|slice|select|narrow|chunk|split\w*|unbind|as_strided_?|(new_)?empty\w*|resize_\w*|alias|detach_?"
        r"|resolve_\w+|lift_fresh|result_type|item|_local_scalar_dense|is_\w+|_reinterpret_tensor|q_\w+"
        r"|(new_)?(zeros|ones|full)\w*|arange|set_|to|dropout|scalar_tensor|size|numel|\w*_available",
    ),
    (
        ELEMENTWISE,
        r"_?(add|sub|rsub|mul|div|true_divide|relu\d?|leaky_relu|gelu|silu|mish|erf|tanh|sigmoid"
        r"|sqrt|rsqrt|pow|exp|log|abs|neg|sign|reciprocal|clamp\w*|clip|maximum|minimum|where"
        r"|floor|ceil|round|sin|cos|hard\w+|eq|ne|lt|le|gt|ge|masked_fill|bitwise_\w+|logical_\w+"
        r"|add_relu|addcmul|addcdiv|lerp|threshold|bernoulli|native_dropout)_?",
    ),
)


def _compiled(
    families: tuple[tuple[str, str], ...],
) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((family, re.compile(pattern)) for family, pattern in families)


_OF_ONNX, _OF_TORCH = _compiled(_ONNX), _compiled(_TORCH)


def family(operator: str, inside: str = "", *, leaf: bool = True) -> str:
    """What an operator's own time is spent on.

    operator: of ONNX by its bare name, of PyTorch with its namespace, `aten::mm`; else what a
        profiler names a stretch of a call.
    inside: the operator that called it, if any; leaf: it calls none itself.
    """
    namespace, is_torch, name = operator.rpartition("::")
    if operator.startswith("## Call"):  # torch._inductor's name for one run of a compiled graph
        return GENERATED
    if not is_torch:
        stretch = " " in operator or operator == "forward"  # as Dynamo and TorchScript name them
        return DISPATCH if stretch else _first(_OF_ONNX, operator, OTHER)
    if not leaf and namespace == "aten" and _WRAPPERS.fullmatch(name):
        return DISPATCH
    if name == "copy_" and _LAID_OUT_ANEW.fullmatch(inside.rpartition("::")[2]):
        return REFORMAT
    return _first(_OF_TORCH, name, OTHER)


def _first(families: tuple[tuple[str, re.Pattern[str]], ...], name: str, otherwise: str) -> str:
    found = (family for family, pattern in families if pattern.fullmatch(name))
    return next(found, otherwise)
