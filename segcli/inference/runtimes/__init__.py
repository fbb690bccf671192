"""What runs an exported network: Paddle, ONNX Runtime or OpenVINO, behind one protocol."""
