"""Problem lists of nvMatmulHeuristics and the CUTLASS profiler, answered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import perfmodel as pm
from perfmodel.adapters import matmul_heuristics

PROBLEM = {
    "m": 4096, "n": 4096, "k": 4096, "batch_count": 1, "layout": "tnn", "dtype_a": "bf16", "dtype_b": "bf16",
    "dtype_c": "bf16", "dtype_d": "bf16", "dtype_acc": "f32", "beta": 0.0, "use_fast_acc": True,
}


def test_problems_get_ranked_configurations(h100: pm.Machine) -> None:
    (answer,) = matmul_heuristics.rank(h100, [PROBLEM], count=8)
    times = [each["RUNTIME_S"] for each in answer["configurations"]]
    assert len(times) == 8
    assert times == sorted(times)
    best = answer["configurations"][0]
    (predicted,) = pm.predict(h100, [{**matmul_heuristics.row_of(PROBLEM), **best["kernel"]}])
    assert predicted["time"] == best["RUNTIME_S"]


def test_a_batch_takes_longer_and_narrow_types_shorter(h100: pm.Machine) -> None:
    fp8 = {**PROBLEM, "dtype_a": "e4m3", "dtype_b": "e4m3"}
    answers = matmul_heuristics.rank(h100, [PROBLEM, {**PROBLEM, "batch_count": 4}, fp8], count=1)
    plain, batched, narrow = (answer["configurations"][0]["RUNTIME_S"] for answer in answers)
    assert narrow < plain < batched


def test_a_problem_that_is_none_says_so(h100: pm.Machine) -> None:
    answers = matmul_heuristics.rank(h100, [{**PROBLEM, "m": 0}, {**PROBLEM, "dtype_a": "int3"}])
    assert answers[0]["error"] == "'m': expected a positive integer, not 0"
    assert answers[1]["error"].startswith("'dtype_a': unknown type 'int3'")


def test_the_command_reads_a_file(tmp_path: Path, capsys) -> None:
    file = tmp_path / "problems.json"
    file.write_text(json.dumps([PROBLEM]))
    assert matmul_heuristics.main([str(file), "--count", "2"]) == 0
    assert len(json.loads(capsys.readouterr().out)[0]["configurations"]) == 2


def test_the_kernels_that_nvmatmulheuristics_proposes_score_alike(h100: pm.Machine) -> None:
    """Both models answer the same problem for an H100: theirs with CUTLASS kernels, ours with the time of each."""
    theirs = pytest.importorskip("nvMatmulHeuristics")
    layout = theirs.NvMatmulHeuristicsMatmulLayout.TN_ROW_MAJOR
    heuristics = theirs.NvMatmulHeuristicsInterfaceEx(
        backend=theirs.NvMatmulHeuristicsTarget.CUTLASS3, gpu=theirs.NvMatmulHeuristicsNvidiaGpu.H100_SXM
    )
    problem = heuristics.makeNvMatmulHeuristicsProblem(PROBLEM["m"], PROBLEM["n"], PROBLEM["k"], layout)
    proposed = heuristics.get(problem, 16, precision="HSS")
    assert proposed
    suite = pm.suite([matmul_heuristics.row_of({**PROBLEM, "dtype_a": "f16", "dtype_b": "f16", "dtype_d": "f16"})])
    scores = pm.Oracle(h100).score(suite, [{"kernel": matmul_heuristics.kernel_of(each["kernel"])} for each in proposed])
    assert scores.feasible.all(), [scores[i]["refusal"] for i in range(len(proposed))]
    ratios = scores.time[:, 0] / np.array([each["runtime"] for each in proposed])
    assert 0.5 < ratios.min() <= ratios.max() < 2
    # The small tiles that it puts last are slow here too.
    runtimes = [each["runtime"] for each in proposed]
    assert scores.time[int(np.argmax(runtimes)), 0] > scores.time[int(np.argmin(runtimes)), 0]
