"""Duels between the ways to run a deep-learning model."""
