"""PaddleDetection: import, registration of our networks, cures for current Paddle, building."""
