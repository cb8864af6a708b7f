import socket
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench_core.wire import BrokenWire, Wire

MESSAGES = st.dictionaries(
    st.text(),
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.none()
    | st.booleans(),
)
ARRAYS = st.lists(
    hnp.arrays(
        st.sampled_from([np.int64, np.float32, np.float64, np.uint8]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    max_size=3,
)


def pair() -> tuple[Wire, Wire]:
    first, second = socket.socketpair()
    return Wire(first), Wire(second)


@given(MESSAGES, ARRAYS)
def test_what_is_sent_arrives(message, arrays):
    near, far = pair()
    near.send(message, arrays)
    got, got_arrays = far.receive(5.0)
    near.close(), far.close()
    assert got == message
    for sent, received in zip(arrays, got_arrays, strict=True):
        assert (sent.dtype, sent.shape) == (received.dtype, received.shape)
        np.testing.assert_array_equal(sent, received)


@given(st.binary(max_size=200))
def test_junk_is_a_broken_wire_and_nothing_else(junk):
    near, far = pair()
    near.socket.sendall(junk)
    near.close()
    with pytest.raises(BrokenWire):
        far.receive(5.0)
    far.close()


def test_junk_of_the_announced_length_is_refused():
    near, far = pair()
    near.socket.sendall(struct.pack("<I", 8) + b'{"a": 1}')
    with pytest.raises(BrokenWire, match="not a message"):
        far.receive(5.0)
    near.close(), far.close()


@pytest.mark.parametrize("shape", [[-1], [1 << 40]])
def test_an_array_of_an_impossible_size_is_refused(shape):
    near, far = pair()
    header = f'{{"message": {{}}, "arrays": [["<f8", {shape}]]}}'.encode()
    near.socket.sendall(struct.pack("<I", len(header)) + header)
    with pytest.raises(BrokenWire, match="announced"):
        far.receive(5.0)
    near.close(), far.close()


def test_silence_times_out_and_the_closed_end_is_told_apart():
    near, far = pair()
    with pytest.raises(TimeoutError):
        far.receive(0.01)
    near.close()
    with pytest.raises(BrokenWire, match="closed"):
        far.receive(5.0)
    far.close()
