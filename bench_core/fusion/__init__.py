"""Fewer operators, the same outputs: batch norms in the layers before them, what does nothing gone.

linear_layer.py  the noun: a layer that is linear, and where its channels lie
fold.py          an inference-mode batch norm into the conv or linear layer before it
trace.py         a module as a graph, by torch.fx; the line that it cannot follow
users_line.py    where in the user's code an error came up
opened.py        calls of modules as the calls of ATen that they make
nodes.py         what a node is called, and with what
tensors.py       the tensors that a graph holds: read, replaced, added
linear_node.py   linear layers of a graph: read, written back
identities.py    what puts out what it is given, removed
norms.py         a graph's batch norms, folded where they may be
fuse.py          whole models, by torch.fx or torch.export
"""
