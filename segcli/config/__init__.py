"""Configuration: YAML and `-o` values become typed objects, all faults are listed at once, nothing is silently ignored."""
