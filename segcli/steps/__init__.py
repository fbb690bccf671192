"""One package per command: thin functions from a configuration to one result object."""
