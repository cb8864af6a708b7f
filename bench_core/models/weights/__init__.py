"""Trained weights of our own, each beside the script that makes it again."""
