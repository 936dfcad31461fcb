"""The module against itself and against what the program would say."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import ATTENTION, GEMM

import perfmodel as pm


def test_a_machine_is_loaded_read_and_changed(h100: pm.Machine) -> None:
    assert h100.id == "h100-sxm"
    assert "H100" in h100.name
    assert h100.get("dram.bandwidth") == 3.35e12
    faster = h100.with_constant("dram.bandwidth", "6.7 TB/s")
    assert faster.get("dram.bandwidth") == 6.7e12
    assert h100.get("dram.bandwidth") == 3.35e12
    with pytest.raises(KeyError):
        h100.get("dram.bandwith")


def test_an_unknown_machine_names_the_nearest() -> None:
    with pytest.raises(pm.InputError, match="h100-sxm"):
        pm.Machine.load("h100-sxn")


def test_rows_are_predicted_as_a_list_and_as_columns(h100: pm.Machine) -> None:
    rows = [{**GEMM, "m": m} for m in (1024, 4096)]
    one_by_one = [pm.predict(h100, [row])[0] for row in rows]
    columns = {name: [row[name] for row in rows] for name in GEMM}
    assert pm.predict(h100, rows) == one_by_one == pm.predict(h100, columns)
    assert 0 < one_by_one[0]["time"] < one_by_one[1]["time"]
    numpy_columns = {**columns, "m": np.array([1024, 4096])}
    assert pm.predict(h100, numpy_columns) == one_by_one


def test_a_row_that_does_not_read_says_why(h100: pm.Machine) -> None:
    with pytest.raises(pm.InputError, match="row 0: 'm': expected a positive integer, not '0'"):
        pm.predict(h100, [{**GEMM, "m": 0}])
    with pytest.raises(pm.InputError, match="no column 'tile'"):
        pm.predict(h100, [{**GEMM, "tile": 3}])


def test_a_row_that_cannot_run_is_an_answer(h100: pm.Machine) -> None:
    (answer,) = pm.predict(h100, [{**GEMM, "dtype": "nvfp4"}])
    assert answer["limiter"] == "infeasible"
    assert answer["refusal"]


def test_a_report_explains_its_row(h100: pm.Machine) -> None:
    report = pm.explain(h100, GEMM)
    assert report["prediction"]["limiter"]
    assert report["provenance"]
    text = pm.explain_text(h100, GEMM)
    assert text.startswith("gemm takes ")
    assert f"on {h100.name}" in text.splitlines()[0]
    assert f"Limited by {report['prediction']['limiter']}" in text


def test_columns_and_dicts_score_the_same(h100: pm.Machine) -> None:
    suite = pm.suite([GEMM, {**GEMM, "k": 512}])
    columns = {"cta_m": [64, 128, 128, 256], "cta_n": [64, 128, 256, 256], "stages": [3, 3, 3, 12]}
    kernels = [dict(zip(columns, values)) for values in zip(*columns.values())]
    by_columns = pm.Oracle(h100).score_columns(suite, columns, fidelity="bound")
    by_dicts = pm.Oracle(h100, cache_mib=0, threads=3).score(suite, [{"kernel": k} for k in kernels], fidelity="bound")
    assert len(by_columns) == len(by_dicts) == 4
    for name in ("geomean", "tflops", "time", "lower", "upper", "feasible", "defer"):
        np.testing.assert_array_equal(getattr(by_columns, name), getattr(by_dicts, name))
    assert by_columns.tflops.shape == (4, 2)
    np.testing.assert_allclose(by_columns.geomean[0] ** 2, np.prod(by_columns.tflops[0]))


def test_a_candidate_that_does_not_fit_scores_zero_everywhere(h100: pm.Machine) -> None:
    scores = pm.Oracle(h100).score(pm.suite([GEMM, GEMM]), [{"kernel": {"cta_m": 256, "cta_n": 256, "stages": 40}}])
    assert scores.geomean[0] == 0
    assert not scores.feasible[0]
    assert scores.tflops.tolist() == [[0, 0]]
    assert "shared memory" in scores[0]["refusal"]


def test_programs_are_scored_with_settings_and_moves(b200: pm.Machine) -> None:
    suite = pm.suite([ATTENTION])
    oracle = pm.Oracle(b200)
    base = {"program": "avo_forward"}
    columns = oracle.score_columns(suite, {"emulated": [0.0, 0.25]}, base)
    dicts = oracle.score(suite, [{**base, "set": {"emulated": e}} for e in (0.0, 0.25)])
    np.testing.assert_array_equal(columns.geomean, dicts.geomean)
    assert columns.geomean[0] != columns.geomean[1]
    moved = oracle.score(suite, [{**base, "moves": [{"move": "ring_depth", "target": "KV", "value": 9}]}])
    assert "shared memory" in moved[0]["refusal"]
    assert oracle.score(suite, [{"program": "no_such"}])[0]["refusal"].startswith("unknown program")


def test_the_module_says_what_the_program_says(h100: pm.Machine, binary: Path) -> None:
    kernel = {"cta_m": 128, "cta_n": 128, "cta_k": 64, "stages": 3, "warps": 8}
    line = json.dumps({"id": 1, "configurations": [GEMM], "kernel": kernel})
    answer = subprocess.run([binary, "oracle", "--arch", "h100-sxm"], input=line, capture_output=True, text=True, check=True)
    said = json.loads(answer.stdout)
    score = pm.Oracle(h100).score(pm.suite([GEMM]), [{"kernel": kernel}])[0]
    assert said["geomean"] == score["geomean"]
    assert said["time"] == score["time"]
    assert said["limiter"] == score["limiter"]


def test_what_ships_is_listed() -> None:
    assert "b200" in pm.machine_names()
    assert "fa4_forward" in pm.program_names()
    assert pm.suite_names() == ["avo_mha", "avo_gqa4", "avo_gqa8"]
    assert len(pm.Suite.shipped("avo_mha")) == 8
