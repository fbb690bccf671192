"""Counts, then metrics: accumulators that merge, and pure functions of what they counted."""
