"""What share of a call its int8 kernels take."""

import math
import re

from bench_core.analysis.explain.profile import Profile, plain_rows

_KERNEL = re.compile(
    r"QLinear\w+|QGemm|QAttention|\w*MatMulInteger\w*|ConvInteger|DynamicQuantize(MatMul|LSTM)"
    r"|quantized::\w+|onednn::q(linear|conv)\w*|bitsandbytes::int8_\w*mm\w*|aten::_int_mm"
)
"""Products, convolutions, sums and pools of integers, by ONNX Runtime's and PyTorch's names."""


def int8_share(profile: Profile) -> float:
    """From 0 to 1, of what the call takes without the profiler."""
    rows = plain_rows(profile)
    inside_s = math.fsum(row.seconds for row in rows if _KERNEL.fullmatch(row.operator))
    return inside_s / math.fsum(row.seconds for row in rows)
