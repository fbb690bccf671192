"""The card of an imported model: a few lines of YAML that describe how to use its ONNX file.

```yaml
name: ukis-csmask-4b
task: semantic                  # semantic, instance or promptable
classes: [clear, cloud, shadow]
licence: Apache-2.0
input:
  channels: RGB                 # RGB, BGR, GREY, or band numbers, from 1
  mean: [0.485, 0.456, 0.406]   # in the order of the channels, of values from 0 to white
  std: [0.229, 0.224, 0.225]
  size: [512, 512]              # height, width; leave it out if any size is accepted
output:
  kind: logits
```
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from segcli.data.yaml_nodes import read_yaml
from segcli.errors import ConfigError, ConfigFault, UsageError

KINDS: dict[str, tuple[str, ...]] = {
    "semantic": ("logits", "probabilities", "labels", "binary"),
    "instance": ("yolo", "detr"),
    "promptable": ("sam",),
}
"""Kinds of output, by task."""
Fraction = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    """A part of a card; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class GuestInput(_Part):
    """How an image becomes the network's input.

    Attributes:
        name: Name of the ONNX input; None for the first.
        channels: ``RGB``, ``BGR``, ``GREY``, or band numbers from 1.
        bands: Bands of the files, where only some of them are channels; None for as many as channels.
        layout: Order of the axes.
        white: The value of a white pixel, before mean and deviation: 1 or 255.
        mean: Subtracted from each channel, in the order of the channels.
        std: Divides each channel.
        size: Height and width that the network needs; None for any.
        resize: How an image is brought to that size: ``stretch``; ``corner``, ratio kept, in the top left corner;
            ``letterbox``, in the middle.
        pad: Grey value around an image that does not fill the input, 0 to 255; None for the mean.
        stride: Height and width must be multiples of it; the image is padded for that.
        range: Values above 8 bits that become black and white, as `Global.image_range`; None for the type's full range.
    """

    name: str | None = None
    channels: Literal["RGB", "BGR", "GREY"] | tuple[Annotated[int, Field(ge=1, le=16)], ...] = "RGB"
    bands: Annotated[int, Field(ge=1, le=16)] | None = None
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    white: Annotated[float, Field(gt=0)] = 1.0
    mean: tuple[float, ...] | None = None
    std: tuple[Annotated[float, Field(gt=0)], ...] | None = None
    size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = None
    resize: Literal["stretch", "corner", "letterbox"] = "stretch"
    pad: Annotated[int, Field(ge=0, le=255)] | None = None
    stride: Annotated[int, Field(ge=1)] = 1
    range: Literal["bits", "percentile"] | tuple[float, float] | None = None

    @property
    def count(self) -> int:
        """Channels of the network's input."""
        return {"RGB": 3, "BGR": 3, "GREY": 1}[self.channels] if isinstance(self.channels, str) else len(self.channels)

    @property
    def means(self) -> tuple[float, ...]:
        """One mean per channel."""
        return self.mean or (0.0,) * self.count

    @property
    def stds(self) -> tuple[float, ...]:
        """One standard deviation per channel."""
        return self.std or (1.0,) * self.count

    @model_validator(mode="after")
    def _check(self) -> GuestInput:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != self.count:
                raise ValueError(f"{name} has {len(values)} values, but there are {self.count} channels")
        if self.channels == "GREY" and len({*zip(self.means, self.stds, strict=True)}) != 1:
            raise ValueError("channels GREY need one mean and one std")
        if not isinstance(self.channels, str) and max(self.channels) > (self.bands or self.count):
            raise ValueError(f"channels name band {max(self.channels)}, but bands is {self.bands or self.count}")
        return self


