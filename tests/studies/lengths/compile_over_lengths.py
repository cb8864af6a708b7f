"""Compiles one small model in several ways and prints, as JSON, what each call came to."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

LENGTHS = [7, 12, 9]


def main(folder):
    import torch
    from torch._dynamo import config

    from bench_core.studies.lengths.recompiles import observed

    inputs = [(torch.ones(1, length, 4).numpy(),) for length in LENGTHS]
    ways = {
        "default": ({}, None),
        "dynamic": ({}, True),
        "limited": ({"recompile_limit": 1, "automatic_dynamic_shapes": False}, None),
    }
    found = {}
    for name, (settings, dynamic) in ways.items():
        torch._dynamo.reset()
        module = torch.nn.Linear(4, 4).eval()  # no kernel of its own, so no C++
        with config.patch(**settings):
            calls = observed(module, inputs, LENGTHS, Path(folder), dynamic=dynamic)
            found[name] = [asdict(call) for call in calls]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))
    main(sys.argv[1])
