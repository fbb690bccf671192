"""The card of a model of another maker: what a few lines of YAML must say so that its ONNX file can be used.

```yaml
name: ukis-csmask-4b
task: semantic                  # semantic, instance or promptable
classes: [clear, cloud, shadow]
licence: Apache-2.0
input:
  channels: RGB                 # RGB, BGR, GREY, or numbers of the bands, from 1
  mean: [0.485, 0.456, 0.406]   # in the order of the channels, of values from 0 to white
  std: [0.229, 0.224, 0.225]
  size: [512, 512]              # height, width; leave it out where the network takes any
output:
  kind: logits
```
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from segcli.data.yaml_nodes import load_yaml
from segcli.errors import ConfigError, ConfigFault, UsageError

KINDS: dict[str, tuple[str, ...]] = {
    "semantic": ("logits", "probabilities", "labels", "binary"),
    "instance": ("yolo", "detr"),
    "promptable": ("sam",),
}
"""What a network may say, by its task."""
Fraction = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    """A part of a card: no key that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GuestInput(_Part):
    """How an image becomes the network's input.

    Attributes:
        name: Of the input; None is the first.
        channels: ``RGB``, ``BGR``, ``GREY``, or numbers of bands from 1.
        bands: Bands of the files, where only some of them are channels; None is as many as there are channels.
        layout: Order of the axes.
        white: The value of a white pixel, before mean and deviation: 1 or 255.
        mean: Subtracted from each channel, in their order.
        std: Divides each channel.
        size: Height and width that the network needs; None takes any.
        resize: How an image gets that size: ``stretch``; ``corner``, with its ratio kept, in the upper left corner;
            ``letterbox``, in the middle.
        pad: Grey around an image that does not fill the input, 0 to 255; None is the mean.
        stride: Height and width must be multiples of it; the image is padded for that.
        range: Values of more than 8 bits that become black and white, as `Global.image_range`; None is all of the type.
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
        """One mean for each channel."""
        return self.mean or (0.0,) * self.count

    @property
    def stds(self) -> tuple[float, ...]:
        """One deviation for each channel."""
        return self.std or (1.0,) * self.count

    @model_validator(mode="after")
    def _check(self) -> GuestInput:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != self.count:
                raise ValueError(f"{name} has {len(values)} values, there are {self.count} channels")
        if self.channels == "GREY" and len({*zip(self.means, self.stds, strict=True)}) != 1:
            raise ValueError("GREY has one mean and one deviation")
        if not isinstance(self.channels, str) and max(self.channels) > (self.bands or self.count):
            raise ValueError(f"band {max(self.channels)} is named, bands is {self.bands or self.count}")
        return self


class GuestOutput(_Part):
    """What the network says.

    Attributes:
        kind: ``logits``, ``probabilities``, ``labels`` (class ids) or ``binary`` (one channel, the second class);
            ``yolo`` (boxes with coefficients, and prototypes) or ``detr`` (boxes, logits, masks); ``sam``.
        names: Of the outputs that count, in the order of the kind; None takes them as they come.
        layout: Of what has four axes.
        activation: What is still to be done to the values: ``softmax``, ``sigmoid`` or nothing. Tiles are added up
            afterwards.
        threshold: ``binary``: from here on it is the second class. ``yolo``, ``detr``: smallest score that is shown.
        iou: ``yolo``: overlap above which of two boxes of a class the better one stays.
        most: Most objects of an image.
        boxes: ``detr``: form of the boxes, relative to the input.
        background: ``detr``: which class of the logits is no object.
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
    """A card.

    Attributes:
        name: What the model is called.
        task: What it is for.
        classes: Names of its classes in the order of their ids; empty for a promptable model.
        licence: Of its weights, as an SPDX identifier or in words.
        source: Where it comes from.
        input: How an image becomes its input.
        output: What it says.
        decoder: Of a promptable model: the ONNX file of its decoder, beside that of the encoder.
    """

    name: Annotated[str, Field(pattern=r"^[\w.+ -]{1,100}$")]
    task: Literal["semantic", "instance", "promptable"]
    classes: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    licence: str = "not stated"
    source: str = ""
    input: GuestInput = GuestInput()
    output: GuestOutput
    decoder: str | None = None

    @model_validator(mode="after")
    def _check(self) -> GuestCard:
        if self.output.kind not in KINDS[self.task]:
            raise ValueError(f"output.kind {self.output.kind} is none of {self.task}: {', '.join(KINDS[self.task])}")
        if self.task == "promptable":
            if self.decoder is None:
                raise ValueError("a promptable model has a decoder: name its file")
            if self.input.size is None or self.input.size[0] != self.input.size[1]:
                raise ValueError("a promptable model has a square input: size")
        elif not self.classes:
            raise ValueError("classes are missing")
        if self.output.kind == "binary" and len(self.classes) != 2:
            raise ValueError("binary has two classes, the background first")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("two classes have one name")
        if self.task == "semantic" and self.input.resize == "letterbox":
            raise ValueError("letterbox is for instance models; take corner")
        if self.task == "instance" and self.input.size is None:
            raise ValueError("an instance model resizes its images: size")
        return self


def read_card(path: Path) -> GuestCard:
    """Reads a card.

    Raises:
        UsageError: There is no such file, or it is no YAML.
        ConfigError: Holds every fault of it.
    """
    try:
        values = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise UsageError(f"the card cannot be read: {fault.strerror}", path=path) from fault
    except (yaml.YAMLError, ValueError) as fault:
        raise UsageError(f"is no YAML: {fault}", path=path) from fault
    try:
        return GuestCard.model_validate(values)
    except ValidationError as fault:
        raise ConfigError([_fault(path, problem) for problem in fault.errors(include_url=False)]) from fault


def _fault(path: Path, problem: Any) -> ConfigFault:
    key = ".".join(str(part) for part in problem["loc"] if not str(part).startswith(("tuple", "literal", "function")))
    return ConfigFault(f"{path.name} {key}".strip(), problem["msg"].removeprefix("Value error, "))
