"""Imported third-party models (guests): converts their inputs and outputs to those of segcli's models."""
