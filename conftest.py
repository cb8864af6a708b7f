"""Loads the plugin where the package is not installed."""

pytest_plugins = ["bench_core.plugin"]
