"""A Hypothesis strategy for small valid graphs in which the passes find something to do."""

from dataclasses import dataclass

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE)
TYPES = (*FLOATS, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL)
LEAST_STEPS, MOST_STEPS = 1, 10


@dataclass(frozen=True)
class Known:
    """A value of the graph so far."""

    name: str
    kind: int
    shape: tuple[int, ...]


class Graph:
    """A graph that grows by one step after the other."""

    def __init__(self, draw):
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.nodes, self.weights, self.values = [], [], []
        self.inputs = [
            Known("image", draw(st.sampled_from(FLOATS)), (2, 3, 4, 4)),
            Known("rows", draw(st.sampled_from(FLOATS)), (3, 4)),
            Known("ids", TensorProto.INT64, (2, 3)),
        ]
        self.values += self.inputs

    def pick(self, *kinds, rank=None, least_rank=0):
        """A value of one of these types, of that rank."""
        fitting = [
            value for value in self.values
            if value.kind in (kinds or TYPES)
            and len(value.shape) >= least_rank
            and rank in (None, len(value.shape))
        ]  # fmt: skip
        return self.draw(st.sampled_from(fitting)) if fitting else None

    def weight(self, kind, *shape, low=None):
        dtype = helper.tensor_dtype_to_np_dtype(kind)
        array = self.rng.standard_normal(shape) if low is None else self.rng.uniform(low, 2, shape)
        return self.constant(array.astype(dtype))

    def constant(self, array):
        """An initialiser, or a Constant."""
        name = f"c{len(self.weights) + len(self.nodes)}"
        tensor = numpy_helper.from_array(np.asarray(array), name)
        if self.draw(st.booleans()):
            self.weights.append(tensor)
        else:
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        return Known(name, tensor.data_type, tuple(tensor.dims))

    def node(self, operator, read, kind, shape, **attributes):
        made = Known(f"v{len(self.values)}", kind, tuple(int(size) for size in shape))
        names = [value.name if value else "" for value in read]
        self.nodes.append(helper.make_node(operator, names, [made.name], **attributes))
        self.values.append(made)
        return made


def identity(graph):
    x = graph.pick()
    graph.node("Identity", [x], x.kind, x.shape)


def dropout(graph):
    x = graph.pick(*FLOATS)
    ratio = graph.constant(np.array(0.5, helper.tensor_dtype_to_np_dtype(x.kind)))
    training = graph.draw(st.sampled_from([None, False]))
    more = [] if training is None else [ratio, graph.constant(np.array(training))]
    graph.node("Dropout", [x, *more], x.kind, x.shape)


def elementwise(graph):
    x = graph.pick(*FLOATS, TensorProto.INT32, TensorProto.INT64)
    operator = graph.draw(st.sampled_from(["Neg", "Abs", "Add", "Sub"]))
    more = [] if operator in ("Neg", "Abs") else [graph.weight(x.kind, *x.shape[-1:])]
    graph.node(operator, [x, *more], x.kind, x.shape)


def total(graph):
    x = graph.pick(*FLOATS)
    same = [value for value in graph.values if (value.kind, value.shape) == (x.kind, x.shape)]
    graph.node("Add", [x, graph.draw(st.sampled_from(same))], x.kind, x.shape)


def cut(graph):
    x = graph.pick(least_rank=1)
    axis = graph.draw(st.integers(0, len(x.shape) - 1))
    size = x.shape[axis]
    start = graph.draw(st.sampled_from([0, 0, min(1, size - 1)]))
    end = graph.draw(
        st.sampled_from([size, size + 3, 2**31 - 1, 2**63 - 1, max(start + 1, size - 1)])
    )
    shape = list(x.shape)
    shape[axis] = min(end, size) - start
    written = graph.draw(st.sampled_from([axis, axis - len(x.shape)]))
    read = [graph.constant(np.array([one])) for one in (start, end, written)]
    graph.node("Slice", [x, *read], x.kind, shape)


def unsqueeze(graph):
    x = graph.pick()
    axis = graph.draw(st.integers(0, len(x.shape)))
    if len(x.shape) < 5:
        shape = [*x.shape[:axis], 1, *x.shape[axis:]]
        graph.node("Unsqueeze", [x, graph.constant(np.array([axis]))], x.kind, shape)


def squeeze(graph):
    x = graph.pick()
    ones = [axis for axis, size in enumerate(x.shape) if size == 1]
    if ones:
        axis = graph.draw(st.sampled_from(ones))
        shape = [*x.shape[:axis], *x.shape[axis + 1 :]]
        graph.node("Squeeze", [x, graph.constant(np.array([axis]))], x.kind, shape)


