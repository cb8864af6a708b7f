"""One model a file, found by being there."""
