"""One package per library: the only places that import PaddleSeg and PaddleDetection."""
