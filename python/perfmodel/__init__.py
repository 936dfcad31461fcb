"""An analytical GPU performance model and fitness oracle.

    import perfmodel as pm

    machine = pm.Machine.load("h100-sxm")
    row = {"op": "gemm", "m": 4096, "n": 4096, "k": 4096, "dtype": "bf16"}
    pm.predict(machine, [row])[0]["time"]          # seconds
    print(pm.explain_text(machine, row))

    suite = pm.suite([{**row, "impl": "triton"}])
    oracle = pm.Oracle(machine)
    scores = oracle.score_columns(suite, {"cta_m": [64, 128], "cta_n": [128, 128]}, fidelity="bound")
    scores.geomean, scores.defer

Rows have the columns of a table (docs/table-schema.md), candidates are those of `perfmodel oracle` (docs/oracle.md):
{"kernel": {...}} or {"program": ..., "moves": [...], "set": {...}}.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# What the wheel brings goes before the tree that it was built from, unless the user says otherwise.
_data = Path(__file__).with_name("data")
if _data.is_dir():
    os.environ.setdefault("PERFMODEL_DATA", str(_data))

from ._core import (  # noqa: E402
    InputError,
    Machine,
    Oracle,
    Scores,
    Suite,
    WorkError,
    explain_json,
    explain_text as _explain_text,
    machine_names,
    predict_json,
    program_names,
    suite_names,
    version,
)

Row = Mapping[str, Any]

__all__ = [
    "InputError",
    "Machine",
    "Oracle",
    "Row",
    "Scores",
    "Suite",
    "WorkError",
    "explain",
    "explain_text",
    "machine_names",
    "predict",
    "program_names",
    "suite",
    "suite_names",
    "version",
]

__version__ = version()


def _rows(rows: Sequence[Row] | Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows from a list of them, or from columns of equal length."""
    if not isinstance(rows, Mapping):
        return [dict(row) for row in rows]
    names = list(rows)
    lengths = {len(rows[name]) for name in names}
    if len(lengths) > 1:
        raise ValueError("columns of unlike length")
    return [dict(zip(names, values)) for values in zip(*(rows[name] for name in names))]


def _plain(value: Any) -> Any:
    """numpy's scalars as Python's, for JSON."""
    return value.item() if hasattr(value, "item") else str(value)


def predict(
    machine: Machine,
    rows: Sequence[Row] | Mapping[str, Sequence[Any]],
    *,
    fidelity: str = "pipeline",
    regime: str = "warm",
) -> list[dict[str, Any]]:
    """Predictions of table rows, as in the program's JSON (docs/json-schema.md): SI units, one dict a row.

    A row that cannot run has "limiter": "infeasible" and its "refusal"; one that does not read raises InputError.
    """
    return json.loads(predict_json(machine, json.dumps(_rows(rows), default=_plain), fidelity, regime))


def explain(machine: Machine, row: Row, *, fidelity: str = "pipeline", regime: str = "warm") -> dict[str, Any]:
    """The whole report on one row: prediction, limiters, what it rests on, advice."""
    return json.loads(explain_json(machine, json.dumps(dict(row), default=_plain), fidelity, regime))


def explain_text(machine: Machine, row: Row, *, fidelity: str = "pipeline", regime: str = "warm") -> str:
    """The same for people."""
    return _explain_text(machine, json.dumps(dict(row), default=_plain), fidelity, regime)


def suite(rows: Sequence[Row] | Mapping[str, Sequence[Any]], name: str = "") -> Suite:
    """The configurations that candidates are scored on, all of one op: gemm, attention or rng."""
    return Suite.from_json(json.dumps(_rows(rows), default=_plain), name)
