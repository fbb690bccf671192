"""Rules across keys, and why some keys and values of PaddleX are refused."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from segcli.config.durations import parse_time
from segcli.config.losses import OWN_LOSS, parse_losses
from segcli.config.paddlex_engines import engine_fault, run_mode_fault
from segcli.config.schema import Config
from segcli.config.suggest import did_you_mean, near
from segcli.data.decoding.image_range import COLOURS, MOST_BANDS
from segcli.errors import ConfigFault
from segcli.models.names import MODEL_TASKS

DEVICE_KINDS = ("cpu", "gpu", "npu", "xpu", "mlu", "gcu", "dcu", "iluvatar_gpu", "metax_gpu")
AUTO = "auto"
"""The best available device: the first GPU or other accelerator, else the CPU."""
_OTHER_NAMES = {"cuda": "gpu", "rocm": "dcu"}

_HIDDEN_CONFIG = "a second, hidden configuration file is not read; all keys are in this file"
REFUSED = {
    "Benchmark": "it is PaddleX's internal benchmark; segcli has scripts/bench",
    "Train.basic_config_path": _HIDDEN_CONFIG,
    "Evaluate.basic_config_path": _HIDDEN_CONFIG,
    "Export.basic_config_path": _HIDDEN_CONFIG,
}
"""Keys of PaddleX that are refused when they are given, and why."""

MODE_HINTS = {"pdparams2safetensors": "use `segcli weights convert model.pdparams model.safetensors`"}
"""Modes of PaddleX that are commands here."""

Faults = Iterator[ConfigFault]


class Rule(NamedTuple):
    """A rule across keys.

    Attributes:
        keys: Keys that it reads; the rule is skipped if one of them is invalid itself.
        faults: Yields what is wrong.
    """

    keys: tuple[str, ...]
    faults: Callable[[Config], Faults]


def check_rules(config: Config, faulty: set[str]) -> Iterator[tuple[ConfigFault, tuple[str, ...]]]:
    """Faults of all rules that use no invalid key, each with the keys of its rule."""
    for rule in RULES:
        if faulty.isdisjoint(rule.keys):
            yield from ((fault, rule.keys) for fault in rule.faults(config))


def unknown_model(name: str) -> ConfigFault | None:
    """The fault of an unknown model name; None for a known one."""
    if name in MODEL_TASKS:
        return None
    if Path(name).is_dir():
        remedy = f"the folder of an exported model is given by Predict.model_dir={shlex.quote(name)}"
    else:
        remedy = did_you_mean(near(name, MODEL_TASKS)) or "`segcli models` lists all names"
    return ConfigFault("Global.model", f"is {name!r}; there is no such model", remedy)


def parse_device(device: str) -> tuple[str, tuple[int, ...]]:
    """Kind and ids of a device, e.g. ``("gpu", (0, 1))`` for ``gpu:0,1``; no ids where none are named (``auto``).

    Raises:
        ValueError: The text does not name a device.
    """
    kind, colon, ids = device.partition(":")
    if device == AUTO:
        return AUTO, ()
    if kind not in DEVICE_KINDS:
        raise ValueError(f"is {device!r}; expected {AUTO}, {', '.join(DEVICE_KINDS)}, alone or with ids as in gpu:0,1")
    if colon and kind == "cpu":
        raise ValueError(f"is {device!r}; the CPU has no ids, write cpu")
    if colon and not re.fullmatch(r"\d+(,\d+)*", ids):
        raise ValueError(f"is {device!r}; ids are whole numbers with commas, as in {kind}:0,1")
    numbers = tuple(int(number) for number in ids.split(",")) if colon else ()
    if len(set(numbers)) != len(numbers):
        raise ValueError(f"is {device!r}; it names an id twice")
    return kind, numbers


def _device(config: Config) -> Faults:
    device = config.Global.device
    try:
        parse_device(device)
    except ValueError as fault:
        kind, colon, ids = device.partition(":")
        closest = _OTHER_NAMES.get(kind.lower()) or next(iter(near(kind, DEVICE_KINDS, count=1)), kind)
        nearest = closest if closest == "cpu" else f"{closest}{colon}{ids}"
        yield ConfigFault("Global.device", str(fault), did_you_mean([nearest] if nearest != device else []))


def _pir(config: Config) -> Faults:
    if config.Global.export_with_pir is False:
        reason = "is false; Paddle 3.3 writes models in PIR form (inference.json) only"
        yield ConfigFault("Global.export_with_pir", reason, "remove it or set it to true")


def _needed_by_mode(config: Config) -> Faults:
    mode = config.Global.mode
    if mode in ("check_dataset", "train", "evaluate") and config.Global.dataset_dir is None:
        yield ConfigFault("Global.dataset_dir", "is missing", "set it to the folder of the dataset")
    if mode == "predict" and config.Predict.input is None:
        yield ConfigFault("Predict.input", "is missing", "set it to an image, a folder, a list file or a glob")


def _convert(config: Config) -> Faults:
    if config.CheckDataset.convert.enable and config.CheckDataset.convert.src_dataset_type is None:
        key = "CheckDataset.convert.src_dataset_type"
        yield ConfigFault(key, "is needed when the conversion is enabled", "set it to LabelMe")


def _split(config: Config) -> Faults:
    split = config.CheckDataset.split
    if not split.enable:
        return
    yield from _split_of_a_conversion(config)
    if split.folds is not None:
        return
    parts = {"train_percent": split.train_percent, "val_percent": split.val_percent}
    missing = [name for name, value in parts.items() if value is None]
    for name in missing:
        given = [value for value in parts.values() if value is not None]
        remedy = f"set it to {100 - given[0]}" if given else "set both, for example to 80 and 20"
        yield ConfigFault(f"CheckDataset.split.{name}", "is needed when the split is enabled", remedy)
    if missing:
        return
    numbers = [value for value in (*parts.values(), split.test_percent or None) if value is not None]
    if sum(numbers) != 100:
        rest = 100 - sum(numbers) + numbers[1]
        message = f"{' and '.join(map(str, numbers))} make {sum(numbers)}; expected a sum of 100"
        yield ConfigFault("CheckDataset.split", message, f"set val_percent to {rest}" if rest > 0 else "lower them")
    elif 0 in numbers:
        empty = "train_percent" if numbers[0] == 0 else "val_percent"
        yield ConfigFault(f"CheckDataset.split.{empty}", "is 0; each split needs images", "set it to 1 or more")


def _split_of_a_conversion(config: Config) -> Faults:
    """Options that a conversion cannot use: it writes train and val before there are label maps to count."""
    split = config.CheckDataset.split
    if config.CheckDataset.convert.enable:
        for name, wanted in (
            ("test_percent", split.test_percent),
            ("stratified", split.stratified),
            ("folds", split.folds),
        ):
            if wanted:
                remedy = "convert first, then `segcli split`"
                yield ConfigFault(f"CheckDataset.split.{name}", "cannot be combined with a conversion", remedy)


def _rule_settings(config: Config) -> Faults:
    check = config.CheckDataset
    if not (check.rules or check.select or check.ignore):
        return
    from segcli.rules.settings import LEVELS, level_of, unknown_rule

    named = {"rules": check.rules or {}, "select": check.select or (), "ignore": check.ignore or ()}
    for key, ids in named.items():
        for rule_id in ids:
            wrong = unknown_rule(rule_id)
            if wrong:
                yield ConfigFault(f"CheckDataset.{key}", wrong, "`segcli rule` lists all rules")
    for rule_id, value in (check.rules or {}).items():
        try:
            level_of(value)
        except ValueError:
            message = f"is {value!r}; expected {', '.join(LEVELS)}"
            yield ConfigFault(f"CheckDataset.rules.{rule_id}", message, did_you_mean(near(str(value), LEVELS)))


def _groups(config: Config) -> Faults:
    groups = config.CheckDataset.groups
    given = [name for name in type(groups).model_fields if getattr(groups, name)]
    if len(given) > 1:
        yield ConfigFault("CheckDataset.groups", f"{' and '.join(given)} are given; expected one of them", "keep one")
    try:
        re.compile(groups.pattern or "")
    except re.error as error:
        message = f"is {groups.pattern!r}, not a valid regular expression: {error}"
        yield ConfigFault("CheckDataset.groups.pattern", message, r"write one like (patient\d+)_")


def _runtime(config: Config) -> Faults:
    settings = config.Predict
    faults = [run_mode_fault("Predict.kernel_option.run_mode", settings.kernel_option.run_mode)]
    if settings.engine is not None:
        faults.append(engine_fault("Predict.engine", settings.engine))
    yield from (fault for fault in faults if fault is not None)


def _processes(config: Config) -> Faults:
    several = config.Train.cpu_processes > 1
    if several and config.Global.device not in ("cpu", AUTO):
        message = f"is {config.Train.cpu_processes} on {config.Global.device}; it counts processes on the CPU"
        yield ConfigFault("Train.cpu_processes", message, "set Global.device to cpu, or name several ids: gpu:0,1")


def _half_precision(config: Config) -> Faults:
    if config.Train.amp == "O2":
        reason = "is O2: float16 weights make the moving average, shared statistics and resuming less precise"
        yield ConfigFault("Train.amp", reason, "set Train.amp=O1, which keeps the weights in float32")


def _time(config: Config) -> Faults:
    if config.Train.time is not None:
        try:
            parse_time(config.Train.time)
        except ValueError as fault:
            yield ConfigFault("Train.time", str(fault))


def _static(config: Config) -> Faults:
    if config.Train.dy2st and (config.Train.cpu_processes > 1 or config.Train.dist_ips or "," in config.Global.device):
        yield ConfigFault("Train.dy2st", "is true; training with several processes does not support it", "leave it out")


def _input_shapes(config: Config) -> Faults:
    shapes = {"Train.input_shape": config.Train.input_shape, "Export.input_shape": config.Export.input_shape}
    for key, shape in shapes.items():
        if shape is not None and (not 1 <= shape[1] <= MOST_BANDS or any(side != -1 and side < 1 for side in shape)):
            message = f"is {list(shape)}; expected [N, channels, H, W] with -1 for a free side"
            yield ConfigFault(key, message)


def _colours_of_bands(config: Config) -> Faults:
    if config.Global.input_channels != COLOURS and config.Train.augment.photometric:
        message = f"changes colours; Global.input_channels is {config.Global.input_channels}"
        yield ConfigFault("Train.augment.photometric", message, "leave it out")


def _windows(config: Config) -> Faults:
    for section in ("Evaluate", "Predict"):
        window = getattr(config, section).sliding_window
        if window is None:
            continue
        if min(*window.crop_size, *window.stride) < 1:
            yield ConfigFault(f"{section}.sliding_window", "holds a side below 1 pixel")
        elif any(step > side for step, side in zip(window.stride, window.crop_size, strict=True)):
            message = f"is {list(window.stride)} with tiles of {list(window.crop_size)}; pixels between tiles are lost"
            yield ConfigFault(f"{section}.sliding_window.stride", message, "set a stride of at most the tile's side")


def _tile_loss(config: Config) -> Faults:
    settings = config.Evaluate
    if not settings.tile_loss:
        return
    if settings.predictions is not None:
        yield ConfigFault("Evaluate.tile_loss", "needs a network, not predictions", "leave out Evaluate.predictions")
    elif settings.sliding_window is None and settings.memory_mb is None:
        remedy = "set Evaluate.sliding_window.crop_size=[512,512] and stride=[384,384], or Evaluate.memory_mb"
        yield ConfigFault("Evaluate.tile_loss", "measures tiles; none are set", remedy)


def _crop(config: Config) -> Faults:
    if config.Train.crop_size is not None and min(config.Train.crop_size) < 1:
        yield ConfigFault("Train.crop_size", f"is {list(config.Train.crop_size)}; a side has at least 1 pixel")


def _loss(config: Config) -> Faults:
    loss = config.Train.loss
    if not isinstance(loss, str):
        return
    try:
        parse_losses(loss)
    except ValueError as fault:
        yield ConfigFault("Train.loss", str(fault))
    if OWN_LOSS in config.Global.model:
        yield ConfigFault("Train.loss", f"is {loss!r}; {config.Global.model} uses its own loss", "leave it out")


def _fold(config: Config) -> Faults:
    fold, folds = config.Train.fold, config.Train.folds
    if fold is not None and (folds is None or fold > folds):
        known = "Train.folds is not set" if folds is None else f"there are {folds} folds"
        yield ConfigFault("Train.fold", f"is {fold}; {known}", "set Train.folds to the number of folds")


def _scale_jitter(config: Config) -> Faults:
    scales = config.Train.augment.scale_jitter
    if scales is not None and not 0 < scales[0] <= scales[1]:
        message = f"is {list(scales)}; expected the smallest scale above 0, then the largest"
        yield ConfigFault("Train.augment.scale_jitter", message, "write it like [0.5, 2.0]")


def _class_weights(config: Config) -> Faults:
    weights = config.Train.class_weights
    if not isinstance(weights, tuple):
        return
    if min(weights, default=0) < 0 or not any(weights):
        yield ConfigFault("Train.class_weights", "expected weights of 0 or more, one of them above 0")


_SPLIT = tuple(
    f"CheckDataset.split.{name}"
    for name in ("enable", "train_percent", "val_percent", "test_percent", "folds", "stratified")
)
RULES: tuple[Rule, ...] = (
    Rule(("Global.device",), _device),
    Rule(("Global.export_with_pir",), _pir),
    Rule(("Global.mode", "Global.dataset_dir", "Predict.input"), _needed_by_mode),
    Rule(("CheckDataset.convert.enable", "CheckDataset.convert.src_dataset_type"), _convert),
    Rule(_SPLIT, _split),
    Rule(("CheckDataset.rules", "CheckDataset.select", "CheckDataset.ignore"), _rule_settings),
    Rule(("CheckDataset.groups.by_folder", "CheckDataset.groups.pattern", "CheckDataset.groups.table"), _groups),
    Rule(("Predict.kernel_option.run_mode", "Predict.engine"), _runtime),
    Rule(("Global.device", "Train.cpu_processes"), _processes),
    Rule(("Train.amp",), _half_precision),
    Rule(("Train.time",), _time),
    Rule(("Global.device", "Train.cpu_processes", "Train.dist_ips", "Train.dy2st"), _static),
    Rule(("Train.input_shape", "Export.input_shape"), _input_shapes),
    Rule(("Global.input_channels", "Train.augment.photometric"), _colours_of_bands),
    Rule(("Evaluate.sliding_window", "Predict.sliding_window"), _windows),
    Rule(("Evaluate.tile_loss", "Evaluate.predictions", "Evaluate.sliding_window", "Evaluate.memory_mb"), _tile_loss),
    Rule(("Train.crop_size",), _crop),
    Rule(("Train.augment.scale_jitter",), _scale_jitter),
    Rule(("Train.fold", "Train.folds"), _fold),
    Rule(("Train.loss", "Global.model"), _loss),
    Rule(("Train.class_weights",), _class_weights),
)
