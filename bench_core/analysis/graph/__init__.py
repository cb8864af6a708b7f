"""Graphs as pictures: nodes put together by layer, placed in rows, drawn."""
