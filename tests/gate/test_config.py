import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.errors import UsageError
from bench_core.gate.config import Config, Limits, read, share

TEXT = """
[tool.bench.gate]
threshold = "8 %"
peak_rss_bytes = 0.2
constraints = "lock.txt"
[tool.bench.gate.cells]
"minilm|*" = { threshold = "10%", task = false }
"*|compile_*" = { ready_s = "50%" }
"""


def written(folder, text):
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_without_a_table_the_defaults_hold(tmp_path):
    assert read(tmp_path) == Config()
    assert read(written(tmp_path, "[project]\nname = 'x'\n")) == Config()


def test_a_cells_own_limits_override_the_suites(tmp_path):
    config = read(written(tmp_path, TEXT))
    assert config.constraints == "lock.txt"
    assert config.limits_of("mlp|bf16|length=1") == Limits(0.08, peak_rss_bytes=0.2)
    assert config.limits_of("minilm|compile_default|length=16") == Limits(
        0.10, task=False, peak_rss_bytes=0.2, ready_s=0.5
    )


def test_the_commands_threshold_holds_for_all_cells(tmp_path):
    config = read(written(tmp_path, TEXT), "2%")
    assert {config.limits_of(cell).threshold for cell in ("minilm|x", "mlp|x")} == {0.02}


def test_a_pattern_that_fits_no_cell_is_told_with_an_id_that_one_could_fit(tmp_path):
    config = read(written(tmp_path, TEXT))
    cells = ["minilm|bf16|length=16", "mlp|bf16|length=1"]
    (warning,) = config.warnings(cells)
    assert "'*|compile_*' fits no cell" in warning and "'mlp|bf16|length=1'" in warning
    assert config.warnings([*cells, "mlp|compile_default|length=1"]) == []


@given(st.floats(0.001, 0.99))
def test_a_share_reads_the_same_in_percent(value):
    assert share(f"{value * 100!r} %", "it") == pytest.approx(share(value, "it"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.bench.gate]\nthreshhold = '5%'", "unknown key 'threshhold'"),
        ("[tool.bench.gate]\nthreshold = 'much'", "expected a share like 5%"),
        ("[tool.bench.gate]\nthreshold = -1", "expected a share"),
        ("[tool.bench.gate]\nthreshold = 1", "expected a share"),  # 1 % or 100 %?
        ("[tool.bench.gate]\nthreshold = true", "expected a share"),
        ("[tool.bench.gate]\ntask = 'yes'", "task is true or false"),
        ("[tool.bench.gate]\ncells = 3", "expected a table as 'cells'"),
        ("[tool.bench.gate.cells]\na = 3", "expected a table of limits"),
        ("[tool.bench]\ngate = 5", "expected a table"),
        ("[tool", "pyproject.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        read(written(tmp_path, text))
