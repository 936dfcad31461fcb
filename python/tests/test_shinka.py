"""Results as ShinkaEvolve itself reads them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

general = pytest.importorskip("shinka.utils.general")


def results_of(tmp_path: Path, program: str) -> dict:
    file = tmp_path / "candidate.json"
    file.write_text(program)
    subprocess.run(
        [sys.executable, "-m", "perfmodel.adapters.shinka", "--program_path", file, "--results_dir", tmp_path / "out",
         "--machine", "b200", "--suite", "avo_mha"],
        check=True,
    )
    return general.load_results(str(tmp_path / "out"))


def test_a_program_that_covers_the_work_is_correct(tmp_path: Path) -> None:
    results = results_of(tmp_path, json.dumps({"program": "fa4_forward"}))
    assert results["correct"]["correct"] is True
    metrics = results["metrics"]
    assert metrics["combined_score"] == metrics["public"]["geomean_tflops"] > 0
    assert len(metrics["public"]["tflops"]) == 8
    assert metrics["text_feedback"].count("limited by") == 8


def test_a_program_that_does_not_is_not(tmp_path: Path) -> None:
    results = results_of(tmp_path, json.dumps({"program": "gemm_tcgen05"}))
    assert results["correct"]["correct"] is False
    assert results["correct"]["error"].startswith("refused: ")
    assert results["metrics"]["combined_score"] == 0


def test_only_the_part_between_markers_counts(tmp_path: Path) -> None:
    program = '# EVOLVE-BLOCK-START\n{"program": "fa4_forward"}\n# EVOLVE-BLOCK-END\nrest'
    assert results_of(tmp_path, program)["correct"]["correct"] is True
