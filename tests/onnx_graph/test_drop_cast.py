"""A cast goes where the type is there already, and the first of two where it loses nothing."""

import ml_dtypes
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

from bench_core.onnx_graph.drop_cast import drop_cast, holds
from tests.onnx_graph.judge import acts, applied, operators, parse

FLOAT, INT64, STRING, BOOL, FLOAT16, DOUBLE = (
    TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING,
    TensorProto.BOOL, TensorProto.FLOAT16, TensorProto.DOUBLE,
)  # fmt: skip
NUMBERS = [
    np.dtype(name)
    for name in (
        "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
        "float16", "float32", "float64",
    )
]  # fmt: skip


def casts(*types, kind="float", last=None):
    """x cast to each in turn."""
    body = "".join(
        f"c{at + 1} = Cast<to = {to}>({f'c{at}' if at else 'x'}) " for at, to in enumerate(types)
    )
    last = last or kind
    return parse(
        f"{body} y = Identity(c{len(types)})", inputs=f"{kind}[2,3] x", outputs=f"{last}[2,3] y"
    )


def test_to_the_type_that_is_there():
    assert acts(drop_cast, casts(FLOAT)) == 1


def test_to_another_type_stays():
    assert acts(drop_cast, casts(DOUBLE, last="double")) == 0


def test_the_output_keeps_its_name():
    assert acts(drop_cast, parse(f"y = Cast<to = {FLOAT}>(x)")) == 0


def test_there_and_back_goes():
    proto = casts(DOUBLE, FLOAT)
    assert acts(drop_cast, proto) == 1
    assert operators(applied(drop_cast, proto)[1]) == ["Identity"]


def test_there_and_back_to_an_output_is_one_cast():
    proto = parse(f"a = Cast<to = {DOUBLE}>(x) y = Cast<to = {FLOAT}>(a)")
    assert acts(drop_cast, proto) == 1
    assert operators(applied(drop_cast, proto)[1]) == ["Cast"]


def test_there_and_back_stays_where_something_is_lost():
    """Of 0.7, the integer is 0, and of float16 three digits are left."""
    assert acts(drop_cast, casts(INT64, FLOAT)) == 0
    assert acts(drop_cast, casts(FLOAT16, FLOAT)) == 0
    assert acts(drop_cast, casts(DOUBLE, INT64, kind="int64")) == 0


def test_the_first_of_two_goes():
    proto = casts(DOUBLE, INT64, last="int64")
    assert acts(drop_cast, proto) == 1
    assert operators(applied(drop_cast, proto)[1]) == ["Cast", "Identity"]
    assert acts(drop_cast, casts(INT64, FLOAT, kind="bool", last="float")) == 1


def test_strings_show_what_they_were_made_from():
    assert applied(drop_cast, casts(DOUBLE, STRING, last="string"))[0] == 0
    assert applied(drop_cast, casts(STRING, FLOAT))[0] == 0


def test_the_first_of_two_stays_where_others_read_it():
    body = f"a = Cast<to = {DOUBLE}>(x) b = Cast<to = {INT64}>(a) y = Neg(b) z = Neg(a)"
    assert acts(drop_cast, parse(body, outputs="int64[2,3] y, double[2,3] z")) == 0


def test_there_and_back_goes_where_others_read_what_is_between():
    body = f"a = Cast<to = {DOUBLE}>(x) b = Cast<to = {FLOAT}>(a) y = Neg(b) z = Neg(a)"
    proto = parse(body, outputs="float[2,3] y, double[2,3] z")
    assert acts(drop_cast, proto) == 1
    assert operators(applied(drop_cast, proto)[1]) == ["Cast", "Neg", "Neg"]


def test_of_an_unknown_type_nothing_is_known():
    proto = parse(f"a = Other(x) b = Cast<to = {FLOAT}>(a) y = Neg(b)")
    proto.graph.node[0].domain = "other"
    proto.opset_import.add(domain="other", version=1)
    assert applied(drop_cast, proto)[0] == 0


@given(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS))
def test_what_holds_every_value_gives_each_back(wide, narrow):
    """And of one that does not, the extremes, or all of one bit more than its mantissa, do not."""
    info = (
        np.finfo(narrow) if narrow.kind == "f" else np.iinfo(narrow) if narrow.kind != "b" else None
    )
    if narrow.kind == "f":
        extremes = [info.max, info.min, info.tiny, 1 + info.eps, 0.5]
    elif info is None:
        extremes = [False, True]
    else:
        extremes = [info.min, info.max, info.max - 1, info.max // 3]
    values = np.array(extremes, dtype=narrow)
    with np.errstate(all="ignore"):
        kept = (values.astype(wide).astype(narrow) == values).all()
        signs = ((values.astype(wide) < 0) == (values < 0)).all()
    assert holds(wide, narrow) == bool(kept and signs)


def test_types_that_numpy_has_not_are_left_alone():
    bfloat16, int4 = np.dtype(ml_dtypes.bfloat16), np.dtype(ml_dtypes.int4)
    for one in (bfloat16, int4):
        assert not holds(one, np.dtype("int8")) and not holds(np.dtype("float64"), one)
