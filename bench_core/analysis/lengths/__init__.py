"""Latency over lengths: curves, where two of them cross, what padding and recompiling cost."""
