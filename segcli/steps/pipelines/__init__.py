"""Pipelines: PaddleX's `create_pipeline`, its YAML files, and what each pipeline does with its models."""
