"""How many operations a second this machine reaches at best: a large matrix product."""

import time
from collections.abc import Callable

_SIZE = 1024
_ROUNDS = 12


def flops_per_s(dtype: str, settle: Callable[[], object]) -> float:
    """Multiplications and additions a second, in float32, bfloat16 or int8.

    settle: called once the threads are up, to place them.
    The best of 12 products of 1024³: a ceiling, so what disturbs is not averaged in.
    """
    import torch

    if dtype == "int8":
        left = torch.randint(-128, 127, (_SIZE, _SIZE), dtype=torch.int8)
        product = torch._int_mm
    else:
        left = torch.randn(_SIZE, _SIZE, dtype=getattr(torch, dtype))
        product = torch.mm
    right = left.t().contiguous()
    product(left, right)
    settle()
    best_s = float("inf")
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        product(left, right)
        best_s = min(best_s, time.perf_counter() - start)
    return 2.0 * _SIZE**3 / best_s
