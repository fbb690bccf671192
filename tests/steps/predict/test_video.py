"""Videos and streams: frames in, one annotated video and one line per frame out."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from segcli.data.classes import ClassMap
from segcli.data.sources import open_sources
from segcli.data.video import is_stream, read_frames
from segcli.errors import InputError
from segcli.steps.predict.clips import AnnotatedFrame, Clips
from segcli.steps.predict.command import predict
from segcli.steps.predict.semantic_results import SegResult
from tests.rtsp_server import rtsp_server
from tests.trained_model import make_config, trained_run


def make_video(path: Path, frames: int, rate: float = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (64, 48))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no video")
    for index in range(frames):
        writer.write(np.full((48, 64, 3), 20 * index, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("camera:0", True),
        ("Camera:12", True),
        ("rtsp://10.0.0.1/a", True),
        ("RTMP://host/live", True),
        ("camera:", False),
        ("a/camera:0.png", False),
        ("https://host/a.mp4", False),
        ("clip.mp4", False),
    ],
)
def test_streams_are_known_by_their_names(text, told):
    assert is_stream(text) is told


def test_frames_are_skipped_and_the_rate_follows(tmp_path):
    frames = list(read_frames(str(make_video(tmp_path / "a.avi", 7)), 3))
    assert [frame.index for frame in frames] == [0, 3, 6]
    assert frames[1].rgb.mean() == pytest.approx(60, abs=6)
    assert frames[0].rate == pytest.approx(10 / 3, rel=0.01)


@pytest.mark.parametrize("name", ["camera:77", "broken.mp4"])
def test_what_gives_no_frame_is_named_and_does_not_end_the_others(name, tmp_path):
    given = name
    if name.endswith("mp4"):
        given = str(tmp_path / name)
        Path(given).write_bytes(b"no video")
    image = tmp_path / "a.png"
    cv2.imwrite(str(image), np.zeros((4, 4, 3), np.uint8))
    first, second = open_sources([given, str(image)])
    assert isinstance(first.fault, InputError) and name in str(first.fault)
    assert second.rgb is not None


def test_the_command_leaves_a_video_and_lines(tmp_path):
    video = make_video(tmp_path / "in/clip.avi", 6)
    make_video(tmp_path / "in/clip.mkv", 3)
    cv2.imwrite(str(tmp_path / "in/still.png"), np.zeros((48, 64, 3), np.uint8))
    values = {
        "model_dir": str(trained_run() / "run/best_model/inference"),
        "input": str(tmp_path / "in"),
        "runtime": "paddle",
        "frame_step": 2,
        "batch_size": 2,
    }
    result = predict(make_config(tmp_path / "out", Predict=values))
    assert (len(result.predicted), result.images) == (3, 1 + 3 + 2)
    clip = next(entry for entry in result.predicted if entry.input_path == str(video))
    other = next(entry for entry in result.predicted if entry.frames == 2)
    assert clip.files["video"] != other.files["video"]
    lines = [json.loads(line) for line in Path(clip.files["jsonl"]).read_text(encoding="utf-8").splitlines()]
    assert [line["page_index"] for line in lines] == [0, 2, 4]
    assert (
        sum(clip.found.values()) == 3 * 48 * 64 == sum(entry["pixels"] for line in lines for entry in line["classes"])
    )
    written = list(read_frames(clip.files["video"]))
    assert len(written) == 3 and written[0].rgb.shape == (48, 64, 3)
    assert not list((tmp_path / "out").rglob(".*.part*"))
    assert dict(result.summary())["found"].endswith("%")


def test_what_was_written_is_kept_when_the_run_is_stopped(tmp_path):
    items = list(open_sources(make_video(tmp_path / "a.avi", 4)))
    classes = ClassMap(("_background_", "cat"))

    def stopped():
        with Clips(tmp_path / "out") as clips:
            for item in items[:2]:
                result = SegResult(item, np.ones((48, 64), np.uint8), classes)
                clips.add(AnnotatedFrame.of(result, item.clip))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    (lines,) = (tmp_path / "out").glob("*.jsonl")
    assert len(lines.read_text(encoding="utf-8").splitlines()) == 2
    (video,) = (path for path in (tmp_path / "out").iterdir() if path.suffix in (".mp4", ".avi"))
    assert len(list(read_frames(str(video)))) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_a_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    """OpenCV ends the process on it."""
    path = tmp_path / os.fsdecode(b"v\xff.mp4")
    path.write_bytes(b"x")

    with pytest.raises(InputError, match="no text"):
        list(read_frames(str(path)))


def test_a_network_stream_is_read_until_it_ends_and_its_password_is_not_written(tmp_path: Path) -> None:
    with rtsp_server([40, 80, 120, 160, 200]) as port:
        url = f"rtsp://me:secret@127.0.0.1:{port}/a"
        values = {"model_dir": str(trained_run() / "run/best_model/inference"), "input": url, "frame_step": 2}
        result = predict(make_config(tmp_path / "out", Predict=values))
    (entry,) = result.predicted
    assert (entry.input_path, entry.frames) == (f"rtsp://127.0.0.1:{port}/a", 2)
    shown = [frame.rgb.shape for frame in read_frames(entry.files["video"])]
    assert shown == [(48, 64, 3)] * 2
    assert not [path for path in (tmp_path / "out").rglob("*.json*") if "secret" in path.read_text(encoding="utf-8")]


def test_the_message_of_a_stream_that_is_not_there_has_no_password() -> None:
    with pytest.raises(InputError, match="gives no frame") as caught:
        list(read_frames("rtsp://me:secret@127.0.0.1:9/a"))
    assert "secret" not in str(caught.value)
