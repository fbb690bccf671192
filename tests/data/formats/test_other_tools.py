"""Annotations of tools that are not read are named, with what to do; other files are not taken for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from segcli.data.formats.other_tools import refuse_other_tools
from segcli.errors import DatasetError

FILES = {
    "via.json": ('{"a.png9": {"regions": [{"shape_attributes": {}, "region_attributes": {}}]}}', "VGG Image Annotator"),
    "via.csv": ("filename,file_size,region_shape_attributes\n", "VGG Image Annotator"),
    "annotations.xml": ("<annotations><version>1.1</version><image id='0'></image></annotations>", "CVAT"),
    "a.xml": ("<annotation><object><bndbox><xmin>1</xmin></bndbox></object></annotation>", "boxes"),
    "project.json": ('[{"id": 1, "annotations": [{"result": [{}]}], "data": {"image": "a.png"}}]', "Label Studio"),
    "a.json": ('{"objects": [{"classTitle": "cat", "geometryType": "polygon"}]}', "Supervisely"),
    "export.ndjson": ('{"data_row": {"id": "a"}, "projects": {}}', "Labelbox"),
    "a_gtFine_polygons.json": ('{"imgHeight": 4, "objects": [{"label": "car", "polygon": [[0, 1]]}]}', "Cityscapes"),
    "train.csv": ("ImageId,EncodedPixels\na.png,1 3\n", "run lengths"),
    "dataset.json": ('{"channel_names": {"0": "CT"}, "numTraining": 3}', "nnU-Net"),
    "labels/a.txt": ("0 0.1 0.1 0.2 0.2 0.3 0.1\n", "data.yaml"),
    "train.tfrecord": ("", "TFRecord"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_named_as_what_it_is(tmp_path: Path, name: str) -> None:
    text, words = FILES[name]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match=words) as caught:
        refuse_other_tools(tmp_path)
    assert caught.value.hint and caught.value.findings[0].code == "F002"
    assert name in caught.value.message


@pytest.mark.parametrize("text", ["{}", "[1]", '{"name": "package"}', "<xml/>", "a.png b.png\n", ""])
@pytest.mark.parametrize("name", ["a.json", "a.xml", "a.txt", "a.csv"])
def test_other_files_are_not(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    refuse_other_tools(tmp_path)
