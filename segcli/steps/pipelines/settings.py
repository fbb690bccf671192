"""Reads the YAML of a pipeline in PaddleX's structure; every key is used or rejected with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from segcli.config.check import parse_device
from segcli.config.schema import PredictConfig
from segcli.config.suggest import did_you_mean, near
from segcli.config.yaml_text import read_yaml
from segcli.errors import ConfigError, ConfigFault
from segcli.models.names import MODEL_TASKS
from segcli.models.promptable.specs import PromptKind, prompt_kind_of
from segcli.models.task import Task
from segcli.steps.predict.model import value_faults

ENGINE_KEYS = ("engine", "engine_config", "use_hpip", "hpi_config", "runtime")
"""Keys that select the runtime, for the whole pipeline or for one model; the model's keys win."""
_TOP_KEYS = ("pipeline_name", "SubModules", "Serving", "device", *ENGINE_KEYS)
_MODEL_KEYS = ("module_name", "model_name", "model_dir", "batch_size", *ENGINE_KEYS)
_SERVING_KEYS = ("visualize", "return_urls", "extra")
_STORAGE = "results travel in the reply; there is no file storage"


@dataclass(frozen=True)
class SubModule:
    """A model of a pipeline, as declared by the pipeline class.

    Attributes:
        key: Name in `SubModules`.
        model_name: Default where the YAML names none.
        module_name: PaddleX's name of the kind of model.
        defaults: Further keys with their default values.
        inner: Keys that belong to `Predict.promptable`.
        prompt_kind: Kind of prompts of a promptable model; None for other models.
        other_names: What `module_name` may be as well.
    """

    key: str
    model_name: str
    module_name: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    inner: Sequence[str] = ()
    prompt_kind: PromptKind | None = None
    other_names: Sequence[str] = ()

    def template(self) -> dict[str, Any]:
        """The section for a new YAML file."""
        named = {"module_name": self.module_name, "model_name": self.model_name, "model_dir": None, "batch_size": 1}
        return {**named, **self.defaults}


@dataclass(frozen=True)
class ModelSettings:
    """One model of a pipeline.

    Attributes:
        key: Name in `SubModules`.
        model_name: Name in the table of models.
        model_dir: Folder of an exported model, or weights of a promptable one; None uses the official weights.
        predict: Its prediction settings.
    """

    key: str
    model_name: str
    model_dir: str | None
    predict: PredictConfig

    @property
    def task(self) -> Task:
        """Task of the model."""
        return MODEL_TASKS[self.model_name]


@dataclass(frozen=True)
class PipelineSettings:
    """A whole pipeline.

    Attributes:
        name: Name in the table of pipelines.
        models: By key of `SubModules`.
        device: Device that it runs on.
        visualize: Whether the service adds an image to a reply by default.
    """

    name: str
    models: Mapping[str, ModelSettings]
    device: str = "cpu"
    visualize: bool = True


def read_pipeline_file(path: Path) -> dict[str, Any]:
    """Reads the values of the YAML file of a pipeline.

    Raises:
        ConfigError: It cannot be read, or is not valid YAML.
    """
    document = read_yaml(path)
    if document.faults:
        raise ConfigError(document.faults, path=path)
    return dict(document.values)


def template(name: str, modules: Sequence[SubModule]) -> str:
    """Returns the YAML of a pipeline with its defaults."""
    values = {"pipeline_name": name, "SubModules": {module.key: module.template() for module in modules}}
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def parse_settings(name: str, modules: Sequence[SubModule], values: Mapping[str, Any]) -> PipelineSettings:
    """Parses the values of a pipeline into typed settings.

    Args:
        name: Name of the pipeline.
        modules: Its models.
        values: Values from the YAML; missing ones get their defaults.

    Raises:
        ConfigError: Holds every fault.
    """
    faults = list(_unknown("", values, _TOP_KEYS))
    given = _section(values, "SubModules", faults)
    faults += _unknown("SubModules.", given, [module.key for module in modules])
    shared = {key: values[key] for key in ENGINE_KEYS if values.get(key) is not None}
    models = {
        module.key: _model(module, shared, _section(given, module.key, faults, "SubModules."), faults)
        for module in modules
    }
    visualize = _serving(_section(values, "Serving", faults), faults)
    device = _device(values.get("device"), faults)
    if faults:
        raise ConfigError(faults)
    return PipelineSettings(name, models, device, visualize)


