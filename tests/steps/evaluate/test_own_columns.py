"""Columns of a person's own table stand beside the scores, and break them down."""

from __future__ import annotations

import pytest

from segcli.errors import UsageError
from segcli.metrics.slices import sliced
from segcli.steps.evaluate.own_columns import with_own_columns
from segcli.steps.evaluate.page import SLICED, sliced_columns

TABLE = [
    {"image": f"images/{name}.png", "folder": "images", "mIoU": score} for name, score in (("a", 1), ("b", 2), ("c", 4))
]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_columns_are_found_by_the_name_of_the_image_or_its_file(tmp_path, sign, caplog):
    lines = (("weather", "image", "altitude"), ("rain", "images/a.png", "10"), ("sun", "b.png", "12.5"))
    path = tmp_path / "flights.csv"
    path.write_text("".join(sign.join(cells) + "\n" for cells in lines), encoding="utf-8-sig")
    rows, own = with_own_columns(TABLE, str(path))
    assert own == ("weather", "altitude")
    assert list(rows[0]) == ["image", "weather", "altitude", "folder", "mIoU"]
    assert [(row["weather"], row["altitude"]) for row in rows] == [("rain", 10.0), ("sun", 12.5), (None, None)]
    assert "1 of 3 images have no line" in caplog.text
    columns = sliced_columns(rows, None, own)
    assert columns == ("weather", "altitude", *SLICED)
    weather, altitude = sliced(rows, "mIoU", columns)
    assert {one.name: one.mean for one in weather.slices} == {"rain": 1.0, "sun": 2.0}
    assert altitude.correlation == pytest.approx(1)
    assert sliced_columns(rows, ("altitude",), own) == ("altitude",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image\na.png\n", "does not name an image column and others"),
        ("weather,camera\nrain,one\n", "does not name an image column and others"),
        ("image,weather\na.png\n", "line 2 has 1 cells"),
        ("image,mIoU\na.png,3\n", "a column mIoU of its own"),
        ("image,weather\nz.png,rain\n", "names none of the 3 images"),
        ("", "is empty"),
    ],
)
def test_faults_of_the_table_are_named(tmp_path, text, message):
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        with_own_columns(TABLE, str(path))


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(UsageError, match="table of images cannot be read"):
        with_own_columns(TABLE, str(tmp_path / "none.csv"))
