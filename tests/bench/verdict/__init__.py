"""Whether the verdicts of `compare` hold over many trainings."""