def reshape(graph):
    x = graph.pick(least_rank=1)
    size = int(np.prod(x.shape))
    asked, shape = graph.draw(
        st.sampled_from(
            [
                (x.shape, x.shape),
                ((0,) * len(x.shape), x.shape),
                ((-1, *x.shape[1:]), x.shape),
                ((-1,), (size,)),
                (x.shape[::-1], x.shape[::-1]),
                ((0, -1), (x.shape[0], size // x.shape[0])),
            ]
        )
    )
    graph.node("Reshape", [x, graph.constant(np.array(asked, np.int64))], x.kind, shape)


def cast(graph):
    """No float32 to integers: where a sum is rounded otherwise, they would be other ones."""
    x = graph.pick()
    integers = (TensorProto.INT32, TensorProto.INT64)
    fitting = [kind for kind in TYPES if x.kind != TensorProto.FLOAT or kind not in integers]
    kind = graph.draw(st.sampled_from(fitting))
    graph.node("Cast", [x], kind, x.shape, to=kind)


def transpose(graph):
    x = graph.pick()
    order = graph.draw(st.none() | st.permutations(range(len(x.shape))))
    shape = x.shape[::-1] if order is None else [x.shape[axis] for axis in order]
    graph.node("Transpose", [x], x.kind, shape, **({} if order is None else {"perm": order}))


def linear(graph):
    x = graph.pick(*FLOATS, least_rank=2)
    product = graph.node(
        "MatMul", [x, graph.weight(x.kind, x.shape[-1], 3)], x.kind, (*x.shape[:-1], 3)
    )
    shape = graph.draw(
        st.sampled_from([(3,), (1, 3), (1,), (1, 1, 3)[3 - len(x.shape) :], product.shape])
    )
    addend = graph.weight(x.kind, *shape)
    read = graph.draw(st.permutations([product, addend]))
    graph.node("Add", read, x.kind, product.shape)


def convolution(graph):
    x = graph.pick(*FLOATS, rank=4)
    channels = 4
    bias = [graph.weight(x.kind, channels)] if graph.draw(st.booleans()) else []
    weight = graph.weight(x.kind, channels, x.shape[1], 1, 1)
    conv = graph.node("Conv", [x, weight, *bias], x.kind, (x.shape[0], channels, *x.shape[2:]))
    if graph.draw(st.booleans()):
        norm = [graph.weight(x.kind, channels) for _ in range(3)]
        variance = graph.weight(x.kind, channels, low=0.1)
        graph.node("BatchNormalization", [conv, *norm, variance], x.kind, conv.shape)


def constants(graph):
    size = graph.constant(np.array([2, 3]))
    filled = graph.node("ConstantOfShape", [size], TensorProto.FLOAT, (2, 3))
    graph.node("Add", [filled, graph.weight(TensorProto.FLOAT, 3)], TensorProto.FLOAT, (2, 3))


def branch(graph):
    """Both branches read what is outside, one of them through nodes that go."""
    x, kept = graph.pick(*FLOATS), len(graph.values)
    made = [f"b{kept}", f"t{kept}", f"e{kept}"]
    order = list(range(len(x.shape)))
    then = [
        helper.make_node("Transpose", [x.name], [made[0]], perm=order),
        helper.make_node("Abs", [made[0]], [made[1]]),
    ]
    otherwise = [helper.make_node("Identity", [x.name], [made[2]])]
    bodies = {
        name: helper.make_graph(
            nodes, name, [], [helper.make_tensor_value_info(nodes[-1].output[0], x.kind, x.shape)]
        )
        for name, nodes in (("then_branch", then), ("else_branch", otherwise))
    }
    condition = graph.constant(np.array(graph.draw(st.booleans())))
    graph.node("If", [condition], x.kind, x.shape, **bodies)


STEPS = (
    identity, dropout, elementwise, total, cut, unsqueeze, squeeze, reshape, cast, transpose,
    linear, convolution, constants, branch,
)  # fmt: skip


@st.composite
def graphs(draw):
    """Some steps, and any values as outputs: inputs and initialisers too."""
    graph = Graph(draw)
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=LEAST_STEPS, max_size=MOST_STEPS)):
        step(graph)
    weights = [Known(t.name, t.data_type, tuple(t.dims)) for t in graph.weights]
    possible = st.sampled_from(graph.values[::-1] + weights)
    outputs = draw(st.lists(possible, min_size=1, max_size=3, unique_by=lambda value: value.name))
    infos = [
        [helper.make_tensor_value_info(value.name, value.kind, value.shape) for value in values]
        for values in (graph.inputs, outputs)
    ]
    made = helper.make_graph(graph.nodes, "generated", *infos, graph.weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model
