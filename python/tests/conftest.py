"""What several tests need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import perfmodel as pm

GEMM = {"op": "gemm", "m": 4096, "n": 4096, "k": 4096, "dtype": "bf16", "impl": "triton"}
ATTENTION = {"op": "attention", "batch": 1, "heads": 16, "seq_q": 8192, "head_dim": 128, "dtype": "bf16", "impl": "avo"}


@pytest.fixture(scope="session")
def h100() -> pm.Machine:
    return pm.Machine.load("h100-sxm")


@pytest.fixture(scope="session")
def b200() -> pm.Machine:
    return pm.Machine.load("b200")


@pytest.fixture(scope="session")
def binary() -> Path:
    """The command-line program, for the MCP server."""
    path = Path(os.environ.get("PERFMODEL_BINARY", Path(__file__).parents[2] / "build/release/perfmodel"))
    if not path.is_file():
        pytest.skip(f"no program at {path}: run make build")
    return path
