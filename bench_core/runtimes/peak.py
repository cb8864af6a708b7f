"""What this machine reaches at best: operations in a large matrix product, bytes in a triad."""

import time
from collections.abc import Callable

_SIZE = 1024
_ROUNDS = 12
_ELEMENTS = 1 << 25
"""Of each of three arrays: 128 MiB, more than a share of a cache."""


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


def bytes_per_s(settle: Callable[[], object]) -> float:
    """Bytes a second to and from memory, of a triad a = b + s·c in float32: two read, one written.

    settle: called once the threads are up, to place them. The best of 12 rounds.
    Source: STREAM (McCalpin 1995), which does not count the read of what is written either.
    """
    import torch

    a, b, c = (torch.full((_ELEMENTS,), float(value)) for value in range(3))
    torch.add(b, c, alpha=3.0, out=a)
    settle()
    best_s = float("inf")
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        torch.add(b, c, alpha=3.0, out=a)
        best_s = min(best_s, time.perf_counter() - start)
    return 3 * a.nbytes / best_s
