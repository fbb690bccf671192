"""Configuration: YAML and `-o` values become typed objects; all faults are listed, no key is silently ignored."""
