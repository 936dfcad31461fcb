"""What the adapters share: a candidate file scored on a suite, and what a language model should be told of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import Machine, Oracle, Suite

MOST_BYTES = 256 * 1024


class CandidateError(ValueError):
    """A candidate file that holds no candidate."""


def read_candidate(path: str | Path) -> dict[str, Any]:
    """The candidate in a file: JSON of the oracle's protocol, or the text of a kernel program (YAML).

    Frameworks that evolve source files keep it between markers; of such a file only the part between lines with
    EVOLVE-BLOCK-START and EVOLVE-BLOCK-END counts.
    """
    raw = Path(path).read_bytes()
    if len(raw) > MOST_BYTES:
        raise CandidateError(f"{len(raw)} bytes, {MOST_BYTES} are the most")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CandidateError("not UTF-8") from error
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if "EVOLVE-BLOCK-START" in line]
    ends = [i for i, line in enumerate(lines) if "EVOLVE-BLOCK-END" in line]
    if starts and ends and starts[0] < ends[-1]:
        text = "\n".join(lines[starts[0] + 1 : ends[-1]])
    text = text.strip()
    if not text.startswith("{"):
        return {"program": text + "\n"}
    try:
        candidate = json.loads(text)
    except ValueError as error:
        raise CandidateError(f"malformed JSON: {error}") from error
    if not isinstance(candidate, dict):
        raise CandidateError("a candidate is a JSON object")
    return candidate


@dataclass
class Evaluation:
    """A score in the words of the frameworks."""

    geomean: float = 0.0  # TFLOPS
    feasible: bool = False
    defer: bool = False
    feedback: str = ""
    score: Mapping[str, Any] = field(default_factory=dict)


class Evaluator:
    """Scores candidate files; keeps the machine and the suite."""

    def __init__(self, machine: Machine | str, suite: Suite, *, cut: float = 0.02) -> None:
        self.machine = Machine.load(machine) if isinstance(machine, str) else machine
        self.suite = suite
        self.cut = cut
        self._oracle = Oracle(self.machine)

    def __call__(self, path: str | Path, *, fidelity: str = "pipeline", incumbent: float = 0.0) -> Evaluation:
        """Never raises for what is in the file: a bad candidate scores zero."""
        try:
            candidate = read_candidate(path)
            score = self._oracle.score(
                self.suite, [candidate], fidelity=fidelity, incumbent=incumbent, cut=self.cut
            )[0]
        except (OSError, TypeError, ValueError) as error:
            return Evaluation(feedback=f"refused: {error}")
        return Evaluation(score["geomean"], score["feasible"], score["defer"], feedback_of(score), score)


def feedback_of(score: Mapping[str, Any]) -> str:
    """A few lines on why a candidate scores what it does."""
    if not score["feasible"]:
        return f"refused: {score['refusal']}"
    lines = []
    for i, (tflops, limiter, second, slack) in enumerate(
        zip(score["tflops"], score["limiter"], score["second"], score["slack"])
    ):
        lines.append(f"configuration {i}: {tflops:.0f} TFLOPS, limited by {limiter}, then {second} ({100 * slack:.0f} % behind)")
    if score["defer"]:
        lines.append("measure it: " + ", ".join(score["reasons"]))
    return "\n".join(lines)
