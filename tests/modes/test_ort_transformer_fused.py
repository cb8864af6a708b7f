"""The optimiser of transformers is proved by what it left in the file before any loading."""

from dataclasses import replace

import onnx
import pytest

from bench_core.errors import Unsupported
from bench_core.modes.ort_transformer_fused import ORT_TRANSFORMER_FUSED
from bench_core.runtimes import oracle
from bench_core.runtimes.onnx_export import export
from tests.modes import small
from tests.onnx_graph.judge import parse

HEADS = 4


def attending():
    """One layer as BERT has it: attention with a mask, an addition and a norm."""
    import torch
    from torch import nn

    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(small.VOCABULARY, small.WIDTH)
            self.q, self.k, self.v, self.out = (
                nn.Linear(small.WIDTH, small.WIDTH) for _ in range(4)
            )
            self.norm, self.first = nn.LayerNorm(small.WIDTH), nn.LayerNorm(small.WIDTH)

        def heads(self, x):
            return x.view(x.shape[0], x.shape[1], HEADS, small.WIDTH // HEADS).permute(0, 2, 1, 3)

        def forward(self, ids, mask):
            x = self.first(self.embed(ids))
            bias = (1.0 - mask[:, None, None, :].float()) * -10000.0
            q, k, v = self.heads(self.q(x)), self.heads(self.k(x)), self.heads(self.v(x))
            scores = q @ k.transpose(-1, -2) / (small.WIDTH // HEADS) ** 0.5 + bias
            y = (scores.softmax(-1) @ v).permute(0, 2, 1, 3).contiguous()
            y = self.norm(self.out(y.view(y.shape[0], y.shape[1], small.WIDTH)) + x)
            kept = mask.unsqueeze(-1).float()
            return (y * kept).sum(1) / kept.sum(1)

    torch.manual_seed(0)
    return Attending()


ATTENDING = replace(small.TEXT, name="attending", build=small.seeded(attending))


def given(proto, folder, model=small.ROWS):
    """A job of a file as a user gives it, so that nothing is exported."""
    onnx.save(proto, folder / "given.onnx")
    return small.job(replace(model, onnx=folder / "given.onnx"), folder)


@pytest.fixture(scope="module")
def fused(tmp_path_factory):
    """Exported by TorchScript, whose graph of attention is the one that is looked for."""
    folder = tmp_path_factory.mktemp("fused")
    example = small.TEXT.inputs(7, 2, 0, False)
    export(ATTENDING, ATTENDING.build(), example, folder / "exported.onnx", "torchscript")
    job = given(onnx.load(folder / "exported.onnx"), folder, ATTENDING)
    runner = ORT_TRANSFORMER_FUSED.prepare(job)
    return job, runner, runner.evidence()


def test_it_is_engaged_by_what_it_fused_beforehand(fused):
    evidence = fused[2]
    assert evidence["fused_beforehand"] == {
        "com.microsoft.Attention": 1,
        "com.microsoft.SkipLayerNormalization": 1,
    }
    assert evidence["file_nodes"] < evidence["nodes"][0]
    assert ORT_TRANSFORMER_FUSED.engaged(evidence) is None


def test_the_outputs_are_the_model_s(fused):
    job, runner, _ = fused
    inputs = [job.model.inputs(5, 1, 50, False), job.model.inputs(12, 3, 51, True)]
    exact, _, _ = oracle.run(job.module, inputs)
    assert small.sqnr_db(exact, small.outputs(runner, inputs)) > 100


@pytest.mark.parametrize(
    ("lie", "says"),
    [
        ({"fused_beforehand": {}}, "expected operators fused"),
        ({"level": "ORT_DISABLE_ALL"}, "ORT_DISABLE_ALL"),
        ({"same_graph_at": ["ORT_ENABLE_ALL"]}, "makes the same graph"),
        ({"providers": {}}, "every node on"),
    ],
)
def test_liars_are_not_engaged(lie, says, fused):
    assert says in ORT_TRANSFORMER_FUSED.engaged({**fused[2], **lie})


def test_no_evidence_is_not_engaged():
    assert ORT_TRANSFORMER_FUSED.engaged({}) is not None


@pytest.mark.parametrize("body", ["a = Relu(x) y = Neg(a)", "m = MatMul(x, w) y = Add(m, w)"])
def test_a_model_that_is_no_transformer_is_unsupported(body, tmp_path):
    """That a product and a sum became a Gemm on the way is no fusing of a transformer."""
    matrix = {"inputs": "float[3,3] x", "outputs": "float[3,3] y"}
    proto = parse(body, weights="float[3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}", **matrix)
    with pytest.raises(Unsupported, match="to fuse as BERT has them"):
        ORT_TRANSFORMER_FUSED.prepare(given(proto, tmp_path))


def test_what_loading_fuses_anyway_is_not_engaged(tmp_path):
    proto = parse(
        "m = MatMul(x, w) a = Add(m, b) y = Gelu(a)",
        inputs="float[B,L,2] x", outputs="float[B,L,2] y",
        weights="float[2,2] w = {1, 2, 3, 4}, float[2] b = {1, 2}",
    )  # fmt: skip
    evidence = ORT_TRANSFORMER_FUSED.prepare(given(proto, tmp_path)).evidence()
    assert evidence["fused_beforehand"] == {"com.microsoft.BiasGelu": 1}
    assert "ORT_ENABLE_ALL alone makes the same graph" in ORT_TRANSFORMER_FUSED.engaged(evidence)
