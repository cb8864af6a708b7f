"""Messages between processes: a length, a JSON header, then the arrays that it announces."""

import json
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

PROTOCOL = 1
"""Raised whenever a message, or what a worker needs of `discover`, `Job`, `Mode` and `Runner`,
changes its meaning. A worker of ours in another bench_core's interpreter compares it first."""

_MAX_HEADER_BYTES = 1 << 26
_MAX_ARRAY_BYTES = 1 << 31

Message = dict[str, Any]


class BrokenWire(Exception):
    """The other end is gone, or what it sent is not a message."""


class Garbled(BrokenWire):
    """What was sent is not a message: the other end lives, and cannot be understood."""


class Wire:
    """One end of a socket pair, blocking: whoever waits here uses no core."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end

    def send(
        self, message: Message, arrays: Sequence[np.ndarray] = (), limit_s: float | None = None
    ) -> None:
        """Send all of it, or, where it cannot be a message, nothing.

        Raises: TypeError or ValueError if it is not JSON, or too large; TimeoutError if it is
        not read within `limit_s`; BrokenWire if nobody is left to read it.
        """
        flat = [np.asarray(array, order="C") for array in arrays]
        shapes = [[array.dtype.str, list(array.shape)] for array in flat]
        header = json.dumps({"message": message, "arrays": shapes}, allow_nan=False).encode()
        parts = [array.reshape(-1).view(np.uint8).data.cast("B") for array in flat]
        largest = max((part.nbytes for part in parts), default=0)
        if len(header) > _MAX_HEADER_BYTES or largest > _MAX_ARRAY_BYTES:
            raise ValueError(
                f"a message may have {_MAX_HEADER_BYTES} bytes, and arrays of "
                f"{_MAX_ARRAY_BYTES}; this one has {len(header)} and {largest}"
            )
        deadline = None if limit_s is None else time.monotonic() + limit_s
        try:
            for part in (memoryview(struct.pack("<I", len(header)) + header), *parts):
                self._wait_at_most(deadline)
                self.socket.sendall(part)  # its limit is for all of the part
        except TimeoutError:
            raise
        except OSError as error:
            raise BrokenWire(f"could not send: {error}") from None

    def receive(self, limit_s: float | None = None) -> tuple[Message, list[np.ndarray]]:
        """The next message.

        Raises: TimeoutError after `limit_s`; BrokenWire at the end of the stream.
        """
        deadline = None if limit_s is None else time.monotonic() + limit_s
        (size,) = struct.unpack("<I", self._exactly(4, deadline))
        if size > _MAX_HEADER_BYTES:
            raise Garbled(f"a header of {size} bytes was announced")
        try:
            header = json.loads(self._exactly(size, deadline))
            arrays = [self._array(dtype, shape, deadline) for dtype, shape in header["arrays"]]
            return dict(header["message"]), arrays
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise Garbled(f"what was sent is not a message: {error}") from None

    def close(self) -> None:
        self.socket.close()

    def _array(self, dtype: str, shape: list[int], deadline: float | None) -> np.ndarray:
        kind = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        if kind.hasobject or not 0 <= size <= _MAX_ARRAY_BYTES:
            raise Garbled(f"an array {dtype}{shape} was announced")
        return np.frombuffer(self._exactly(size, deadline), kind).reshape(shape)

    def _exactly(self, size: int, deadline: float | None) -> bytearray:
        data = bytearray(size)
        view, done = memoryview(data), 0
        while done < size:
            self._wait_at_most(deadline)
            try:
                got = self.socket.recv_into(view[done:])
            except TimeoutError:
                raise
            except OSError as error:
                raise BrokenWire(f"could not receive: {error}") from None
            if got == 0:
                raise BrokenWire("the other end closed")
            done += got
        return data

    def _wait_at_most(self, deadline: float | None) -> None:
        left_s = None if deadline is None else max(deadline - time.monotonic(), 1e-3)
        self.socket.settimeout(left_s)
