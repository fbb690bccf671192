"""The options of the command line, and what they make of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from segcli import app
from segcli.cli.main import main


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What commands would run, instead of running it."""
    calls: list[dict[str, Any]] = []

    def start(_path: Any, _overrides: Any, options: dict[str, Any], **_flags: Any) -> int:
        calls.append({key: value for key, (_, value) in options.items()})
        return 0

    monkeypatch.setattr(app, "start", start)
    return calls


def test_boxes_points_and_texts_become_prompts(started: list[dict[str, Any]]) -> None:
    words = "predict a.jpg -m SAM-B --weights b.pth --box 1,2,30,40 --box 50,60,70,80 --point 5,6,0 --cache kept"

    result = CliRunner().invoke(main, [*words.split(), "--multimask", "best", "--format", "labelme"])

    assert result.exit_code == 0, result.output
    (given,) = started
    assert given["Predict.prompts"] == {
        "objects": [
            {"box": [1.0, 2.0, 30.0, 40.0], "points": [[5.0, 6.0, 0]]},
            {"box": [50.0, 60.0, 70.0, 80.0]},
        ]
    }
    assert given["Predict.model_dir"] == "b.pth"
    assert given["Predict.promptable.cache_dir"] == "kept"
    assert given["Predict.promptable.multimask"] == "best"
    assert given["Predict.promptable.formats"] == ["labelme"]
    assert "Predict.promptable.everything" not in given


def test_texts_and_a_background(started: list[dict[str, Any]]) -> None:
    words = ["predict", "a.jpg", "-m", "LSeg-L", "--text", "bear", "--text", "traffic light", "--background", "grass"]
    CliRunner().invoke(main, words)

    assert started[0]["Predict.prompts"] == {"objects": [{"text": "bear"}, {"text": "traffic light"}]}
    assert started[0]["Predict.promptable.background"] == "grass"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--box 1,2,3", "a box is four numbers"),
        ("--point 1,2,7", "neither 1"),
        ("--box 1,2,3,4 --prompts p.json", "exclude each other"),
    ],
)
def test_what_cannot_be_read_ends_with_usage(words: str, message: str, started: list[dict[str, Any]]) -> None:
    result = CliRunner().invoke(main, ["predict", "a.jpg", "-m", "SAM-B", *words.split()])

    assert result.exit_code == 2
    assert message in result.output + (result.stderr or "")
    assert not started


def test_embed_encodes_and_says_what_is_new(sam_weights: Path, images: Path, tmp_path: Path) -> None:
    words = ["embed", str(images), "-m", "SAM-tiny", "--weights", str(sam_weights), "--cache", str(tmp_path / "kept")]

    result = CliRunner().invoke(main, words)

    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "kept").glob("*.npy"))) == 2
    assert "2 of them new" in result.output + (result.stderr or "")


def test_embed_is_for_promptable_models(images: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["embed", str(images), "-m", "SOLOv2", "--cache", str(tmp_path)])

    assert result.exit_code == 2
