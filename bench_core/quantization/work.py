"""A model on its way to integers: what each step of the quantisation reads and changes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node

from bench_core.quantization.affine import dequantize
from bench_core.quantization.graph.capture import capture
from bench_core.quantization.graph.placement import Placement, place
from bench_core.quantization.graph.simulate import Integers, simulate
from bench_core.quantization.graph.values import Batch, Values
from bench_core.quantization.pre_activation import PreActivation
from bench_core.quantization.quant_params import QuantParams
from bench_core.quantization.target import Target


@dataclass
class Work:
    """graph: still in floats; equal to the model but where a step says otherwise.

    known: what batch norms said of layers' outputs, by layer.
    weights, biases, activations: what has been decided, by the nodes of `graph`; biases that are
        not there stay as they are.
    notes: what each step did, by step.
    """

    graph: GraphModule
    known: dict[str, PreActivation]
    target: Target
    calibration: Sequence[Batch]
    weight_params: dict[Node, QuantParams] = field(default_factory=dict)
    weights: dict[Node, Integers] = field(default_factory=dict)
    biases: dict[Node, Tensor] = field(default_factory=dict)
    activations: dict[Node, QuantParams] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def begin(
        cls, program: ExportedProgram, target: Target, calibration: Sequence[Batch]
    ) -> "Work":
        graph, known = capture(program)
        return cls(graph, known, target, calibration)

    @property
    def placement(self) -> Placement:
        """Of the graph as it is now."""
        return place(self.graph)

    def values(self, *, quantised_weights: bool) -> Values:
        """A run of the graph on the calibration data."""
        values = Values(self.graph, self.calibration)
        if quantised_weights:
            values.instead.update(
                {node: dequantize(found.q, found.params) for node, found in self.weights.items()}
            )
            values.instead.update(self.biases)
        return values

    def simulated(self) -> GraphModule:
        return simulate(
            self.graph,
            self.placement,
            self.weights,
            self.biases,
            self.activations,
            integer_bias=self.target.integer_bias,
        )
