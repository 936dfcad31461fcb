"""Problem lists as nvMatmulHeuristics and the CUTLASS profiler read them, answered with ranked kernel configurations.

    python -m perfmodel.adapters.matmul_heuristics problems.json --machine h100-sxm --count 8

A problem is {"m", "n", "k", "batch_count", "layout", "dtype_a", ..., "dtype_d", "dtype_acc", "beta"}; sizes are those of
one batch. The answer to each is a list of configurations, the fastest first.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import Machine, Oracle, suite

DTYPES = {
    "f16": "fp16", "fp16": "fp16", "half": "fp16",
    "bf16": "bf16", "bfloat16": "bf16",
    "f8": "fp8", "fp8": "fp8", "e4m3": "fp8", "e5m2": "fp8", "fp8_e4m3": "fp8", "fp8_e5m2": "fp8",
    "tf32": "tf32", "f4": "nvfp4", "e2m1": "nvfp4", "nvfp4": "nvfp4",
}
OUTPUTS = DTYPES | {"f32": "fp32", "fp32": "fp32", "float": "fp32"}

# Tiles of one CTA that tensor-core GEMMs of the libraries come in.
SPACE: Mapping[str, Sequence[int]] = {
    "cta_m": (64, 128, 256),
    "cta_n": (32, 64, 96, 128, 192, 256),
    "stages": (2, 3, 4, 5, 6),
    "cluster": (1, 2),
    "split_k": (1, 2, 4),
}


def _dtype(problem: Mapping[str, Any], key: str, known: Mapping[str, str]) -> str:
    name = str(problem.get(key, "")).lower()
    if name not in known:
        raise ValueError(f"'{key}': unknown type '{name}'; known types: {', '.join(sorted(known))}")
    return known[name]


def row_of(problem: Mapping[str, Any], impl: str = "cublas") -> dict[str, Any]:
    """The table row of a problem. A batch counts as more rows: its matrices lie one after the other."""
    for key in ("m", "n", "k"):
        if not isinstance(problem.get(key), int) or problem[key] < 1:
            raise ValueError(f"'{key}': expected a positive integer, not {problem.get(key)!r}")
    if _dtype(problem, "dtype_a", DTYPES) != _dtype(problem, "dtype_b", DTYPES):
        raise ValueError("operands of two types are not modelled")
    return {
        "op": "gemm",
        "m": problem["m"] * int(problem.get("batch_count", 1)),
        "n": problem["n"],
        "k": problem["k"],
        "dtype": _dtype(problem, "dtype_a", DTYPES),
        "out_dtype": _dtype(problem, "dtype_d" if "dtype_d" in problem else "dtype_c", OUTPUTS),
        "impl": impl,
    }


def kernel_of(configuration: Any) -> dict[str, int]:
    """The kernel columns of a GemmConfig, as nvMatmulHeuristics returns its proposals."""
    return {
        "cta_m": configuration.cta_tile_m,
        "cta_n": configuration.cta_tile_n,
        "cta_k": configuration.cta_tile_k,
        "stages": configuration.stages,
        "cluster": configuration.cluster_m * configuration.cluster_n,
        "split_k": configuration.split_k,
    }


def rank(machine: Machine, problems: Sequence[Mapping[str, Any]], *, count: int = 8, impl: str = "cublas") -> list[dict[str, Any]]:
    """For each problem {"problem", "configurations"} with up to `count` configurations, or {"problem", "error"}."""
    oracle = Oracle(machine)
    names = list(SPACE)
    points = np.array(list(itertools.product(*SPACE.values())), dtype=float)
    answers = []
    for problem in problems:
        try:
            problems_suite = suite([row_of(problem, impl)])
        except ValueError as error:
            answers.append({"problem": dict(problem), "error": str(error)})
            continue
        scores = oracle.score_columns(problems_suite, {name: points[:, i] for i, name in enumerate(names)})
        time = np.where(scores.feasible, scores.time[:, 0], np.inf)
        best = [int(i) for i in np.argsort(time, kind="stable")[:count] if np.isfinite(time[i])]
        answers.append({"problem": dict(problem), "configurations": [_configuration(points[i], names, scores[i]) for i in best]})
    return answers


def _configuration(point: np.ndarray, names: Sequence[str], score: Mapping[str, Any]) -> dict[str, Any]:
    kernel = {name: int(value) for name, value in zip(names, point)}
    return {"kernel": kernel, "RUNTIME_S": score["time"][0], "tflops": score["tflops"][0], "limiter": score["limiter"][0], "defer": score["defer"]}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="perfmodel.adapters.matmul_heuristics", description=__doc__.splitlines()[0])
    parser.add_argument("problems", help="a JSON file, a list of problems")
    parser.add_argument("--machine", default="h100-sxm")
    parser.add_argument("--count", type=int, default=8)
    given = parser.parse_args(arguments)
    with open(given.problems, encoding="utf-8") as file:
        problems = json.load(file)
    if not isinstance(problems, list):
        print("expected a list of problems", file=sys.stderr)
        return 2
    json.dump(rank(Machine.load(given.machine), problems, count=given.count), sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
