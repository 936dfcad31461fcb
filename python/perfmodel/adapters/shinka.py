"""ShinkaEvolve: metrics.json and correct.json in its results folder.

    python -m perfmodel.adapters.shinka --program_path candidate.json --results_dir out --machine b200 --suite avo_mha

It is what `evaluate.py` of a ShinkaEvolve task is: a process that is given a program and a folder.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .. import Suite
from .evaluation import Evaluation, Evaluator


def metrics_of(evaluation: Evaluation) -> dict[str, Any]:
    """metrics.json: combined_score is maximised; public goes into prompts, private does not."""
    score = evaluation.score
    return {
        "combined_score": evaluation.geomean,
        "public": {"geomean_tflops": evaluation.geomean, "tflops": list(score.get("tflops", []))},
        "private": {"defer": evaluation.defer, "stage": score.get("stage", "refused")},
        "extra_data": {"reasons": list(score.get("reasons", []))},
        "text_feedback": evaluation.feedback,
    }


def correct_of(evaluation: Evaluation) -> dict[str, Any]:
    """correct.json: a candidate that is refused is not correct, and says why."""
    return {"correct": evaluation.feasible, "error": None if evaluation.feasible else evaluation.feedback}


def write_results(evaluation: Evaluation, results_dir: str | Path) -> None:
    folder = Path(results_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(metrics_of(evaluation), indent=2) + "\n")
    (folder / "correct.json").write_text(json.dumps(correct_of(evaluation), indent=2) + "\n")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="perfmodel.adapters.shinka", description=__doc__.splitlines()[0])
    parser.add_argument("--program_path", required=True)
    parser.add_argument("--results_dir", required=True)
    parser.add_argument("--machine", default="h100-sxm")
    parser.add_argument("--suite", default="avo_mha")
    parser.add_argument("--fidelity", default="pipeline", choices=["bound", "pipeline"])
    given = parser.parse_args(arguments)
    evaluator = Evaluator(given.machine, Suite.shipped(given.suite))
    write_results(evaluator(given.program_path, fidelity=given.fidelity), given.results_dir)


if __name__ == "__main__":
    main()
