"""Runtimes of exported networks, such as Paddle, ONNX Runtime and OpenVINO, behind one protocol."""
