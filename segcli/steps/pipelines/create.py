"""PaddleX's Python call `create_pipeline(...)`."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from segcli.errors import ConfigError, ConfigFault, UsageError
from segcli.inference.exported_model import ExportedModel, is_exported
from segcli.models.promptable.specs import PromptKind, prompt_kind_of
from segcli.models.table import get_spec
from segcli.steps.pipelines.pipeline import Pipeline
from segcli.steps.pipelines.settings import read_pipeline_file
from segcli.steps.pipelines.table import PIPELINES, pipeline_class
from segcli.weights.guest_home import exported_in, named_folder

YAML_SUFFIXES = (".yaml", ".yml")


def create_pipeline(
    pipeline: str | PathLike[str] | None = None,
    config: Mapping[str, Any] | None = None,
    device: str | None = None,
    *,
    engine: str | None = None,
    engine_config: dict[str, Any] | None = None,
    use_hpip: bool | None = None,
    hpi_config: dict[str, Any] | None = None,
    runtime: str | None = None,
    model_dir: str | PathLike[str] | None = None,
) -> Pipeline:
    """Creates a pipeline whose models are opened on first use; has PaddleX's keywords and segcli's own.

    Args:
        pipeline: Name of a pipeline, its YAML file (PaddleX's work unchanged), or the folder of an exported model.
        config: The content of such a YAML; its values override the file.
        device: ``cpu`` (the default), ``gpu:0``, ...; overrides the YAML.
        engine: PaddleX's choice of runtime; like the next three, overrides the pipeline's value, but not a model's.
        engine_config: PaddleX's options of the runtime.
        use_hpip: PaddleX's switch for the fastest runtime.
        hpi_config: PaddleX's options of that switch.
        runtime: ``auto`` (the default), ``onnxruntime``, ``openvino`` or ``paddle``.
        model_dir: Folder of the model, used for all models of the pipeline.

    Raises:
        UsageError: There is no such pipeline, or none is named.
        ConfigError: The YAML has faults; all are listed.
    """
    values = {**_values_of(pipeline), **(config or {})}
    given = {
        "device": device,
        "engine": engine,
        "engine_config": engine_config,
        "use_hpip": use_hpip,
        "hpi_config": hpi_config,
        "runtime": runtime,
    }
    values.update({key: value for key, value in given.items() if value is not None})
    kind = pipeline_class(_name_in(values))
    if model_dir is not None:
        values["SubModules"] = _with_folder(kind, values.get("SubModules") or {}, str(model_dir))
    return kind(kind.parse(values))


def get_pipeline_config(name: str) -> str:
    """Returns the YAML of a pipeline with its defaults.

    Raises:
        UsageError: There is no such pipeline.
    """
    return pipeline_class(name).template()


def _values_of(pipeline: str | PathLike[str] | None) -> dict[str, Any]:
    if pipeline is None:
        return {}
    text = str(pipeline)
    path = Path(text).expanduser()
    if path.suffix.lower() in YAML_SUFFIXES:
        return read_pipeline_file(path)
    if text not in PIPELINES and (folder := named_folder(path)).is_dir():
        return _of_folder(folder)
    return {"pipeline_name": text}


def _of_folder(folder: Path) -> dict[str, Any]:
    """The pipeline of one exported model."""
    model = ExportedModel.open(exported_in(folder))
    spec = get_spec(model.model_name)
    name: str = spec.task.value
    if spec.task.facts.takes_prompts and prompt_kind_of(spec.name) is PromptKind.TEXTS:
        name = "text_driven_segmentation"
    keys = [module.key for module in pipeline_class(name).modules]
    entry = {"model_name": spec.name, "model_dir": str(model.folder)}
    return {"pipeline_name": name, "SubModules": {key: dict(entry) for key in keys}}


def _name_in(values: Mapping[str, Any]) -> str:
    if values.get("pipeline_name") is None:
        hint = f"pipelines: {', '.join(PIPELINES)}; or a YAML file with pipeline_name"
        raise UsageError("no pipeline is named", hint=hint)
    return str(values["pipeline_name"])


def _with_folder(kind: type[Pipeline], modules: Any, folder: str) -> dict[str, Any]:
    """The sections of the models, all with this folder and the name of the model in it."""
    if not isinstance(modules, Mapping):
        raise ConfigError([ConfigFault("SubModules", f"is {modules!r}; expected a section")])
    path = Path(folder).expanduser()
    held = exported_in(path)
    named = {"model_name": ExportedModel.open(held).model_name} if is_exported(held) else {}
    return {module.key: {**(modules.get(module.key) or {}), **named, "model_dir": folder} for module in kind.modules}
