"""PaddleSeg: import without side effects, patches for the installed Paddle, networks, and the engine on top of them."""
