"""What a worker's files may import, since they run over another revision's bench_core."""

import ast
import sys
from pathlib import Path

import bench_core

HERE = Path(bench_core.__file__).parent
NOUNS = {"discover", "cell", "mode", "runner", "wire"}
OF_A_RUNTIME = {
    "runtimes.oracle", "runtimes.graph_oracle", "runtimes.layer_work", "runtimes.peak",
    "runtimes.torch_profile",
}  # fmt: skip


def imports(file: Path) -> tuple[set[str], set[Path]]:
    """Absolute names, and the files of ours that are named relatively."""
    absolute, ours = set(), set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            absolute |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            folder = file.parents[node.level - 1]
            ours.add(folder.joinpath(*node.module.split(".")).with_suffix(".py"))
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            nouns = node.module == "bench_core" or node.module == "bench_core.runtimes"
            absolute |= {f"{node.module}.{name}" for name in names} if nouns else {node.module}
    return absolute, ours


def test_a_workers_files_need_the_sides_nouns_and_nothing_else_of_it():
    left, seen = [HERE / "worker" / "zygote.py"], set()
    while left:
        file = left.pop()
        seen.add(file)
        absolute, ours = imports(file)
        left += ours - seen
        for name in absolute:
            package, _, rest = name.partition(".")
            if package == "bench_core":
                assert rest in NOUNS | OF_A_RUNTIME, f"{file.name} needs {name}"
            else:
                assert package in sys.stdlib_module_names | {"numpy"}, f"{file.name} needs {name}"
    assert {file.name for file in seen} == {
        "zygote.py", "serve.py", "placing.py", "profile.py", "timing.py", "wire.py", "memory.py",
        "processes.py",
    }  # fmt: skip
