"""A search space written for Kernel Tuner, searched by its own strategies in simulation mode."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from conftest import GEMM

import perfmodel as pm
from perfmodel.adapters.kernel_tuner import write_cache

kernel_tuner = pytest.importorskip("kernel_tuner")

SPACE = {
    "cta_m": [64, 128, 256],
    "cta_n": [32, 64, 128, 256],
    "cta_k": [32, 64, 128],
    "stages": [2, 3, 4, 8],
    "warps": [4, 8],
}


@pytest.mark.parametrize("strategy", ["random_sample", "genetic_algorithm"])
def test_its_strategies_search_the_landscape(tmp_path: Path, h100: pm.Machine, strategy: str) -> None:
    file = tmp_path / "space.json"
    cache = write_cache(file, h100, GEMM, SPACE, kernel_name="triton_gemm")
    points = list(itertools.product(*SPACE.values()))
    assert len(cache["cache"]) == len(points)
    times = [entry["time"] for entry in cache["cache"].values()]
    valid = [time for time in times if time != "InvalidConfig"]
    assert 0 < len(valid) < len(times)  # some do not fit in shared memory

    results, environment = kernel_tuner.tune_kernel(
        "triton_gemm", "__global__ void triton_gemm(float *c) {}", [4096, 4096, 4096], [np.zeros(1, np.float32)], SPACE,
        lang="CUDA", block_size_names=["warps"], strategy=strategy, strategy_options={"max_fevals": 60},
        cache=str(file), simulation_mode=True, verbose=False, quiet=True,
    )
    assert environment["simulation"] is True
    found = [result for result in results if isinstance(result["time"], float)]
    assert found
    for result in found:
        key = ",".join(str(result[name]) for name in SPACE)
        assert result["time"] == cache["cache"][key]["time"]
    assert min(result["time"] for result in found) <= sorted(valid)[len(valid) // 4]


def test_parameters_of_a_program_make_a_space_too(tmp_path: Path, b200: pm.Machine) -> None:
    row = {"op": "attention", "batch": 1, "heads": 16, "seq_q": 8192, "head_dim": 128, "dtype": "bf16", "impl": "avo"}
    space = {"emulated": [0.0, 0.25], "kv_slots": [2, 3, 9]}
    cache = write_cache(tmp_path / "space.json", b200, row, space, base={"program": "avo_forward"})
    assert cache["cache"]["0.25,9"]["time"] == "InvalidConfig"
    assert cache["cache"]["0.25,3"]["time"] < cache["cache"]["0.0,3"]["time"]
