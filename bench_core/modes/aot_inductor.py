"""AOTInductor: the model as machine code in a package, run without Dynamo or the model's Python."""

import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.mode import Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes.artifact_file import fingerprint
from bench_core.runtimes.inductor import GRAPH_CALL, compiling, ran
from bench_core.runtimes.torch_export import export
from bench_core.runtimes.torch_module import feed, inference_call, read
from bench_core.runtimes.torch_profile import torch_profiler

if TYPE_CHECKING:
    import torch
    from torch._C._aoti import AOTIModelPackageLoader


def _compile(job: Job, path: Path) -> None:
    import torch

    program = export(job)
    with compiling(job.folder):
        torch._inductor.aoti_compile_and_package(
            program,
            package_path=str(path),
            # They pay off for models that share a cache; each of ours has its own.
            inductor_configs={"aot_inductor.precompile_headers": False},
        )


def _load(path: Path) -> "AOTIModelPackageLoader":
    """By the loader that torch._inductor.aoti_load_package wraps.

    The wrapper would import Dynamo and Inductor, a thousand modules in all, and parse the
    call's signature from JSON at each call.
    """
    import torch

    with _temporary_files_in(path.parent):
        return torch._C._aoti.AOTIModelPackageLoader(str(path), "model", False, 1, -1)


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Have the loader unpack its library below `folder`, and remove that once it is loaded.

    It removes it itself only if it ends in peace, which a worker does not; what is mapped
    needs no file.
    """
    before = os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(dir=folder) as unpacked:
        os.environ["TMPDIR"] = unpacked
        try:
            yield
        finally:
            if before is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before


def _contents(path: Path) -> dict[str, Any]:
    """The package's libraries, and the kernels that they were compiled from."""
    with zipfile.ZipFile(path) as package:
        libraries = [file for file in package.infolist() if file.filename.endswith(".so")]
        sources = [name for name in package.namelist() if name.endswith(".cpp")]
        kernels = {
            kernel
            for name in sources
            for kernel in re.findall(r"\bcpp_fused\w*(?=\()", package.read(name).decode())
        }
    mapped = Path("/proc/self/maps").read_text()
    return {
        "libraries": len(libraries),
        "library_bytes": sum(file.file_size for file in libraries),
        "loaded": sum(Path(file.filename).name in mapped for file in libraries),
        "kernels": len(kernels),
    }


def _prepare(job: Job) -> Runner:
    import torch

    path = job.artifact("aot_inductor.pt2", lambda part: _compile(job, part))
    loader = _load(path)

    def run(*tensors: "torch.Tensor") -> "torch.Tensor":
        return loader.run(list(tensors))[0]

    def marked(*tensors: "torch.Tensor") -> "torch.Tensor":
        with torch.profiler.record_function(GRAPH_CALL):  # its kernels leave no records
            return run(*tensors)

    call = inference_call(run)
    profiler = torch_profiler(inference_call(marked), feed)

    def evidence() -> dict[str, Any]:
        return {
            **_contents(path),
            "weights": len(loader.get_constant_fqns()),
            "built_for": loader.get_metadata(),
            **ran(call, feed(job.examples[0])),
        }

    # It takes a tensor's memory for contiguous, whatever its strides: `feed` makes it so.
    return Runner(call, feed, read, evidence, *fingerprint(path), profiler=profiler)


def _engaged(evidence: dict[str, Any]) -> str | None:
    if not evidence.get("loaded"):
        return "expected a library of the package to be loaded, found none"
    if not evidence.get("kernels"):
        return "expected compiled kernels, found none: every operator is eager's own"
    return None


AOT_INDUCTOR = Mode(
    name="aot_inductor",
    family="compile",
    summary="torch.export with free batch and length, compiled ahead of time into one package",
    prepare=_prepare,
    engaged=_engaged,
)
