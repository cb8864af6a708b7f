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
clip.py                  the noun: an activation that clips, and so takes a scale per channel
coverage.py              how often each tap of a kernel meets an input, not padding
pre_activation.py        what a folded batch norm says of the layer that took it up
equalization.py          channel ranges of two neighbouring layers made equal
absorption.py            high biases moved into the next layer
bias_correction.py       the mean error of quantised weights taken out of the bias
batch_norm_reestimation.py  batch-norm statistics taken anew from the quantised model
adaround.py              each weight rounded up or down so that the layer's output errs least
soft_rounding.py         a rounding between two neighbours that is learnt
patches.py  reconstruction.py  a layer as matrix products; how well a weight reproduces its outputs
smoothquant.py           outliers of activations moved into the weights
input_scaling.py         a scale moved from a layer's input into its weight
rtn.py                   round to nearest in groups along the inputs
input_statistics.py      what GPTQ and AWQ keep of a layer's inputs
gptq.py                  columns rounded in turn, the rest of the row making up for each
awq.py                   weights scaled by the activations that they meet, before rounding
sqnr.py                  how much of a signal quantisation leaves, in decibels
target.py                what a runtime can execute: `x86`, `tensorrt`
graph/                   models as graphs: captured, given integers, simulated, lowered, compared
work.py                  a model on its way to integers: what each step reads and changes
steps/                   the steps on a graph, one a file
recipe.py  ptq.py        which steps are taken; the whole flow, spelt out
explain.py               what each step bought
weight_only.py           weights of linear layers in 4 bits
saturation.py            where u8 × s8 sums saturate on a CPU without VNNI
"""
