"""Experiments whose tables the README shows, each one command."""
