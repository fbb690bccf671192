"""Every error that segcli raises on purpose, drawn as a tree.

```
SegcliError                 exit 1   something failed; the message says what, where and what to do
├── ConfigError             exit 2   faults in a configuration or an option, all of them at once
├── UsageError              exit 2   a command was called in a way that cannot work
├── DatasetError            exit 3   the dataset is invalid; carries every finding
├── BusyError               exit 1   another process changes the dataset, or writes into the folder
├── MissingPartError        exit 1   a package or a device that is needed is not there
├── WeightsError            exit 1   a weight file cannot be read, or does not fit the network
├── TrainingError           exit 1   training cannot go on
│   └── NonFiniteLossError  exit 1   the loss became NaN or infinite; names the images of the batch
├── ExportError             exit 1   a model cannot be written
│   └── ParityError         exit 1   the written model disagrees with the trained one
└── InputError              exit 1   an image, list or URL given to predict cannot be read
    └── FailedImageError    exit 1   a model fails on an image
```

Only `segcli.app` turns an error into a result file and an exit code.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from segcli.plurals import counted

if TYPE_CHECKING:
    from segcli.findings import Finding

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_DATASET_INVALID = 3
_LISTED_FINDINGS = 10
_Error = TypeVar("_Error", bound="SegcliError")


class SegcliError(Exception):
    """The root: a message, the file it is about (if any) and a remedy (if there is one)."""

    exit_code = EXIT_FAILED

    def __init__(self, message: str, *, path: str | PathLike[str] | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = None if path is None else str(path)
        self.hint = hint

    def for_missing_path(self: _Error) -> _Error:
        """The same error about a path that was given and is not there: whatever the class, a usage error."""
        self.exit_code = EXIT_USAGE
        return self

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path is not None else ""
        remedy = f"\n  -> {self.hint}" if self.hint else ""
        return f"{where}{self.message}{remedy}"


class ConfigFault(NamedTuple):
    """One fault of a configuration.

    Attributes:
        key: Dotted key, e.g. ``Train.batch_size``.
        message: What is wrong and what was expected.
        hint: The nearest valid key or value, or another remedy.
        source: Where the value came from, e.g. ``config.yaml:12`` or ``-o``.
    """

    key: str
    message: str
    hint: str | None = None
    source: str | None = None

    def __str__(self) -> str:
        origin = f" ({self.source})" if self.source else ""
        remedy = f" -> {self.hint}" if self.hint else ""
        return f"{self.key}{origin}: {self.message}{remedy}"


class ConfigError(SegcliError):
    """All faults of a configuration at once.

    Attributes:
        faults: The faults.
        mode: The mode, where it was given and is valid, so that its result file can tell.
        output: The folder of the run, likewise.
    """

    exit_code = EXIT_USAGE

    def __init__(
        self,
        faults: Sequence[ConfigFault],
        *,
        path: str | PathLike[str] | None = None,
        mode: str | None = None,
        output: str | None = None,
    ) -> None:
        self.faults = tuple(faults)
        self.mode = mode
        self.output = output
        listing = "\n".join(f"  {fault}" for fault in self.faults)
        super().__init__(f"{counted(len(self.faults), 'configuration fault')}\n{listing}", path=path)


class UsageError(SegcliError):
    """A command was called in a way that cannot work."""

    exit_code = EXIT_USAGE


class DatasetError(SegcliError):
    """The dataset is invalid; `findings` holds every fault that was found, its text the first of them."""

    exit_code = EXIT_DATASET_INVALID

    def __init__(
        self,
        message: str,
        findings: Sequence[Finding] = (),
        *,
        path: str | PathLike[str] | None = None,
        hint: str | None = None,
    ) -> None:
        self.findings = tuple(findings)
        super().__init__(message, path=path, hint=hint)

    @property
    def untold(self) -> tuple[Finding, ...]:
        """The findings that the message does not tell already."""
        return tuple(found for found in self.findings if found.message not in self.message)

    def __str__(self) -> str:
        listing = "".join(f"\n  {found}" for found in self.untold[:_LISTED_FINDINGS])
        left = len(self.untold) - _LISTED_FINDINGS
        return super().__str__() + listing + (f"\n  ... and {left} more" if left > 0 else "")


class BusyError(SegcliError):
    """Another process changes the dataset, or writes into the folder; this one changed nothing."""


class MissingPartError(SegcliError):
    """A package or a device that is needed is not there."""


class WeightsError(SegcliError):
    """A weight file cannot be read, or does not fit the network."""


def unreadable_weights(error: OSError, path: str | PathLike[str]) -> WeightsError:
    """What an error of the file system means for a weight file that was to be read."""
    told = WeightsError(f"cannot be read ({error.strerror})", path=path)
    return told.for_missing_path() if isinstance(error, FileNotFoundError) else told


class TrainingError(SegcliError):
    """Training cannot go on."""


class NonFiniteLossError(TrainingError):
    """The loss became NaN or infinite."""


class ExportError(SegcliError):
    """A model cannot be written."""


class ParityError(ExportError):
    """The written model disagrees with the trained one."""


class InputError(SegcliError):
    """An image, list or URL given to predict cannot be read."""


class FailedImageError(InputError):
    """A model fails on an image; the cause is what its runtime raised."""
