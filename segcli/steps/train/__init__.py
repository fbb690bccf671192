"""One training loop for every task, its callbacks, and the files that it leaves."""
