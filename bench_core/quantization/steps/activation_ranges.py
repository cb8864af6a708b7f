"""Set the activations' scales: on data, or from what batch norms say."""

from torch.fx import Node

from bench_core.errors import Unsupported
from bench_core.quantization.affine import params_from_range
from bench_core.quantization.graph.expected import Expected
from bench_core.quantization.range_method import RangeMethod
from bench_core.quantization.work import Work


def set_activation_ranges(work: Work, method: RangeMethod) -> None:
    """By `method`, on what the calibration data become with rounded weights.

    Raises: ValueError, naming the value, where there are NaN or infinities.
    """
    grid, symmetric = work.target.activations, work.target.symmetric
    observers = {node: method.observer(None) for node in work.placement.observed}
    values = work.values(quantised_weights=True)
    for node in values.steps():
        if node not in observers:
            continue
        for value in values.run(node):
            try:
                observers[node].see(value)
            except ValueError as error:
                raise ValueError(f"the values of {node.name}: {error}") from error
    for node, observer in observers.items():
        low, high = observer.range(grid, symmetric=symmetric)
        work.activations[node] = params_from_range(low, high, grid, symmetric=symmetric)


def set_expected_activation_ranges(work: Work, expected: dict[Node, Expected]) -> None:
    """Without data.

    Raises: Unsupported for a value that no batch norm, and no range of the inputs, says anything
        of.
    """
    grid, symmetric = work.target.activations, work.target.symmetric
    for node in work.placement.observed:
        if node not in expected:
            raise Unsupported(
                f"no batch norm says what range {node.name} has; give calibration data, and for "
                "the model's inputs at least input_range"
            )
        low, high = expected[node].low.min(), expected[node].high.max()
        work.activations[node] = params_from_range(low, high, grid, symmetric=symmetric)
