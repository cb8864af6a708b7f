from pathlib import Path

import bench_core


def test_the_floor_plan_names_every_room():
    package = Path(bench_core.__file__).parent
    rooms = [f"{p.name}/" for p in package.iterdir() if (p / "__init__.py").exists()]
    rooms += [p.name for p in package.glob("*.py") if p.name != "__init__.py"]
    assert [room for room in rooms if room not in (bench_core.__doc__ or "")] == []
