from __future__ import annotations

from pathlib import Path

import pytest

from segcli.errors import WeightsError
from segcli.steps.evaluate.class_match import dataset_for
from segcli.weights.class_match import require_same_classes
from tests.images import make_seg_dataset
from tests.trained_model import make_config

HERE = Path("x")


def test_other_names_are_refused_with_both_lists():
    with pytest.raises(WeightsError) as caught:
        require_same_classes(("bg", "cat", "dog"), ("bg", "dog"), HERE, HERE)
    text = str(caught.value)
    assert "1  cat      dog   <- differ" in text
    assert "2  dog      -   <- differ" in text


def test_the_order_counts():
    with pytest.raises(WeightsError):
        require_same_classes(("bg", "cat", "dog"), ("bg", "dog", "cat"), HERE, HERE)


@pytest.mark.parametrize("of_data", [("bg", "cat"), ("class_0", "class_1")])
def test_equal_or_nameless_classes_agree(of_data):
    require_same_classes(("bg", "cat"), of_data, HERE, HERE)


def test_a_nameless_dataset_takes_the_number_from_the_weights(tmp_path):
    root = make_seg_dataset(tmp_path / "data", classes=3)
    (root / "class_name_to_id.txt").unlink()
    dataset = dataset_for(("a", "b", "c", "d"), HERE, make_config(tmp_path, root))
    assert len(dataset.classes) == 4
