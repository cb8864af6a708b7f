from pathlib import Path

from bench_core import quantization


def test_the_map_of_the_quantiser_names_every_file():
    package = Path(quantization.__file__).parent
    places = [f"{p.name}/" for p in package.iterdir() if (p / "__init__.py").exists()]
    places += [p.name for p in package.glob("*.py") if p.name != "__init__.py"]
    said = (quantization.__doc__ or "").split()
    assert [place for place in places if place not in said] == []
