"""`bench graph`: an ONNX graph before and after, as pictures and a table."""
