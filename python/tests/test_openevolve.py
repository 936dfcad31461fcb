"""The evaluation file as OpenEvolve itself runs it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

config = pytest.importorskip("openevolve.config")
evaluator_module = pytest.importorskip("openevolve.evaluator")

EVALUATION = """
import perfmodel as pm
from perfmodel.adapters.openevolve import evaluators

ROW = {"op": "attention", "batch": 1, "heads": 16, "seq_q": 8192, "head_dim": 128, "dtype": "bf16", "impl": "avo"}
evaluate, evaluate_stage1, evaluate_stage2, evaluate_stage3 = evaluators(
    "b200", pm.suite([ROW]), best=1600, measure=lambda path: 1234.0)
"""


def evaluated(tmp_path: Path, program: str, cascade: bool) -> tuple[dict, dict]:
    file = tmp_path / "evaluation.py"
    file.write_text(EVALUATION)
    settings = config.EvaluatorConfig(cascade_evaluation=cascade, cascade_thresholds=[0.5, 0.6, 0.9], timeout=60)
    evaluator = evaluator_module.Evaluator(settings, str(file))
    metrics = asyncio.run(evaluator.evaluate_program(program, "p"))
    return metrics, evaluator.get_pending_artifacts("p") or {}


def test_a_program_gets_its_throughput_and_feedback(tmp_path: Path) -> None:
    metrics, artifacts = evaluated(tmp_path, json.dumps({"program": "avo_forward", "set": {"emulated": 0.25}}), cascade=False)
    assert metrics["feasible"] == 1
    assert metrics["combined_score"] == pytest.approx(metrics["geomean_tflops"] / 1600)
    assert "limited by" in artifacts["feedback"]


def test_a_good_program_goes_through_the_cascade_to_silicon(tmp_path: Path) -> None:
    metrics, _ = evaluated(tmp_path, json.dumps({"program": "avo_forward"}), cascade=True)
    assert metrics["geomean_tflops"] == 1234


def test_a_bad_program_stops_at_the_first_stage(tmp_path: Path) -> None:
    metrics, artifacts = evaluated(tmp_path, json.dumps({"program": "avo_forward", "set": {"kv_slots": 12}}), cascade=True)
    assert metrics["combined_score"] == 0
    assert metrics["feasible"] == 0
    assert "shared memory" in artifacts["feedback"]


def test_what_is_no_program_scores_zero(tmp_path: Path) -> None:
    metrics, artifacts = evaluated(tmp_path, "{not json", cascade=False)
    assert metrics["combined_score"] == 0
    assert artifacts["feedback"].startswith("refused: malformed JSON")
