"""Each mode's rule is fed lies: the evidence of a run that engaged, with one fact changed."""

import pytest

from bench_core.discover import modes
from tests.modes import small
from tests.modes.static import ONE_LAYER

RUN = {
    **dict.fromkeys(
        ["eager_as_loaded", "eager_train", "eager_eval", "eager_no_grad", "eager_inference_mode",
         "fp16", "bf16", "autocast_bf16", "int8_dynamic", "torchscript_trace",
         "torchscript_freeze", "torchscript_script", "torchscript_optimized", "torch_export",
         "ort_disabled_online", "ort_all_online", "ort_all_offline", "ort_all_iobinding",
         "ort_int8_dynamic", "ort_int8_static_native", "ort_int4_rtn"],
        small.TEXT,
    ),
    "channels_last": small.IMAGE,
    "int8_eager_static_x86": ONE_LAYER,
    "ort_int8_static_mse": ONE_LAYER,
}  # fmt: skip
"""Modes that are made ready here, and the model that they are made ready for."""

COMPILED = {
    "frames": 1, "graphs": 1, "graph_breaks": 0, "cache_hits": 0, "cache_misses": 1,
    "cache_bypasses": 0, "cudagraph_skips": 0, "kernels": 1, "templates": 0, "inputs": 5,
    "constants": 0, "packed": 0, "channels_last": [0, 0], "graphs_run": 1,
    "operators": {"aten::addmm": 2}, "autotuned": {}, "recompiles": {"while timed": 0},
}  # fmt: skip
FROZEN = {**COMPILED, "cache_misses": 0, "cache_bypasses": 1, "kernels": 2, "inputs": 1,
          "constants": 6, "packed": 2, "operators": {"mkl::_mkl_linear": 2}}  # fmt: skip
INTEGER = {"graphs_run": 1, "operators": {"onednn::qlinear_pointwise": 2},
           "integer": {"onednn::qlinear_pointwise": 2}}  # fmt: skip
