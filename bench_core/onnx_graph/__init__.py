"""Passes over ONNX graphs, one a file: what stands there before, after, and when it acts.

optimise.py             which passes there are, in which order, until none finds anything
fold_*  drop_*  fuse_*  the passes: a model → how often it was rewritten
model_file.py           from an .onnx file and back
constants.py            what is known before the graph runs
rewire.py               changes that leave the graph's inputs and outputs their names
"""
