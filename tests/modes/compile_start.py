"""Prepares one mode in a process of its own and prints, as JSON, what it came to."""

import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path


def models():
    from torch import nn

    from tests.modes import small

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(small.WIDTH, 8, batch_first=True)

        def forward(self, x):
            return self.lstm(x)[0]

    def wide():
        return nn.Sequential(nn.Linear(small.WIDTH, 64), nn.Tanh(), nn.Linear(64, small.WIDTH))

    return {
        "rows": replace(small.ROWS, build=small.seeded(wide), lengths=(7, 12)),
        "plain": replace(
            small.ROWS, build=small.seeded(lambda: nn.Sequential(nn.Tanh(), nn.Softmax(-1)))
        ),
        "image": replace(small.IMAGE, lengths=(7, 12)),
        "forked": small.FORKED,
        "recurrent": replace(small.ROWS, build=small.seeded(Recurrent)),
    }


def main(mode_name, model_name, folder):
    import torch

    from bench_core.discover import modes
    from bench_core.errors import BenchError
    from bench_core.runtimes import oracle
    from tests.modes import small

    torch.set_num_threads(2)
    mode, model = modes()[mode_name], models()[model_name]
    job = small.job(model, Path(folder))
    try:
        runner = mode.prepare(job)
    except BenchError as error:
        sys.stdout.write(json.dumps({"status": error.status, "message": str(error)}))
        return
    left = [thread.name for thread in threading.enumerate() if "Pool" in thread.name]
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    built = "module" in vars(job)
    imported = sorted({"torch._dynamo", "torch._inductor.graph"} & set(sys.modules))
    maps = Path("/proc/self/maps").read_text().splitlines()
    unpacked = {line for line in maps if "aotinductor" in line and "(deleted)" not in line}
    evidence = runner.evidence()
    again = runner.evidence()
    specs = [(7, 1, 50, False), (7, 1, 51, True)]
    if mode.any_shape:
        specs += [(12, 1, 52, True), (12, 3, 53, True)]
    inputs = [model.inputs(*spec) for spec in specs]
    exact, _, _ = oracle.run(job.module, inputs)
    pairs = zip(exact, small.outputs(runner, inputs), strict=True)
    second = model.inputs(9, 1, 54, False)
    sys.stdout.write(
        json.dumps(
            {
                "evidence": evidence,
                "engaged": mode.engaged(evidence),
                "engaged again": mode.engaged(again),
                "built_module": built,
                "left": left + children,
                "imported": imported,
                "unpacked": sorted(unpacked),
                "files": sorted(path.name for path in job.folder.iterdir()),
                "bytes": runner.artifact_bytes,
                "sqnr_db": min(small.sqnr_db([right], [found]) for right, found in pairs),
                "recompiled_for_another_length": _frames(lambda: runner.call(runner.feed(second))),
            }
        )
    )


def _frames(call):
    """How many frames Dynamo compiles meanwhile; 0 where it is not even imported."""

    def count():
        utils = sys.modules.get("torch._dynamo.utils")
        return utils.counters["frames"]["total"] if utils else 0

    before = count()
    call()
    return count() - before


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main(*sys.argv[1:])
