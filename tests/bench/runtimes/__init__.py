"""Every model with random weights on every runtime: converts or not, equal or not, CPU time."""
