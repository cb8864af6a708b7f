"""What of a torch module must be shipped: the size and the name of its state."""

import hashlib
import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import nn


class _ByteCount:
    """A file that keeps nothing but its length: a real one would double peak memory."""

    def __init__(self) -> None:
        self.written = 0

    def write(self, chunk: Any) -> int:
        length = memoryview(chunk).nbytes
        self.written += length
        return length

    def flush(self) -> None:
        """Nothing is held back."""


def shipped(module: "nn.Module", folder: Path) -> tuple[int, str]:
    """Bytes that `torch.save(module.state_dict())` writes, and the SHA-256 of its content.

    Found once and kept in `folder`, which is one cell's and one content's of code and model:
    for 90 MB it takes 0.13 s, all of it charged to a start that does little else.
    """
    kept = folder / "state.json"
    if not kept.exists():
        part = kept.with_name(f"part-{kept.name}")
        part.write_text(json.dumps(dict(zip(("bytes", "sha256"), measure(module), strict=True))))
        part.replace(kept)
    found = json.loads(kept.read_text())
    return found["bytes"], found["sha256"]


def measure(module: "nn.Module") -> tuple[int, str]:
    """What `shipped` keeps.

    The digest covers names, dtypes, shapes and values in the order of the names. The
    file's own digest would not do: pickle's bytes depend on which strings are shared.
    """
    import torch

    state = module.state_dict()
    file = _ByteCount()
    torch.save(state, cast("IO[bytes]", file))
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        _add(digest, state[name])
    return file.written, digest.hexdigest()


def _add(digest: "hashlib._Hash", value: Any) -> None:
    """Feed one value of a state dict: a tensor, or what quantised layers keep instead."""
    import torch

    if isinstance(value, torch.Tensor):
        digest.update(f"{value.dtype}{tuple(value.shape)}".encode())
        if value.is_quantized:
            _add(digest, _quantization(value))
            value = value.int_repr()
        flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(flat.numpy().data)
    elif isinstance(value, tuple | list):
        for item in value:
            _add(digest, item)
    elif isinstance(value, torch.ScriptObject):
        _add(digest, value.__getstate__())
    else:
        digest.update(repr(value).encode())


def _quantization(tensor: Any) -> tuple[Any, ...]:
    import torch

    if tensor.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        return tensor.q_scale(), tensor.q_zero_point()
    return tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points()
