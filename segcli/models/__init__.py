"""The table of models, and the networks that PaddleSeg and PaddleDetection lack."""