def _section(values: Mapping[str, Any], key: str, faults: list[ConfigFault], prefix: str = "") -> Mapping[str, Any]:
    found = values.get(key)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        faults.append(ConfigFault(f"{prefix}{key}", f"is {found!r}; expected a section"))
        return {}
    return found


def _unknown(prefix: str, values: Mapping[str, Any], known: Sequence[str]) -> Iterator[ConfigFault]:
    for key in values:
        if key not in known:
            hint = did_you_mean(near(str(key), known)) or f"its keys: {', '.join(known)}"
            yield ConfigFault(f"{prefix}{key}", "there is no such key in this pipeline", hint)


def _model(
    module: SubModule, shared: Mapping[str, Any], given: Mapping[str, Any], faults: list[ConfigFault]
) -> ModelSettings:
    prefix = f"SubModules.{module.key}."
    faults += _unknown(prefix, given, (*_MODEL_KEYS, *module.defaults))
    values = {**module.template(), **{key: value for key, value in given.items() if value is not None}}
    name, folder = str(values["model_name"]), values["model_dir"]
    misnamed = _name_fault(module, name)
    if misnamed is not None:
        faults.append(ConfigFault(f"{prefix}model_name", misnamed, did_you_mean(near(name, _fitting(module)))))
    if values["module_name"] not in (module.module_name, *module.other_names):
        faults.append(
            ConfigFault(f"{prefix}module_name", f"is {values['module_name']!r}", f"it is {module.module_name}")
        )
    given = {key: values[key] for key in module.defaults if values[key] is not None}
    settings = {
        "batch_size": values["batch_size"],
        **shared,
        **{key: given[key] for key in ENGINE_KEYS if given.get(key) is not None},
        **{key: value for key, value in given.items() if key not in module.inner},
        "promptable": {key: value for key, value in given.items() if key in module.inner},
    }
    if isinstance(settings.get("target_size"), list):
        settings["target_size"] = tuple(settings["target_size"])
    return ModelSettings(module.key, name, None if folder is None else str(folder), _typed(settings, prefix, faults))


def _name_fault(module: SubModule, name: str) -> str | None:
    if name not in MODEL_TASKS:
        return f"there is no model called {name!r}"
    task = MODEL_TASKS[name].value
    return None if name in _fitting(module) else f"{name} is a model for {task}, not for this pipeline"


def _fitting(module: SubModule) -> list[str]:
    """Names of the models that a pipeline can use for this module."""
    if module.prompt_kind is not None:
        return [
            name
            for name, task in MODEL_TASKS.items()
            if task.facts.takes_prompts and prompt_kind_of(name) is module.prompt_kind
        ]
    return [name for name, task in MODEL_TASKS.items() if task.value == module.module_name]


def _typed(settings: Mapping[str, Any], prefix: str, faults: list[ConfigFault]) -> PredictConfig:
    try:
        return PredictConfig.model_validate(settings)
    except ValidationError as error:
        faults += value_faults(error, prefix)
    return PredictConfig()


def _serving(given: Mapping[str, Any], faults: list[ConfigFault]) -> bool:
    faults += _unknown("Serving.", given, _SERVING_KEYS)
    visualize = given.get("visualize")
    if visualize is not None and not isinstance(visualize, bool):
        faults.append(ConfigFault("Serving.visualize", f"is {visualize!r}; expected true or false"))
    if given.get("return_urls"):
        faults.append(ConfigFault("Serving.return_urls", f"cannot be true: {_STORAGE}", "remove it"))
    if given.get("extra"):
        faults.append(ConfigFault("Serving.extra", f"is PaddleX's file storage: {_STORAGE}", "remove it"))
    return visualize is not False


def _device(given: Any, faults: list[ConfigFault]) -> str:
    if given is None:
        return "cpu"
    try:
        parse_device(str(given))
    except ValueError as fault:
        faults.append(ConfigFault("device", f"is {given!r}: {fault}", "cpu, gpu, gpu:0, ..."))
    return str(given)
