"""Models as graphs of ATen operators.

layers.py       what can be quantised, and how it is wired
linear.py       layers as W x + b; the neighbours that scales can be moved between
convolution.py  layers as `patches` wants them
capture.py      an exported program made ready: identities gone, norms folded
values.py       a graph run node by node on all batches at once
expected.py     what can be known of values without data
placement.py    which layers run in int8, and which values are quantised for them
operators.py    the two operators of a quantised graph, here and in ONNX
nbits.py        the third: a linear layer whose weight is held in 4 bits
simulate.py     the graph with integers in it
lower.py        the same as an ONNX file
executed.py     a runtime's integers beside the simulation's
"""
