"""Kernel Tuner: a cache file of a whole search space, so that its strategies search our landscape in simulation mode.

    from perfmodel.adapters.kernel_tuner import write_cache
    write_cache("triton_gemm.json", machine, row, {"cta_m": [64, 128], "cta_n": [64, 128], "stages": [2, 3, 4]})

    kernel_tuner.tune_kernel("triton_gemm", source, size, arguments, tune_params, strategy="genetic_algorithm",
                             cache="triton_gemm.json", simulation_mode=True)

`size` is the cache's problem_size: m, n and k of a GEMM, batch, heads and seq_q of attention.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import Machine, Oracle, Row, suite

SCHEMA_VERSION = "1.0.0"


def cache_of(
    machine: Machine,
    row: Row,
    tune_params: Mapping[str, Sequence[int | float]],
    *,
    kernel_name: str = "kernel",
    base: Mapping[str, Any] | None = None,
    fidelity: str = "pipeline",
    repetitions: int = 1,
) -> dict[str, Any]:
    """The cache as a dict. `tune_params` are kernel columns, or parameters of the base's program.

    A configuration that cannot run has the time "InvalidConfig", as a failed compilation would.
    """
    names = list(tune_params)
    points = list(itertools.product(*(tune_params[name] for name in names)))
    columns = {name: np.array([point[i] for point in points], dtype=float) for i, name in enumerate(names)}
    scores = Oracle(machine).score_columns(suite([row]), columns, dict(base or {}), fidelity=fidelity)
    times, feasible = scores.time[:, 0] * 1e3, scores.feasible  # its times are milliseconds
    entries = {}
    for point, time, runs in zip(points, times, feasible):
        entry: dict[str, Any] = dict(zip(names, point))
        entry["time"] = float(time) if runs else "InvalidConfig"
        if runs:
            entry["times"] = [float(time)] * repetitions
        entry |= {"compile_time": 0.0, "verification_time": 0, "benchmark_time": 0.0, "strategy_time": 0}
        entry |= {"framework_time": 0.0, "timestamp": "1970-01-01 00:00:00+00:00"}
        entries[",".join(str(value) for value in point)] = entry
    return {
        "schema_version": SCHEMA_VERSION,
        "device_name": machine.name,
        "kernel_name": kernel_name,
        "problem_size": [row[key] for key in ("m", "n", "k", "batch", "heads", "seq_q", "elements") if key in row],
        "tune_params_keys": names,
        "tune_params": {name: list(tune_params[name]) for name in names},
        "objective": "time",
        "cache": entries,
    }


def write_cache(path: str | Path, machine: Machine, row: Row, tune_params: Mapping[str, Sequence[int | float]], **options: Any) -> dict[str, Any]:
    """Writes cache_of() to a file, whole or not at all, and returns it."""
    cache = cache_of(machine, row, tune_params, **options)
    path = Path(path)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(cache, indent=1))
    fresh.replace(path)
    return cache
