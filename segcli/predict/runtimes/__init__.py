"""What runs an exported network: Paddle, ONNX Runtime or OpenVINO, behind one protocol."""

from segcli.predict.runtimes.choice import open_runtime
from segcli.predict.runtimes.protocol import Runtime

__all__ = ["Runtime", "open_runtime"]
