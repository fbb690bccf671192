"""PaddleSeg: import without side effects, patches for current Paddle, networks, and the engine on top of them."""
