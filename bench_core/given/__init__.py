"""Models that a user gives by their place: a factory, a directory, an .onnx file."""
