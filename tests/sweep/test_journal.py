import json
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.statistics import pooled_launch_sd
from bench_core.duel.duel import fight
from bench_core.duel.stopping import Rule
from bench_core.sweep import results
from bench_core.sweep.journal import Journal
from fakes import FakeSide

NAMES = st.text(min_size=1, max_size=30)


@given(lines=st.lists(st.tuples(NAMES, NAMES, st.integers()), max_size=10))
def test_what_was_written_is_read_by_the_run_that_resumes(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("journal")
    first = Journal(folder)
    first.open(resume=False)
    for name, key, data in lines:
        first.write("cell", name, key, data)
    second = Journal(folder)
    second.open(resume=True)
    for name, (key, data) in {name: (key, data) for name, key, data in lines}.items():
        assert second.read("cell", name, key) == data
        assert second.read("cell", name, key + "x") is None
        assert second.read("advice", name, key) is None


@given(cut=st.integers(0, 200))
def test_a_torn_last_line_loses_that_line_alone(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("torn")
    journal = Journal(folder)
    journal.open(resume=False)
    journal.write("cell", "one", "k", {"whole": True})
    file = folder / "journal.jsonl"
    before = file.read_bytes()
    journal.write("cell", "two", "k", {"text": "é" * 20})
    file.write_bytes(before + file.read_bytes()[len(before) :][:-1][:cut])
    again = Journal(folder)
    again.open(resume=True)
    assert again.read("cell", "one", "k") == {"whole": True}
    again.write("cell", "three", "k", 3)
    last = Journal(folder)
    last.open(resume=True)
    assert last.read("cell", "three", "k") == 3


def test_without_resume_it_starts_empty(tmp_path):
    journal = Journal(tmp_path)
    journal.open(resume=False)
    journal.write("cell", "one", "k", 1)
    again = Journal(tmp_path)
    again.open(resume=False)
    assert again.read("cell", "one", "k") is None
    assert list(tmp_path.iterdir()) == []


def test_every_raw_sample_is_kept_and_gathered_in_one_file(tmp_path):
    @contextmanager
    def pair():
        yield tuple(FakeSide(name, [], lambda block: 1e-2 + block * 1e-5) for name in "AB")

    with pair() as first:
        duel = fight(first, pair, Rule(0.0), lambda _: pooled_launch_sd([]))
    journal = Journal(tmp_path)
    journal.open(resume=False)
    cell = "a|b|length=1|batch=1|cpu|cpu|threads=1"
    journal.write_raw(cell, duel)
    whole = tmp_path / "run.raw.npz"
    results.write_raw(whole, [(cell, journal.raw_file(cell))])
    with np.load(whole, allow_pickle=False) as file:
        columns = file[f"{cell}/columns"].tolist()
        blocks = file[f"{cell}/blocks"]
        taken_ns = file[f"{cell}/taken_ns"]
    assert columns == ["launch", "quad", "position", "side", "calls", "samples"]
    assert len(blocks) == len(duel.blocks) == 64
    assert blocks[:, -1].sum() == len(taken_ns)
    ours = taken_ns[np.repeat(blocks[:, 3], blocks[:, 5]) == 1]
    np.testing.assert_allclose(ours / 1e9, duel.samples_s("B"))


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "run.json"
    results.write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        results.write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_names_that_are_taken_get_a_number(tmp_path):
    """Within the same second or not."""
    for _ in range(3):
        results.free_name(tmp_path, after="_run").write_text("{}")
    assert len(list(tmp_path.glob("*_run*.json"))) == 3


def test_raw_files_are_plain_zip_of_npy(tmp_path):
    path = tmp_path / "x.raw.npz"
    results.write_raw(path, [])
    assert zipfile.ZipFile(path).namelist() == []
