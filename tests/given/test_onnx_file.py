"""A graph of the user's, good and bad; the bad ones never reach a worker."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from bench_core.errors import Unsupported, UsageError
from bench_core.given import onnx_file, places
from bench_core.runtimes import graph_oracle
from graphs import embedding, graph, linear


@pytest.fixture
def save(tmp_path):
    def write(content, name="net.onnx"):
        onnx.save(content, tmp_path / name)
        return tmp_path / name

    return write


def test_tokens_stay_inside_the_table_they_look_up(save):
    model = onnx_file.model(save(embedding()))
    ids, mask = model.inputs(200, 30, 0, True)
    assert ids.shape == mask.shape == (30, 200)
    assert ids.max() == 49 and ids.min() == 0
    assert set(np.unique(mask)) == {0, 1} and (model.inputs(200, 30, 0, False)[1] == 1).all()
    assert model.lengths == onnx_file.LENGTHS and model.fixed_batch is None


def test_an_image_like_input_has_no_length(save):
    model = onnx_file.model(save(linear("batch", 8)))
    assert model.lengths == (1,) and model.inputs(1, 5, 0, False)[0].shape == (5, 8)


def test_a_fixed_batch_is_known(save):
    assert onnx_file.model(save(linear(3, 8))).fixed_batch == 3


def test_there_is_no_module(save):
    with pytest.raises(Unsupported, match="ONNX modes alone"):
        onnx_file.model(save(linear("batch", 8))).build()


def test_weights_beside_the_file_are_part_of_it(save, tmp_path):
    path = tmp_path / "big.onnx"
    onnx.save(
        linear("batch", 8), path, save_as_external_data=True, location="big.data", size_threshold=0
    )
    assert onnx_file.model(path).files() == (path, tmp_path / "big.data")


def test_the_perturbed_graph_is_as_far_off_as_float32_is(save):
    """A sum of 8 products: an rms error of about ε/2·√(2/12·8 + …) of a term, within 8-fold."""
    path = save(linear("batch", 8))
    batch = onnx_file.model(path).inputs(1, 500, 0, False)
    exact, moved = graph_oracle.run(path, ("x",), [batch], 1)
    w = onnx.numpy_helper.to_array(onnx.load(path).graph.initializer[0]).astype(np.float64)
    true = batch[0].astype(np.float64) @ w
    float32, perturbed = (np.sqrt(np.mean((one[0] - y) ** 2)) for one, y in
                          ((exact, true), (moved, exact[0])))  # fmt: skip
    assert float32 / 8 < perturbed < 8 * float32
    assert np.array_equal(*(graph_oracle.run(path, ("x",), [batch], 1)[1] for _ in range(2)))


def text(path):
    path.write_text("this is no graph\n")


def empty(path):
    path.write_bytes(b"")


def torn(path):
    onnx.save(linear("batch", 8), path)
    path.write_bytes(path.read_bytes()[:-40])


def unknown_operator(path):
    onnx.save(
        graph([helper.make_node("Frobnicate", ["x"], ["y"])], [("x", TensorProto.FLOAT, ["b", 8])]),
        path,
    )


def unknown_domain(path):
    node = helper.make_node("Frobnicate", ["x"], ["y"], domain="evil.example")
    made = graph([node], [("x", TensorProto.FLOAT, ["b", 8])])
    made.opset_import.append(helper.make_opsetid("evil.example", 1))
    onnx.save(made, path)


def lost_weights(path):
    onnx.save(
        linear("b", 8), path, save_as_external_data=True, location="gone.data", size_threshold=0
    )
    (path.parent / "gone.data").unlink()


def weights_elsewhere(path):
    lost_weights(path)
    made = onnx.load(path, load_external_data=False)
    for entry in made.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = "../../../../etc/passwd"
    path.write_bytes(made.SerializeToString())


def strings(path):
    node = helper.make_node("StringConcat", ["x", "x"], ["y"])
    made = graph(
        [node], [("x", TensorProto.STRING, ["b"])], output=("y", TensorProto.STRING, ["b"])
    )
    onnx.save(made, path)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (text, "expected an ONNX graph"),
        (empty, "expected"),
        (torn, "expected an ONNX graph"),
        (unknown_operator, "Frobnicate"),
        (unknown_domain, "Frobnicate"),
        (lost_weights, "gone.data"),
        (weights_elsewhere, "passwd"),
        (strings, "numbers and booleans"),
    ],
)
def test_what_is_not_a_graph_to_run_is_one_line(tmp_path, write, says):
    path = tmp_path / "net.onnx"
    write(path)
    with pytest.raises(UsageError) as caught:
        places.describe(str(path))
    assert says in str(caught.value) and "\n" not in str(caught.value)