class GuestOutput(_Part):
    """The form of the network's outputs.

    Attributes:
        kind: ``logits``, ``probabilities``, ``labels`` (class ids) or ``binary`` (one channel, the second class);
            ``yolo`` (boxes with coefficients, and prototypes) or ``detr`` (boxes, logits, masks); ``sam``.
        names: Names of the used outputs, in the order of the kind; None for the file's order.
        layout: Order of the axes of outputs with four axes.
        activation: Function still to be applied to the values: ``softmax``, ``sigmoid`` or none. Tiles are blended
            afterwards.
        threshold: ``binary``: smallest value of the second class. ``yolo``, ``detr``: smallest score that is kept.
        iou: ``yolo``: IoU above which only the better of two boxes of a class is kept.
        most: Most objects per image.
        boxes: ``detr``: form of the boxes, relative to the input.
        background: ``detr``: which class of the logits means no object.
    """

    kind: str
    names: tuple[str, ...] | None = None
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    activation: Literal["none", "softmax", "sigmoid"] = "none"
    threshold: Fraction = 0.5
    iou: Fraction = 0.7
    most: Annotated[int, Field(ge=1)] = 300
    boxes: Literal["cxcywh", "xyxy"] = "cxcywh"
    background: Literal["none", "first", "last"] = "none"


class GuestCard(_Part):
    """The card of an imported model.

    Attributes:
        name: Name of the model.
        task: Its task.
        classes: Names of its classes in the order of their ids; empty for a promptable model.
        licence: Licence of its weights, as an SPDX identifier or in words.
        source: Where it comes from.
        input: How an image becomes its input.
        output: The form of its outputs.
        decoder: Of a promptable model: the name of its decoder's ONNX file, beside that of the encoder.
    """

    name: Annotated[str, Field(pattern=r"^[\w.+ -]{1,100}$")]
    task: Literal["semantic", "instance", "promptable"]
    classes: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    licence: str = "not stated"
    source: str = ""
    input: GuestInput = GuestInput()
    output: GuestOutput
    decoder: str | None = None

    @property
    def finds_objects(self) -> bool:
        """Whether its answers are objects with scores."""
        return self.task == "instance"

    @property
    def takes_prompts(self) -> bool:
        """Whether it answers prompts."""
        return self.task == "promptable"

    @model_validator(mode="after")
    def _check(self) -> GuestCard:
        if self.output.kind not in KINDS[self.task]:
            raise ValueError(f"output.kind {self.output.kind} is none of {self.task}'s: {', '.join(KINDS[self.task])}")
        if self.takes_prompts:
            if self.decoder is None:
                raise ValueError("decoder is missing: a promptable model needs its decoder's file name")
            if self.input.size is None or self.input.size[0] != self.input.size[1]:
                raise ValueError("input.size is missing or not square: a promptable model needs a square")
        elif not self.classes:
            raise ValueError("classes are missing")
        if self.output.kind == "binary" and len(self.classes) != 2:
            raise ValueError("output.kind binary needs two classes, the background first")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("two classes have the same name")
        if self.task == "semantic" and self.input.resize == "letterbox":
            raise ValueError("input.resize letterbox is for instance models; use corner")
        if self.finds_objects and self.input.size is None:
            raise ValueError("input.size is missing: an instance model needs it")
        return self


def read_card(path: Path) -> GuestCard:
    """Reads a card.

    Raises:
        UsageError: The file cannot be read, or is not valid YAML.
        ConfigError: The card has faults; the error lists all of them.
    """
    try:
        values = read_yaml(path)
    except OSError as fault:
        raise UsageError(f"the card cannot be read: {fault.strerror}", path=path) from fault
    except (yaml.YAMLError, ValueError) as fault:
        raise UsageError(f"is not valid YAML: {fault}", path=path) from fault
    try:
        return GuestCard.model_validate(values)
    except ValidationError as fault:
        raise ConfigError([_fault(path, problem) for problem in fault.errors(include_url=False)]) from fault


def _fault(path: Path, problem: Any) -> ConfigFault:
    key = ".".join(str(part) for part in problem["loc"] if not str(part).startswith(("tuple", "literal", "function")))
    return ConfigFault(f"{path.name} {key}".strip(), problem["msg"].removeprefix("Value error, "))
