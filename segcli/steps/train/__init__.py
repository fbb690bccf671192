"""One training loop for every task, the callbacks that watch it, and the files it leaves."""
