"""The manifest of an exported model, `inference.yml`, which names it and says what its files mean."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from segcli.data.yaml_nodes import read_yaml
from segcli.weights.digests import Facts, facts_of, is_settled
from segcli.weights.guest_home import MANIFEST


def read_manifest(folder: Path) -> Any:
    """The values of a manifest, not to be changed: parsed once while the file stays as it is, as several steps ask.

    Raises:
        OSError: It cannot be read, or is no file but a pipe or device.
        ValueError: It is too large, deep or no text.
        yaml.YAMLError: It is no YAML.
    """
    path = folder / MANIFEST
    facts = facts_of(path)
    return _values(path.resolve(), facts) if is_settled(facts) else read_yaml(path)


@lru_cache(maxsize=4)
def _values(path: Path, facts: Facts) -> Any:  # noqa: ARG001 - a file that changed is another entry
    return read_yaml(path)


def write_manifest(folder: Path, values: Mapping[str, Any]) -> Path:
    """Writes a manifest; returns its path."""
    path = folder / MANIFEST
    path.write_text(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path
