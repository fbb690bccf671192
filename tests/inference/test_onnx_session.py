"""What ONNX Runtime made of a network is kept, and is used instead of the network the next time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from segcli.inference.runtimes import kept_networks, onnx_session
from segcli.inference.runtimes.kept_networks import keep_few
from segcli.inference.runtimes.onnx_session import open_session

pytest.importorskip("onnx")

IMAGES = np.random.default_rng(0).standard_normal((1, 3, 5, 4)).astype(np.float32)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    from onnx import helper

    from tests.onnx_models import save, tensor

    weights = np.random.default_rng(1).standard_normal((128, 3, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Identity", ["b"], ["y"]),
    ]
    inputs, outputs = [tensor("x", (1, 3, "h", "w"))], [tensor("y", (1, 128, "h", "w"))]
    return save(tmp_path / "n.onnx", nodes, inputs, outputs, [("w", weights)])


def _run(source: Path | bytes) -> np.ndarray:
    return open_session(source, 1).run(None, {"x": IMAGES})[0]


def _kept() -> list[Path]:
    return sorted((kept_networks.cache_folder() / kept_networks.FOLDER).glob("*.optimised"))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "cache"))


def test_the_optimised_network_is_used_and_answers_alike(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnx

    expected = _run(network.read_bytes())
    assert _kept() == [], "a network that is in no file is not kept"

    first = _run(network)
    (kept,) = _kept()
    opened: list[object] = []
    real = onnx_session._session
    monkeypatch.setattr(onnx_session, "_session", lambda source, way: opened.append(source) or real(source, way))

    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(_run(network), expected)
    assert opened == [kept / onnx_session._NETWORK]
    assert len(onnx.load(str(opened[0])).graph.node) < len(onnx.load(str(network)).graph.node)


@pytest.mark.parametrize("damaged", [onnx_session._NETWORK, onnx_session._WEIGHTS])
def test_a_damaged_one_is_made_again(network: Path, damaged: str) -> None:
    expected = _run(network)
    (kept,) = _kept()
    whole = (kept / damaged).read_bytes()
    (kept / damaged).write_bytes(whole[: len(whole) // 2])

    np.testing.assert_array_equal(_run(network), expected)
    assert (kept / damaged).read_bytes() == whole


def test_another_processor_or_version_has_its_own(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(network)
    monkeypatch.setattr(onnx_session, "processor_kind", lambda: "another")
    _run(network)
    assert len(_kept()) == 2


def test_a_network_that_is_replaced_while_it_is_opened_is_not_kept(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = onnx_session._session

    def slow(source: Path | bytes, options: object) -> object:
        network.write_bytes(network.read_bytes() + b"\x0a\x00")  # an unknown field, which changes the digest
        return real(source, options)

    monkeypatch.setattr(onnx_session, "_session", slow)
    _run(network)
    assert _kept() == []


def test_without_a_cache_it_works_as_well(network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = _run(network)
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEGCLI_CACHE", str(tmp_path / "file"))
    np.testing.assert_array_equal(_run(network), expected)


def test_a_file_that_is_no_network_is_refused_as_ever(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(Exception, match=r"(?i)protobuf|parse"):
        open_session(broken, 1)
    assert _kept() == []


def test_threads_without_work_sleep_soon(network: Path) -> None:
    options = open_session(network, 2).get_session_options()
    assert options.get_session_config_entry("session.intra_op.spin_duration_us") == "100"


def test_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    files = [tmp_path / f"{number}.onnx" for number in (0, 2, 4)]
    folders = [tmp_path / f"{number}.optimised" for number in (1, 3)]
    for folder in folders:
        folder.mkdir()
    for file in (*files, *(folder / "network.onnx" for folder in folders)):
        file.write_bytes(b"12345")
    files = sorted([*files, *folders])
    for number, file in enumerate(files):
        os.utime(file, ns=(number, number))
    monkeypatch.setattr(kept_networks, "_MOST_FORMS", 4)
    keep_few(files[4])
    assert not files[0].exists()
    assert all(file.exists() for file in files[1:])
    monkeypatch.setattr(kept_networks, "_MOST_BYTES", 10)
    keep_few(files[4])
    assert [file.exists() for file in files] == [False, False, False, True, True]


_MEMORY = """
import sys
from pathlib import Path
import numpy as np
from segcli.inference.runtimes.onnx_runtime import OnnxRuntime

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

runtime = OnnxRuntime(Path(sys.argv[1]), 1, foreign=True)
images = np.zeros((1, 3, 1056, 1024), np.float32)
before = resident_mb()
for _ in range(3):
    found = runtime.run(images)
print(resident_mb() - before - found.nbytes / 2**20)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc")
def test_large_runs_take_the_memory_of_one(tmp_path: Path) -> None:
    from onnx import helper

    from tests.onnx_models import save, tensor

    # two tensors of 132 MB, of which one stays, and outputs between them; 350 MB where runs give nothing back, 420 MB
    # where a pattern is kept as well; how much below 290 MB depends on the processor's layout of convolutions
    shapes = {"u": (32, 3, 1, 1), "v": (32, 32, 1, 1), "w": (1, 32, 1, 1)}
    weights = [(name, np.ones(shape, np.float32)) for name, shape in shapes.items()]
    nodes = [helper.make_node("Conv", list(names[:2]), [names[2]]) for names in ("xua", "avb", "bwy")]
    inputs, outputs = [tensor("x", (1, 3, "h", "w"))], [tensor("y", (1, 1, "h", "w"))]
    file = save(tmp_path / "wide.onnx", nodes, inputs, outputs, weights)
    done = subprocess.run([sys.executable, "-c", _MEMORY, str(file)], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 290