RECORDED = {
    "compile_default": COMPILED,
    "compile_dynamic": {
        **COMPILED, "inputs": 7, "recompiles": {"while timed": 0, "length": 0, "batch": 0}
    },
    "compile_freezing": FROZEN,
    "compile_max_autotune_no_cudagraphs": {
        **FROZEN, "templates": 2, "constants": 4, "packed": 0, "operators": {},
        "autotuned": {"considered": {"_mkl_linear": 2, "cpp_CppMicroGemmFP32Vec": 2},
                      "chosen": {"cpp_CppMicroGemmFP32Vec": 2}},
    },
    "compile_reduce_overhead": COMPILED,
    "aot_inductor": {"libraries": 1, "library_bytes": 1_492_976, "loaded": 1, "kernels": 1,
                     "weights": 4, "graphs_run": 0,
                     "operators": {"aten::copy_": 2, "aten::expand": 2, "aten::resolve_conj": 4}},
    "torchscript_cpp": {"libraries": ["libc.so.6", "libtorch_cpu.so"],
                        "kinds": {"aten::linear": 2, "prim::Constant": 9}},
    "int8_bitsandbytes": {"weights": {"torch.int8": 2},
                          "operators": {"bitsandbytes::int8_scaled_mm": 2}},
    "int8_torchao_dynamic": {**INTEGER, "weights": {"Int8Tensor": 2, "Tensor": 2}},
    "int8_torchao_pt2e": {
        **INTEGER, "in_graph": {"quantized_decomposed.quantize_per_tensor.default": 2}
    },
}  # fmt: skip
"""Modes that take half a minute to compile, as they said of two linear layers; those of packages
and devices that are not here, as their files have it."""

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
LIES = {
    "eager_as_loaded": {
        "eval() was called": {"as_loaded": False},
        "no gradients": {"grad": False},
    },
    "eager_train": {"eval() was called": {"training": False}},
    "eager_eval": {"still training": {"training": True}, "no gradients": {"grad": False}},
    "eager_no_grad": {"gradients": {"grad": True}, "inference_mode": {"inference": True}},
    "eager_inference_mode": {
        "still training": {"training": True},
        "no_grad alone": {"inference": False},
    },
    "channels_last": {
        "weights alone": {"activations": [0, 9]},
        "one layer of many": {"activations": [1, 40]},
    },
    "fp16": {
        "it stayed float": {"parameters": {"float32": 7}},
        "one parameter stayed float": {"parameters": {"float16": 6, "float32": 1}},
        "layers are float": {"activations": {"float32": 9}},
        "half of the layers are float": {"activations": {"float16": 4, "float32": 4}},
        "the other half precision": {"parameters": {"bfloat16": 7}},
    },
    "bf16": {
        "it stayed float": {"parameters": {"float32": 7}},
        "layers are float": {"activations": {"float32": 9}},
    },
    "autocast_bf16": {
        "nothing was cast": {"activations": {"float32": 9}},
        "cast to the other one": {"activations": {"float16": 9}},
        "the parameters were cast": {"parameters": {"bfloat16": 7}},
    },
    "int8_dynamic": {
        "no quantised layer": {"quantised": {}},
        "none of a kind": {"quantised": {"Linear": 0}},
        "an engine without kernels": {"engine": "none"},
    },
    "int8_eager_static_x86": {
        "no quantised node": {"quantised": {}, "operators": {}},
        "a layer without a range": {"unobserved": 1},
        "another engine": {"engine": "qnnpack"},
    },
    "torchscript_trace": {
        "the module itself": {"script_module": False},
        "an empty graph": {"nodes": [0, 0]},
        "compiled from source": {"compiled": 30, "traced": 0},
    },
    "torchscript_freeze": {
        "weights looked up": {"get_attr": 2},
        "weights as parameters": {"parameters": 7},
    },
    "torchscript_script": {"a trace": {"compiled": 0, "traced": 30}, "partly": {"traced": 1}},
    "torchscript_optimized": {
        "as saved": {"rewritten": {}},
        "constants alone": {"rewritten": {"prim::Constant": [9, 8]}},
    },
    "torch_export": {
        "an empty graph": {"graph_nodes": 0},
        "no operator ran": {"operators": {}},
        "the model's own class": {"classes": ["tests.modes.small", "torch.fx.graph_module"]},
    },
    "ort_disabled_online": {
        "optimised": {"level": "ORT_ENABLE_ALL"},
        "an optimised file": {"file_nodes": 1},
        "fused": {"fused": {"FusedMatMul": 1}},
        "on the wrong provider": {"provider": CUDA},
    },
    "ort_all_online": {
        "optimised ahead of time": {"level": "ORT_DISABLE_ALL"},
        "a level below": {"level": "ORT_ENABLE_BASIC"},
        "nothing changed": {"same_graph_at": ["ORT_DISABLE_ALL", "ORT_ENABLE_ALL"]},
        "the graph of a level below": {"same_graph_at": ["ORT_ENABLE_BASIC"]},
        "an optimised file": {"file_nodes": 1},
        "on the wrong provider": {"provider": CUDA},
        "a node on another provider": {"providers": {CPU: 9, CUDA: 1}},
        "no nodes at all": {"providers": {}},
        "a provider that has no node": {"providers": {CPU: 0}},
    },
    "ort_all_offline": {
        "optimised when loaded": {"level": "ORT_ENABLE_ALL"},
        "the file as exported": {"file_nodes": 999},
        "on the wrong provider": {"providers": {CUDA: 9}},
    },
    "ort_all_iobinding": {
        "an output elsewhere": {"outputs_in_place": [0, 1]},
        "no outputs": {"outputs_in_place": [0, 0]},
        "not optimised": {"same_graph_at": ["ORT_DISABLE_ALL"]},
    },
    "ort_int8_dynamic": {
        "no quantised node": {"fused": {}},
        "float fusions alone": {"fused": {"FusedMatMul": 2}},
        "on the wrong provider": {"provider": CUDA},
    },
    "ort_int8_static_native": {
        "no quantised node": {"fused": {}},
        "ranges at each call": {"fused": {"MatMulIntegerToFloat": 2, "DynamicQuantizeMatMul": 1}},
        "on the wrong provider": {"providers": {CPU: 3, CUDA: 9}},
    },
    "ort_int8_static_mse": {
        "no quantised node": {"fused": {}},
        "on the wrong provider": {"provider": CUDA},
    },
    "ort_int4_rtn": {
        "no quantised layer": {"int4_layers": []},
        "a layer that stayed float": {"kernels": {"com.microsoft.MatMulNBits": 1, "MatMul": 1}},
        "on the wrong provider": {"provider": CUDA},
    },
    "compile_default": {
        "nothing captured": {"graphs": 0},
        "no kernels": {"kernels": 0},
        "a call that ran eagerly": {"graphs_run": 0},
        "past its recompile limit": {"recompiles": {"while timed": 9}},
    },
    "compile_dynamic": {
        "past its recompile limit": {"recompiles": {"while timed": 9, "length": 0, "batch": 0}},
        "compiled again for a length": {"recompiles": {"while timed": 0, "length": 1}},
        "another length was not tried": {"recompiles": {"while timed": 0}},
        "a call that ran eagerly": {"graphs_run": 0},
    },
    "compile_freezing": {
        "weights as inputs": {"constants": 0, "packed": 0},
        "a call that ran eagerly": {"graphs_run": 0},
    },
    "compile_max_autotune_no_cudagraphs": {
        "nothing timed": {"autotuned": {"considered": {}, "chosen": {}}},
        "weights as inputs": {"constants": 0},
    },
    "compile_reduce_overhead": {"no CUDA graphs": {"cudagraph_skips": 1}},
    "aot_inductor": {"not loaded": {"loaded": 0}, "no kernels": {"kernels": 0}},
    "torchscript_cpp": {
        "Python in the process": {"libraries": ["libtorch_cpu.so", "libtorch_python.so"]},
        "no libtorch": {"libraries": ["libc.so.6"]},
        "weights looked up": {"kinds": {"aten::linear": 2, "prim::GetAttr": 4}},
    },
    "int8_bitsandbytes": {
        "float weights": {"weights": {"torch.float32": 2}},
        "float products": {"operators": {"aten::linear": 2}},
    },
    "int8_torchao_dynamic": {
        "float weights": {"weights": {"Tensor": 4}},
        "float products": {"integer": {}},
        "a call that ran eagerly": {"graphs_run": 0},
    },
    "int8_torchao_pt2e": {
        "ranges at each call": {"in_graph": {}},
        "float products": {"integer": {}},
    },
}


@pytest.fixture(scope="module")
def true(tmp_path_factory):
    """The evidence of a mode that engaged, taken once."""
    kept = dict(RECORDED)

    def of(name: str) -> dict:
        if name not in kept:
            job = small.job(RUN[name], tmp_path_factory.mktemp(name))
            kept[name] = modes()[name].prepare(job).evidence()
        return kept[name]

    return of


def each(lies: dict) -> pytest.MarkDecorator:
    told = [(mode, what, changed) for mode, by in lies.items() for what, changed in by.items()]
    ids = [f"{mode}: {what}" for mode, what, _ in told]
    return pytest.mark.parametrize(("mode", "changed"), [(m, c) for m, _, c in told], ids=ids)


@pytest.mark.parametrize("mode", [*RUN, *RECORDED])
def test_the_truth_is_believed(mode, true):
    assert modes()[mode].engaged(true(mode)) is None


@each(LIES)
def test_a_lie_is_not(mode, changed, true):
    assert changed.keys() <= true(mode).keys()  # it is the rule's fact that changed, not another
    assert modes()[mode].engaged({**true(mode), **changed})


@pytest.mark.parametrize("mode", modes())
def test_no_evidence_at_all_is_none(mode):
    assert modes()[mode].engaged({})
