"""PaddleDetection: import, registration of our networks, patches for current Paddle, building."""
