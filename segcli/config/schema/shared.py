"""`Global`: what every mode needs."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from segcli.config.schema.base import Section
from segcli.config.schema.meaning import INSTANCE, MODES, PROMPTABLE, SEMANTIC, Instead, Read, Stock
from segcli.errors import ConfigError, ConfigFault

Mode = Literal["check_dataset", "train", "evaluate", "export", "predict"]


class GlobalConfig(Section):
    """What every mode needs.

    Attributes:
        model: Name of the model; `segcli models` lists them.
        mode: Step to run.
        dataset_dir: Folder of the dataset.
        device: ``auto`` (a GPU if available, else the CPU), ``cpu``, ``gpu``, ``gpu:0,1``, ``npu:0``, ...
        output: Folder for all output files.
        export_with_pir: PaddleX's switch; Paddle 3.3 writes PIR only, so false is refused.
        strict_device: A missing device is an error instead of a fall-back to the CPU.
        seed: Seed of every random choice.
        image_range: Values of images of more than 8 bits that become black and white: ``auto`` (found from the
            training images, such as 12 bits in 16, or 0.0 to 1.0), ``bits`` (the full range of the file's type),
            ``percentile`` (0.5 and 99.5 percent of each image), or ``[low, high]``. Stored in the model. Images of 8
            bits are not changed.
        input_channels: Bands of the network's input images, 1 to 16. With 3, every image is read as RGB; with another
            number, TIFF, NPY and PNG files of exactly that many bands are read, and each band is normalised by its mean
            and standard deviation over the training images. Stored in the model.
    """

    reads: ClassVar = (Read(MODES),)

    model: Annotated[str, Stock()]
    mode: Annotated[Mode, Stock()] = "check_dataset"
    dataset_dir: Annotated[str | None, Read(("check_dataset", "train", "evaluate", "export")), Stock()] = None
    device: Annotated[str, Read(("train", "evaluate", "predict")), Stock()] = "auto"
    output: Annotated[str, Stock()] = "output"
    export_with_pir: Annotated[bool | None, Read(("train", "export")), Stock()] = None
    strict_device: Annotated[bool, Read(("train", "evaluate", "predict"))] = False
    seed: Annotated[int, Read(("train",))] = Field(default=0, ge=0)
    image_range: Annotated[
        Literal["auto", "bits", "percentile"] | tuple[float, float],
        Read(("check_dataset", "train", "evaluate", "predict")),
    ] = "auto"
    input_channels: Annotated[
        int, Read(("check_dataset", "train"), SEMANTIC), Instead("images are read as RGB", (*INSTANCE, *PROMPTABLE))
    ] = Field(default=3, ge=1, le=16)

    @property
    def dataset(self) -> Path:
        """The folder of the dataset.

        Raises:
            ConfigError: None was given.
        """
        if self.dataset_dir is None:
            raise ConfigError([ConfigFault("Global.dataset_dir", "no dataset was given", "set it to its folder")])
        return Path(self.dataset_dir)
