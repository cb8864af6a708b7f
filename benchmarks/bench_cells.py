"""The sweep: one test per cell. Which cells there are, the --bench-… options say."""


def test_cell(bench_cell):
    """Built, verified, timed against the reference, and recorded."""
    bench_cell.publish()
