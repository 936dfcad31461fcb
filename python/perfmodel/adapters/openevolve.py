"""OpenEvolve: the evaluation file that it is given.

    # evaluator.py
    import perfmodel as pm
    from perfmodel.adapters.openevolve import evaluators

    evaluate, evaluate_stage1, evaluate_stage2, evaluate_stage3 = evaluators("b200", pm.Suite.shipped("avo_mha"))

Stage 1 is coverage and feasibility at the bound, stage 2 the simulation; stage 3 hands over to `measure`, which should
return TFLOPS from silicon, or repeats stage 2 where there is none. Scores are shares of `best` TFLOPS, so that
`cascade_thresholds` mean something.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import Machine, Suite
from .evaluation import Evaluation, Evaluator

Measure = Callable[[str], float]


def _result(evaluation: Evaluation, best: float) -> Any:
    metrics = {
        "combined_score": evaluation.geomean / best,
        "geomean_tflops": evaluation.geomean,
        "feasible": float(evaluation.feasible),
        "defer": float(evaluation.defer),
    }
    artifacts = {"feedback": evaluation.feedback}
    try:
        from openevolve.evaluation_result import EvaluationResult
    except ImportError:
        return metrics
    return EvaluationResult(metrics=metrics, artifacts=artifacts)


def evaluators(
    machine: Machine | str, suite: Suite, *, best: float = 1000.0, measure: Measure | None = None
) -> tuple[Callable[[str], Any], Callable[[str], Any], Callable[[str], Any], Callable[[str], Any]]:
    """evaluate, evaluate_stage1, evaluate_stage2 and evaluate_stage3 for an evaluation file."""
    evaluator = Evaluator(machine, suite)

    def evaluate(program_path: str) -> Any:
        return _result(evaluator(program_path), best)

    def evaluate_stage1(program_path: str) -> Any:
        return _result(evaluator(program_path, fidelity="bound"), best)

    def evaluate_stage2(program_path: str) -> Any:
        return _result(evaluator(program_path), best)

    def evaluate_stage3(program_path: str) -> Any:
        evaluation = evaluator(program_path)
        if measure is not None and evaluation.feasible:
            evaluation.geomean = measure(program_path)
            evaluation.defer = False
        return _result(evaluation, best)

    return evaluate, evaluate_stage1, evaluate_stage2, evaluate_stage3
