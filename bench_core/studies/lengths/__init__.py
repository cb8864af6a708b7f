"""`bench lengths`: latency over lengths, flips of the ranking, recompiles, the price of padding."""
