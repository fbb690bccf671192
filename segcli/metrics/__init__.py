"""Metrics: mergeable accumulators of counts, and pure functions of these counts."""
