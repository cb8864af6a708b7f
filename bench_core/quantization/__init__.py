"""The quantiser: small functions on plain tensors, and the flow that calls them, file by file.

quant_params.py          the nouns: the grid of integers, and how a tensor lies on it
affine.py                parameters from a range; quantise, dequantise, and both with a gradient
range_method.py          the noun: what sees tensors and then knows their range
ranges/                  the range methods, one a file, found by being there
range_search.py          the range of least loss, found on ever finer grids
extent.py                the ends of what was seen, exactly
histogram.py  bins.py    a histogram that grows with its data and loses none of it
divergence.py            the information that a clipped histogram on few levels loses
batch_norm_range.py      an activation's range from batch-norm statistics, without data
fold.py                  an inference-mode batch norm into the conv or linear layer before it
equalization.py          channel ranges of two neighbouring layers made equal
absorption.py            high biases moved into the next layer
bias_correction.py       the mean error of quantised weights taken out of the bias
batch_norm_reestimation.py  batch-norm statistics taken anew from the quantised model
adaround.py              each weight rounded up or down so that the layer's output errs least
smoothquant.py           outliers of activations moved into the weights
gptq.py                  columns rounded in turn, the rest of the row making up for each
awq.py                   weights scaled by the activations that they meet, before rounding
sqnr.py                  how much of a signal quantisation leaves, in decibels
layers.py  capture.py    which layers are quantised; what flows into and out of them
target.py                what a runtime can execute: `x86`, `tensorrt`
simulate.py              the float model with the quantisers in it
ptq.py                   the whole flow, step by step, and what each step bought
lower.py                 the same parameters as a Q/DQ ONNX graph
executed.py              simulated against executed, in integer steps
saturation.py            where u8 × s8 sums saturate on a CPU without VNNI
"""
