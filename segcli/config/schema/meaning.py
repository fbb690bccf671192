"""Where a key has an effect: declared at its field; used by error messages, the help, comments and tests.

A field has one `Read(...)` per use, `Instead(...)` for the remedy where it has no effect, and `Stock(...)` if it is a
PaddleX key; a section declares what its fields share in `reads`.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from segcli.models.task import Task

MODES = ("check_dataset", "train", "evaluate", "export", "predict")
SEMANTIC, INSTANCE, PROMPTABLE = (Task.SEMANTIC,), (Task.INSTANCE,), (Task.PROMPTABLE,)
DENSE = (*SEMANTIC, *INSTANCE)
"""Tasks whose models have classes and need no prompts."""
ALL = (*DENSE, *PROMPTABLE)
SAM, LSEG = ("SAM-*", "MobileSAM"), ("LSeg-*",)
"""Names of the promptable models by what prompts them: boxes and points, or texts."""
CLICKED = (*SAM, "ONNX-SAM")
"""Those that boxes and points prompt, imported pairs too, which are not trained here."""


@dataclass(frozen=True)
class Read:
    """One use of a key.

    Attributes:
        modes: Modes that read it.
        tasks: For models of these tasks.
        models: Patterns of their names; none is every model of the tasks.
    """

    modes: tuple[str, ...]
    tasks: tuple[Task, ...] = ALL
    models: tuple[str, ...] = ()

    def serves(self, model: str, task: Task) -> bool:
        """Whether this use applies to a model."""
        named = not self.models or any(fnmatchcase(model, pattern) for pattern in self.models)
        return task in self.tasks and named


@dataclass(frozen=True)
class Instead:
    """What to do where a key has no meaning.

    Attributes:
        text: The remedy, e.g. ``Train.crop_size chooses the image size``.
        tasks: For models of these tasks.
        was_read: Whether earlier versions read the key there, so that the files of their trainings may hold it.
    """

    text: str
    tasks: tuple[Task, ...] = ALL
    was_read: bool = False


@dataclass(frozen=True)
class Stock:
    """Marks a key of PaddleX.

    Attributes:
        value: The value of its own configurations, which passes with a warning where the key has no meaning.
    """

    value: Any = None


@dataclass(frozen=True)
class Meaning:
    """Where a key has an effect.

    Attributes:
        reads: Its uses.
        remedies: What to do where it has none.
        stock: Set for a key of PaddleX.
    """

    reads: tuple[Read, ...] = ()
    remedies: tuple[Instead, ...] = ()
    stock: Stock | None = None

    @staticmethod
    def of(notes: list[Any], outer: "Meaning") -> "Meaning":
        """From the notes at a field, single or in tuples; what they do not set is inherited from the outer section."""
        notes = [one for note in notes for one in (note if isinstance(note, tuple) else (note,))]
        reads = tuple(note for note in notes if isinstance(note, Read))
        remedies = tuple(note for note in notes if isinstance(note, Instead))
        stock = next((note for note in notes if isinstance(note, Stock)), None)
        return Meaning(reads or outer.reads, remedies or outer.remedies, stock)

    def modes(self, model: str, task: Task) -> tuple[str, ...]:
        """The modes in which the key is read for a model; none where it has no meaning."""
        found = {mode for use in self.reads if use.serves(model, task) for mode in use.modes}
        return tuple(mode for mode in MODES if mode in found)

    def instead(self, task: Task) -> str | None:
        """What to do where the key has no meaning for a model of a task."""
        return next((remedy.text for remedy in self.remedies if task in remedy.tasks), None)

    def was_read(self, task: Task) -> bool:
        """Whether only earlier versions read the key for models of a task."""
        return any(remedy.was_read for remedy in self.remedies if task in remedy.tasks)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks for which the key has a meaning."""
        return tuple(task for task in ALL if any(task in use.tasks for use in self.reads))

    @property
    def models(self) -> tuple[str, ...]:
        """Patterns of the models to which every use is restricted; empty if any use applies to all models."""
        return tuple(
            dict.fromkeys(name for use in self.reads for name in use.models if all(u.models for u in self.reads))
        )
