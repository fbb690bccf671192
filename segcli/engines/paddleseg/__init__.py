"""PaddleSeg: import without side effects, cures for current Paddle, networks, and the engine on top of them."""
