"""Every figure in the README's tables is the record's own."""

import re
from pathlib import Path

import pytest

from bench_core.analysis.load import load
from bench_core.analysis.units import duration, size, times
from bench_core.cell import Cell

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
RESULTS = ROOT / "results" / "reference_default.json"
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|", re.MULTILINE)


def tables():
    """Group id → the rows of its table: mode, p50, reference p50, speed-up, artefact, memory."""
    parts = re.split(r"^<!-- (\S+) -->$", README, flags=re.MULTILINE)[1:]
    return {
        group: ROW.findall(text.split("\n\n")[1])
        for group, text in zip(parts[::2], parts[1::2], strict=True)
    }


def test_there_are_tables():
    assert len(tables()) >= 3 and all(len(rows) >= 4 for rows in tables().values())


@pytest.mark.parametrize("group", tables())
def test_each_row_is_its_record(group):
    records = {
        Cell.parse(record.cell).mode: record
        for record in load(RESULTS).cells
        if Cell.parse(record.cell).group == group
    }
    for mode, p50, reference_p50, speedup, artefact, memory in tables()[group]:
        record = records[mode]
        found = record.speedup
        assert p50 == duration(record.latency_s.p50)
        assert reference_p50 == duration(found.reference_median_s)
        assert speedup == times(found.ratio, found.low, found.high)
        assert artefact == size(record.artifact_bytes)
        assert memory == size(record.peak_rss_bytes.value)


def test_the_advice_is_quoted_word_for_word():
    from bench_core.analysis.advice import sentences

    text = re.sub(r"\s+", " ", README)
    for sentence in sentences(load(RESULTS)):
        assert sentence in text


BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.filterwarnings("ignore:`isinstance")
def test_the_quantiser_that_it_shows_runs(tmp_path, monkeypatch, capsys):
    (code,) = (block for block in BLOCKS if "ptq(" in block)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert (tmp_path / "model.onnx").exists()
    assert "rounded by adaround" in capsys.readouterr().out


def test_the_mode_that_it_shows_is_one(tmp_path):
    from bench_core.cell import Cell
    from bench_core.mode import Job, Mode
    from bench_core.models.mlp import MLP

    (code,) = (block for block in BLOCKS if "TWICE" in block)
    names: dict[str, object] = {}
    exec(code, names)
    mode = names["TWICE"]
    assert isinstance(mode, Mode)
    job = Job(MLP, Cell("mlp", mode.name, 1), tmp_path)
    runner = mode.prepare(job)
    (output,) = runner.read(runner.call(runner.feed(job.examples[0])))
    assert output.shape == (1, 1, 16)
    assert mode.engaged(runner.evidence()) is None


def test_it_lists_every_mode_and_no_other():
    from itertools import product

    from bench_core import discover

    section = README.split("### The modes, and what each must show")[1].split("\n\n- ")[0]
    listed = set()
    for row in re.findall(r"^\| \w+ \| (.+?) \|", section, re.MULTILINE):
        for name in re.findall(r"`(\S+)`", row):
            choices = [part.split(",") for part in re.split(r"[{}]", name)]
            listed |= {"".join(one) for one in product(*choices)}
    assert listed == set(discover.modes())
