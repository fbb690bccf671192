"""A model as a folder that needs nothing of segcli: `segcli models pack`."""
