"""Loads a typed configuration from a file and the options of a command; all errors are reported at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from segcli.config.check import MODE_HINTS, REFUSED, check_rules, unknown_model
from segcli.config.document import Document
from segcli.config.keys import OPTIONAL_SECTIONS, choices, expected, leaves, sections, wants_text
from segcli.config.paddlex_paths import our_file, taken_note
from segcli.config.recipe import DEPENDENCIES, with_recipe
from segcli.config.references import resolve_here, resolve_references
from segcli.config.schema import DEFAULT, RECIPE, Config
from segcli.config.suggest import did_you_mean, near, nearest_keys
from segcli.config.tree import Values, discard, put, value_at
from segcli.config.unread import refused_keys, unread_keys
from segcli.errors import ConfigError, ConfigFault
from segcli.models.names import MODEL_TASKS

OVERRIDE = "-o"
MODEL_DEFAULTS: dict[str, dict[str, Any]] = {
    "PP-YOLOE_seg-S": {"Train.batch_size": 8},
    "Cascade-MaskRCNN-ResNet50-FPN": {"Train.batch_size": 1},
    "Cascade-MaskRCNN-ResNet50-vd-SSLDv2-FPN": {"Train.batch_size": 1},
    "SAM-tiny": {"Train.epochs_iters": 6, "Train.eval_interval": 3, "Train.batch_size": 1},
}
"""Defaults of single models, which override those of their task: PaddleX's batch size, or a measured recipe."""
_LEFT_TO_THE_PLAN = ("Train.epochs_iters", "Train.batch_size", "Train.eval_interval")
"""Keys for which null in a file means not set."""

_RUNTIME_WORDS = {
    "Predict.runtime": "Predict.runtime",
    "Predict.engine": "Predict.engine",
    "Predict.engine_config": "Predict.engine_config",
    "Predict.use_hpip": "Predict.use_hpip",
    "Predict.hpi_config": "Predict.hpi_config",
    "Predict.kernel_option.run_mode": "Predict.kernel_option",
}
"""Keys of segcli and PaddleX that choose the runtime, and what is removed with each: an option given on the command
line replaces all of these keys in the file."""


@dataclass(frozen=True)
class LoadedConfig:
    """A configuration and where each value came from.

    Attributes:
        config: The typed values.
        origins: By dotted key: ``FILE:LINE``, ``-o``, the name of a command's option, ``recipe of M``, or ``default``.
        path: The file, if any.
        unread: Warning that lists the given keys without effect in this run, if any.
        taken: Warning that another file was read because the named one does not exist, if so.
    """

    config: Config
    origins: dict[str, str]
    path: Path | None = None
    unread: str | None = None
    taken: str | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """Warnings to show before the work begins."""
        return tuple(remark for remark in (self.taken, self.unread) if remark)


def load_config(
    path: str | PathLike[str] | None,
    overrides: Sequence[str] = (),
    options: Mapping[str, tuple[str, Any]] | None = None,
) -> LoadedConfig:
    """Reads a configuration; later sources win: defaults, the file, the options of a command, the overrides.

    Args:
        path: YAML file in PaddleX's structure; None builds the configuration without a file.
        overrides: Texts ``key=value`` as after ``-o``; the value is YAML and is never executed.
        options: By dotted key: the name of a command's option and its value, e.g.
            ``{"Global.dataset_dir": ("--dataset", "data")}``.

    Raises:
        ConfigError: Lists every fault of every source.
    """
    named = None if path is None else Path(path)
    ours = None if named is None else our_file(named)
    reading = _Reading(ours)
    reading.apply_options(options or {})
    reading.apply_overrides(overrides)
    reading.resolve()
    loaded = reading.finish()
    return replace(loaded, taken=taken_note(named, ours)) if named is not None and ours is not None else loaded


def from_values(values: Mapping[str, Any], overrides: Sequence[str] = (), *, source: str = "argument") -> LoadedConfig:
    """A configuration without a file, from values by dotted key, e.g. ``{"Global.model": "PP-LiteSeg-T"}``.

    Raises:
        ConfigError: Lists every fault.
    """
    return load_config(None, overrides, {key: (source, value) for key, value in values.items()})


def _document(path: Path) -> Document:
    from segcli.config.yaml_text import read_yaml

    return read_yaml(path)


