"""Exports trained weights to models that run without segcli; each one is reopened and compared."""
