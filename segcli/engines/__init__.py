"""One package a library: the only places that import PaddleSeg and PaddleDetection."""
