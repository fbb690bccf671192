"""PaddleDetection: import, registration of segcli's networks, patches for the installed Paddle, and building."""
