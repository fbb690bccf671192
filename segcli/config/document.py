"""What a configuration file holds; apart from its reader, as a configuration without a file needs no PyYAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from segcli.errors import ConfigFault


@dataclass
class Document:
    """A YAML file.

    Attributes:
        values: Its content.
        lines: Line of every key, by dotted key, counted from 1.
        texts: The characters of every plain scalar, by dotted key.
        faults: Its errors.
        origins: By dotted key: origin in the comment that segcli wrote after a value that the user had not chosen.
    """

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    faults: list[ConfigFault] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
