"""Conversions into the layouts that segcli trains on: planned whole, applied whole, undone whole."""
