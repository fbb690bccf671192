"""Configuration: YAML and `-o` values become typed objects; all faults at once, no key silently ignored."""