@dataclass
class _Reading:
    """The state of loading one configuration."""

    path: Path | None
    origins: dict[str, str] = field(default_factory=dict)
    faults: list[ConfigFault] = field(default_factory=list)
    faulty: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        document = Document() if self.path is None else _document(self.path)
        self.origins.update({key: f"{self.path}:{line}" for key, line in document.lines.items()})
        self.origins.update(document.origins)
        if document.faults and not document.values:
            raise ConfigError(document.faults)
        self.faults.extend(document.faults)
        self.texts = document.texts
        self.values: Values = {}
        for key, value in self._sift(document.values, ""):
            self._put(key, value)

    def fault(self, key: str, message: str, hint: str | None = None) -> None:
        """Notes a fault of a key."""
        self.faults.append(ConfigFault(key, message, hint, self._origin(key)))
        self.faulty.add(key)

    def _origin(self, key: str) -> str | None:
        """Where the key, or else the nearest section that contains it, was given."""
        while key:
            if key in self.origins:
                return self.origins[key]
            key = key.rpartition(".")[0]
        return None

    def _sift(self, values: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        """Known keys with their values; every other key becomes a fault."""
        for name, value in values.items():
            key = f"{prefix}{name}"
            if key in REFUSED:
                if value is not None:
                    self.fault(key, f"is not supported: {REFUSED[key]}", "remove it")
            elif key in leaves():
                yield key, self.texts.get(key, value) if self._is_written_text(key, value) else value
            elif key not in sections():
                self.fault(key, "there is no such key", did_you_mean(nearest_keys(key)) or _keys_of(prefix))
            elif isinstance(value, Mapping):
                yield from self._sift(value, f"{key}.")
            elif value is not None:
                self.fault(key, f"is {value!r}; expected a section", _keys_of(f"{key}."))

    @staticmethod
    def _is_written_text(key: str, value: Any) -> bool:
        return value is not None and wants_text(leaves()[key])

    def _put(self, key: str, value: Any) -> None:
        try:
            put(self.values, key, value)
        except (LookupError, TypeError) as error:
            self.fault(key, f"cannot be set: {error.args[0]}")

    def apply_options(self, options: Mapping[str, tuple[str, Any]]) -> None:
        """Sets the values of a command's options."""
        for key, (name, value) in options.items():
            self._set(key, value, name)

    def apply_overrides(self, overrides: Sequence[str]) -> None:
        """Sets the values after ``-o``."""
        for override in overrides:
            key, equals, text = override.partition("=")
            key = key.strip()
            if not equals or not key:
                shown = f"{key}=VALUE" if key else "Section.key=VALUE"
                self.faults.append(
                    ConfigFault(override, "has no value" if key else "has no key", f"write -o {shown}", OVERRIDE)
                )
                continue
            from segcli.config.yaml_text import parse_value

            try:
                value = parse_value(text)
            except ValueError as error:
                self.origins[key] = OVERRIDE
                self.fault(key, str(error), "put the value in quotes")
                continue
            quoted = text.strip()[:1] in ("'", '"', "[", "{")
            self._set(key, value, OVERRIDE, text=None if quoted or value is None else text.strip())

    def _set(self, key: str, value: Any, origin: str, *, text: str | None = None) -> None:
        leaf = _leaf_of(key)
        if leaf is None:
            self._set_section(key, value, origin)
            return
        self.origins[leaf] = origin
        if leaf == key and text is not None and wants_text(leaves()[key]):
            value = text
        self._put(key, value)

    def _set_section(self, key: str, value: Any, origin: str) -> None:
        """Sets a whole section given as one value, key by key; other keys keep their values."""
        self.origins[key] = origin
        unknown = key.partition(".")[0]
        if unknown not in sections():
            self.origins.setdefault(unknown, origin)
        self.texts = {}
        if value is None and key in sections():
            discard(self.values, key)
            return
        for inner, inner_value in list(self._sift(_nested(key, value), "")):
            self._set(inner, inner_value, origin)

    def resolve(self) -> None:
        """Replaces references such as ``${Global.output}`` by their values, ``${config_dir}`` by the file's folder."""
        if self.path is not None:
            self.values = resolve_here(self.values, self.path.parent)
        self.values, unresolved = resolve_references(self.values, tuple(leaves()))
        for key, reason in unresolved.items():
            self.fault(key, f"refers to a value that does not exist: {reason}", "write \\${ for a plain ${")

    def finish(self) -> LoadedConfig:
        """Fills in defaults, converts to types, and checks all rules.

        Raises:
            ConfigError: Lists every fault.
        """
        self._fill(self.values)
        config = self._typed(self.values)
        misnamed = None if "Global.model" in self.faulty else unknown_model(config.Global.model)
        if misnamed:
            self.faults.append(misnamed._replace(source=self._origin("Global.model")))
            self.faulty.add("Global.model")
        for fault, keys in check_rules(config, self.faulty):
            self.faults.append(fault._replace(source=self._blamed(fault.key, keys)))
        given, written = self._given()
        if misnamed is None and "Global.model" not in self.faulty:
            self.faults.extend(fault for fault in refused_keys(config, given, written) if fault.key not in self.faulty)
        if self.faults:
            raise ConfigError(
                sorted(self.faults, key=self._place),
                mode=config.Global.mode if self._is_given("Global.mode") else None,
                output=config.Global.output if self._is_given("Global.output") else None,
            )
        config = with_recipe(config.with_origins({key: self.origins.get(key, DEFAULT) for key in leaves()}))
        return LoadedConfig(config, config.origins, self.path, unread=unread_keys(config, given, written))

    def _given(self) -> tuple[dict[str, str], dict[str, str]]:
        """Origins of the given keys, and of those of them that are in the file."""
        given = {key: self.origins[key] for key in leaves() if self._is_given(key)}
        given = {key: origin for key, origin in given.items() if not origin.startswith((DEFAULT, RECIPE))}
        return given, {key: origin for key, origin in given.items() if origin.startswith(f"{self.path}:")}

    def _blamed(self, key: str, keys: tuple[str, ...]) -> str | None:
        """The source of a fault across keys: the strongest one, `-o` before options before the file."""
        given = {one: self.origins[one] for one in (key, *keys) if one in self.origins}
        outside = {one: origin for one, origin in given.items() if not self._is_of_file(one) and ":" not in origin}
        for one, origin in sorted(outside.items(), key=lambda entry: entry[1] != OVERRIDE):
            return origin if one == key else f"{origin} {one}" if origin == OVERRIDE else origin
        return self._origin(key)

    def _place(self, fault: ConfigFault) -> tuple[int, int]:
        """Faults of the file in order of its lines, then all others."""
        _, _, line = (fault.source or "").rpartition(":")
        return (0, int(line)) if line.isdigit() else (1, 0)

    def _is_given(self, key: str) -> bool:
        return key in self.origins and key not in self.faulty

    def _fill(self, values: Values) -> None:
        """Defaults that depend on another value."""
        self._drop_replaced(values)
        for key in _LEFT_TO_THE_PLAN:
            if key in self.origins and value_at(values, key) is None:
                discard(values, key)
                del self.origins[key]
        self._drop_recipe(values)
        shared = values.setdefault("Global", {})
        task = MODEL_TASKS.get(str(shared.get("model")))
        own = MODEL_DEFAULTS.get(str(shared.get("model")), {})
        for key, value in {**task.facts.defaults, **own}.items() if task else ():
            section, _, name = key.partition(".")
            if values.setdefault(section, {}).get(name) is None and key not in self.origins:
                values[section][name] = value
                self.origins[key] = f"{DEFAULT} of {shared['model'] if key in own else task.value}" if task else DEFAULT
        predict = values.setdefault("Predict", {})
        if predict.get("model_dir") is None:
            predict["model_dir"] = f"{shared.get('output') or 'output'}/best_model/inference"

    def _drop_replaced(self, values: Values) -> None:
        given = [key for key in _RUNTIME_WORDS if key in self.origins]
        of_file = [key for key in given if self.origins[key].startswith(f"{self.path}:")]
        if len(of_file) < len(given):
            for key in of_file:
                discard(values, _RUNTIME_WORDS[key])
                del self.origins[key]

    def _drop_recipe(self, values: Values) -> None:
        """Drops recipe values of a file, to be recomputed, if the command line sets a key on which they depend."""
        after = [key for key in DEPENDENCIES if key in self.origins and not self._is_of_file(key)]
        for key, origin in list(self.origins.items()) if after else ():
            if origin.startswith(RECIPE):
                discard(values, key)
                del self.origins[key]

    def _is_of_file(self, key: str) -> bool:
        return self.origins[key].startswith((f"{self.path}:", DEFAULT, RECIPE))

    def _typed(self, values: Values) -> Config:
        try:
            return Config.model_validate(values)
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_context=False):
                self._note(problem["loc"], problem["type"], values)
        for key in self.faulty:
            discard(values, key)
            parent = key.rpartition(".")[0]
            if parent in OPTIONAL_SECTIONS:
                discard(values, parent)
        values.setdefault("Global", {}).setdefault("model", "")
        return Config.model_validate(values)

    def _note(self, location: tuple[int | str, ...], kind: str, values: Values) -> None:
        """Adds one fault per key, however many members of a union refused the value."""
        key = _leaf_of(".".join(str(part) for part in location)) or ".".join(str(part) for part in location)
        if key in self.faulty:
            return
        rule = leaves()[key]
        if kind == "missing":
            hint = "`segcli models` lists the names" if key == "Global.model" else None
            self.fault(key, f"is missing; expected {expected(rule)}", hint)
            return
        value = value_at(values, key)
        words = choices(rule)
        meant = near(str(value), words, count=1) if words else []
        hint = MODE_HINTS.get(str(value)) if key == "Global.mode" else None
        shown = str(value).lower() if isinstance(value, bool) else repr(value)
        self.fault(key, f"is {shown}; expected {expected(rule)}", hint or did_you_mean(meant))


def _leaf_of(key: str) -> str | None:
    """The schema's key for a dotted key: itself, or the key whose free mapping or list contains it."""
    while key:
        plain = key.partition("[")[0]
        if plain in leaves():
            return plain
        key = key.rpartition(".")[0]
    return None


def _nested(key: str, value: Any) -> dict[str, Any]:
    for name in reversed(key.split(".")):
        value = {name: value}
    return dict(value)


def _keys_of(prefix: str) -> str:
    names = ", ".join(sections()[prefix.rstrip(".")].model_fields)
    return f"its keys: {names}" if prefix else f"the sections are {names}"
