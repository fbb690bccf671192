"""Pipelines: PaddleX's `create_pipeline`, its YAML files, and the code of each pipeline."""
