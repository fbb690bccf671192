"""Annotation files of tools that segcli does not read: named as what they are, with the export that it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segcli.data.files import is_file, require_regular
from segcli.data.walk import folders_below
from segcli.errors import DatasetError
from segcli.rules import finding

_HEAD_BYTES = 1 << 14
_TRIED_PER_KIND = 4
"""Files of one suffix that are opened in each folder."""
_MOST_FOLDERS = 200


@dataclass(frozen=True)
class OtherTool:
    """Files of a tool.

    Attributes:
        suffixes: Of its files.
        marks: Texts that all occur in the first bytes of such a file; regular expressions.
        what: What the file is, for a message.
        hint: What to do.
    """

    suffixes: tuple[str, ...]
    marks: tuple[bytes, ...]
    what: str
    hint: str


_COCO = "export the annotations as COCO, with the images"
_BOXES = "label outlines, or draw the boxes in LabelMe and run segcli outline, which makes outlines of them"
_JSON, _CSV = (".json",), (".csv", ".tsv")

OTHER_TOOLS: tuple[OtherTool, ...] = (
    OtherTool(
        _JSON,
        (rb'"shape_attributes"', rb'"region_attributes"'),
        "is a project of the VGG Image Annotator (VIA)",
        "in VIA choose Annotation > Export annotations (COCO format), and put the file beside the images",
    ),
    OtherTool(
        _CSV,
        (rb"region_shape_attributes",),
        "holds annotations of the VGG Image Annotator (VIA)",
        "in VIA choose Annotation > Export annotations (COCO format), and put the file beside the images",
    ),
    OtherTool(
        (".xml",),
        (rb"<annotations>", rb"<(image|track|meta)\b"),
        "is an export of CVAT in its own XML format",
        "in CVAT choose Export dataset > COCO 1.0, or Segmentation mask 1.1 for semantic models",
    ),
    OtherTool(
        (".xml",),
        (rb"<annotation[ >]", rb"<bndbox>"),
        "holds boxes in the XML format of Pascal VOC, no outlines",
        _BOXES,
    ),
    OtherTool(
        _JSON,
        (rb'"annotations"\s*:\s*\[', rb'"result"\s*:\s*\[', rb'"data"\s*:'),
        "is an export of Label Studio",
        _COCO,
    ),
    OtherTool(_JSON, (rb'"classTitle"', rb'"geometryType"'), "is an annotation of Supervisely", _COCO),
    OtherTool((".json", ".ndjson"), (rb'"data_row"', rb'"projects"'), "is an export of Labelbox", _COCO),
    OtherTool(_JSON, (rb'"dm_format_version"|"categories"\s*:\s*\{', rb'"items"|"label"'), "is of Datumaro", _COCO),
    OtherTool(
        _JSON, (rb'"slots"|"bounding_box"', rb'"paths"', rb'"annotations"'), "is an annotation of V7 Darwin", _COCO
    ),
    OtherTool(
        _JSON,
        (rb'"imgHeight"', rb'"objects"', rb'"polygon"'),
        "holds polygons of Cityscapes",
        "use the masks *_gtFine_labelTrainIds.png, which Cityscapes' scripts make of them",
    ),
    OtherTool(_JSON, (rb'"poly2d"',), "is of BDD100K or Scalabel", _COCO),
    OtherTool(_JSON, (rb'"description"\s*:\s*"ISAT"',), "is an annotation of ISAT", _COCO),
    OtherTool(_JSON, (rb'"coordinates"\s*:\s*\{', rb'"label"'), "holds boxes in Apple's CreateML format", _BOXES),
    OtherTool((".manifest", ".jsonl"), (rb'"source-ref"',), "is an output manifest of SageMaker Ground Truth", _COCO),
    OtherTool(
        _CSV,
        (rb"EncodedPixels",),
        "holds run lengths of masks, as in contests of Kaggle",
        "write a mask per image as PNG: images/NAME.jpg and masks/NAME.png",
    ),
    OtherTool(
        _CSV,
        (rb"\A\s*Pixel Value\s*,\s*Class",),
        "lists the classes of masks that Roboflow puts beside their images",
        "move the images into images/, the masks NAME_mask.png into masks/, and write the names into class_names.txt",
    ),
    OtherTool(
        _CSV, (rb"MaskPath", rb"ImageID"), "is a list of Open Images", "write a mask of class ids per image as PNG"
    ),
    OtherTool(
        _JSON,
        (rb'"(channel_names|modality)"', rb'"(numTraining|training)"'),
        "describes a dataset of nnU-Net, whose images are volumes",
        "write the slices as images/NAME.png and masks/NAME.png",
    ),
    OtherTool(
        (".txt",),
        (rb"\A\s*\d+(\.0)?(\s+-?\d+(\.\d+)?(e-?\d+)?){4,}\s*$",),
        "is a label file of YOLO, but no data.yaml gives its classes as names: [NAME, NAME]",
        "write data.yaml beside images and labels, with train, val and names: [NAME, NAME]",
    ),
)
"""In the order in which they are tried."""

BINARY = {
    ".tfrecord": "is a TFRecord",
    ".tfrecords": "is a TFRecord",
    ".parquet": "is a Parquet file",
    ".mat": "is a MATLAB file",
    ".nii": "is a volume in NIfTI",
    ".h5": "is an HDF5 file",
    ".hdf5": "is an HDF5 file",
}
"""Files that are known by their suffix."""
_BINARY_HINT = "write the images and their masks as files: images/NAME.jpg and masks/NAME.png"


def refuse_other_tools(dataset_dir: Path) -> None:
    """Raises an error if the folder holds annotations of another tool; does nothing otherwise.

    Raises:
        DatasetError: It does (F002).
    """
    for path in _candidates(dataset_dir):
        what, hint = _described(path)
        if what:
            fault = finding("F002", str(dataset_dir), f"{path.relative_to(dataset_dir)} {what}", hint=hint)
            raise DatasetError(fault.message, [fault], path=dataset_dir, hint=hint)


def _described(path: Path) -> tuple[str, str]:
    """What a file is and what to do; empty where it is of no known tool."""
    suffix = path.suffix.lower()
    if suffix in BINARY:
        return BINARY[suffix], _BINARY_HINT
    head = _head(path)
    for tool in OTHER_TOOLS:
        if suffix in tool.suffixes and all(re.search(mark, head, re.MULTILINE) for mark in tool.marks):
            return tool.what, tool.hint
    return "", ""


def _head(path: Path) -> bytes:
    try:
        require_regular(path)
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


def _candidates(root: Path) -> Iterator[Path]:
    """The first files of each telling suffix in every folder, the upper folders first."""
    telling = {suffix for tool in OTHER_TOOLS for suffix in tool.suffixes} | BINARY.keys()
    for number, (folder, names) in enumerate(folders_below(root)):
        if number == _MOST_FOLDERS:
            return
        seen: dict[str, int] = {}
        for name in sorted(names):
            suffix = Path(name).suffix.lower()
            if suffix in telling:
                seen[suffix] = seen.get(suffix, 0) + 1
                if seen[suffix] <= _TRIED_PER_KIND and is_file(folder / name):
                    yield folder / name
