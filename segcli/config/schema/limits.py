"""`limits`: inputs that are refused before they use up the machine's memory."""

from typing import ClassVar

from pydantic import Field

from segcli.config.schema.base import Section
from segcli.config.schema.meaning import MODES, Read


class LimitsConfig(Section):
    """Inputs that are refused before they use up the machine's memory.

    Attributes:
        max_pixels: Most pixels of an image that is decoded whole; null is what memory, RLIMIT_AS and the control group
            allow, at most the 2^30 that OpenCV decodes.
    """

    reads: ClassVar = (Read(MODES),)

    max_pixels: int | None = Field(default=None, ge=1)
