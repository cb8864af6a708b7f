"""NVIDIA boards, as their management library describes them."""

from typing import Any


def facts() -> tuple[list[dict[str, Any]], str | None]:
    """The boards, and why there are none.

    Asked of NVML, not of torch, so that the parent needs no framework.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return [], f"no GPU: NVML says {error}"
    try:
        count = pynvml.nvmlDeviceGetCount()
        return [_board(pynvml, index) for index in range(count)], None
    finally:
        pynvml.nvmlShutdown()


def _board(nvml: Any, index: int) -> dict[str, Any]:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    return {
        "name": nvml.nvmlDeviceGetName(handle),
        "uuid": nvml.nvmlDeviceGetUUID(handle),
        "memory_bytes": nvml.nvmlDeviceGetMemoryInfo(handle).total,
        "driver": nvml.nvmlSystemGetDriverVersion(),
    }
