"""What a process does before Paddle computes on the CPU."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from segcli import cpu
from segcli.cpu import ALLOCATOR, CONVOLUTIONS, can_reuse_memory, find_onednn, use_fast_kernels, without_views


@pytest.mark.parametrize(
    ("processor", "chosen"),
    [
        ("vendor_id : AuthenticAMD\nflags : sse2 avx2 fma\n\nprocessor : 1\n", "5"),
        ("vendor_id : AuthenticAMD\nflags : sse2\n\nprocessor : 1\nflags : avx2 fma\n", None),
        ("vendor_id : GenuineIntel\nflags : sse2 avx2 fma\n", None),
    ],
)
def test_mkl_is_told_of_avx2_where_it_would_not_look(
    processor: str, chosen: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    info = tmp_path / "cpuinfo"
    info.write_text(processor, encoding="utf-8")
    monkeypatch.setattr(cpu, "_CPU_INFO", info)
    monkeypatch.setenv("MKL_DEBUG_CPU_TYPE", "")
    monkeypatch.delenv("MKL_DEBUG_CPU_TYPE")
    use_fast_kernels()
    assert os.environ.get("MKL_DEBUG_CPU_TYPE") == chosen


def test_processors_of_one_name_are_told_apart_by_their_instructions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cpu, "_CPU_INFO", tmp_path / "cpuinfo")
    kinds = []
    for flags in ("sse2 avx2", "sse2 avx2 amx_bf16"):
        text = f"model : 85\nmodel name\t: Xeon @ 2.5GHz\ncpu MHz : {len(kinds)}\nflags : {flags}\n\nprocessor : 1\n"
        (tmp_path / "cpuinfo").write_text(text, encoding="utf-8")
        assert cpu.processor_name() == "Xeon @ 2.5GHz"
        kinds += [cpu.processor_kind.__wrapped__() for _ in range(2)]
    assert kinds[0] == kinds[1] != kinds[2]
    (tmp_path / "cpuinfo").unlink()
    assert cpu.processor_name().startswith(platform.machine())


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MKL_DEBUG_CPU_TYPE", "4")
    use_fast_kernels()
    assert os.environ["MKL_DEBUG_CPU_TYPE"] == "4"


def test_settings_of_the_allocator_that_the_user_made_stay(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000")
    assert not can_reuse_memory()
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_")
    monkeypatch.setenv(ALLOCATOR, "system")
    assert not can_reuse_memory()


def test_paddles_own_convolutions_can_be_chosen(monkeypatch: pytest.MonkeyPatch):
    if sys.platform == "linux" and platform.machine() == "x86_64":
        assert find_onednn() is not None
    monkeypatch.setenv(CONVOLUTIONS, "paddle")
    assert find_onednn() is None


_FAULTS = """
import resource, sys
import numpy as np
from segcli.cpu import reuse_memory
if sys.argv[1] == "reuse":
    assert reuse_memory()
np.zeros(1 << 22) + 1
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.zeros(1 << 22) + 1
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(way: str) -> int:
    done = subprocess.run([sys.executable, "-c", _FAULTS, way], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not can_reuse_memory(), reason="glibc's allocator is not there, or set by the user")
def test_memory_of_freed_arrays_is_used_again():
    assert page_faults("reuse") * 4 < page_faults("system")


def is_view_of_another() -> bool:
    import paddle

    return not paddle.zeros([2, 3]).transpose([1, 0]).is_contiguous()


def test_transposed_tensors_are_copied_inside_the_block_alone():
    assert is_view_of_another()
    with without_views():
        assert not is_view_of_another()
    assert is_view_of_another()
    with without_views(False):
        assert is_view_of_another()
    with pytest.raises(RuntimeError, match="inside"), without_views():
        raise RuntimeError("inside")
    assert is_view_of_another()


def test_transposed_tensors_stay_views_on_a_device(monkeypatch: pytest.MonkeyPatch):
    import paddle

    monkeypatch.setattr(paddle, "get_device", lambda: "gpu:0")
    with without_views():
        assert is_view_of_another()
