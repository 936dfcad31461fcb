"""Evaluator of `perfmodel evolve` for the Triton attention kernel of this folder, on the GPU at hand.

    python3 evaluate.py             reads candidate.json and problems.json of its folder, prints what it found as JSON
    python3 evaluate.py --compile   only compiles, which needs no GPU: registers, spills and shared memory as compiled

A configuration is compiled, run on inputs that are drawn here from the seed of problems.json (which a candidate never
sees) into outputs that hold NaN, compared with SDPA and with float64, run again on other inputs, so that a remembered
answer shows, and then timed from outside: single launches between events, the L2 cleared before each.
"""

import json
import os
import re
import statistics
import subprocess
import sys

os.environ.setdefault("TRITON_CACHE_DIR", os.path.join(os.environ.get("WORK", "."), ".triton"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import triton  # noqa: E402

from attention_bench import Configuration, Inputs, Problem, TOLERANCE, compile_kernel, times_us  # noqa: E402

ROUNDS = 3  # measurements of a problem, each on fresh inputs
BUDGET_MS = 30
LARGEST_SMEM = 227 * 1024  # of a CTA on Hopper


def fail(reason):
    print(json.dumps({"correct": False, "reason": reason}))
    sys.exit(0)


def read():
    folder = os.environ.get("WORK", ".")
    with open(os.path.join(folder, "candidate.json")) as file:
        columns = json.load(file)["kernel"]
    with open(os.path.join(folder, "problems.json")) as file:
        asked = json.load(file)
    names = ("cta_m", "cta_n", "stages", "warps", "register_cap")
    configuration = Configuration(*(int(columns.get(name, 0)) for name in names))
    problems = [Problem(p["batch"], p["heads"], p["seq_q"], p["head_dim"], bool(p["causal"])) for p in asked["problems"]]
    return configuration, problems, asked["seed"]


def resources(kernel):
    """Registers, spilled registers and shared memory, read from the machine code's own notes."""
    found = {"smem": kernel.metadata.shared}
    tool = os.path.join(os.path.dirname(triton.__file__), "backends", "nvidia", "bin", "cuobjdump")
    cubin = os.path.join(os.environ.get("WORK", "."), "kernel.cubin")
    with open(cubin, "wb") as file:
        file.write(kernel.kernel)
    try:
        text = subprocess.run([tool, "-res-usage", cubin], capture_output=True, text=True, timeout=60).stdout
    except OSError:
        return found
    if match := re.search(r"REG:(\d+)", text):
        found["registers"] = int(match.group(1))
    if match := re.search(r"STACK:(\d+)", text):
        found["spills"] = int(match.group(1)) // 4
    return found


def checked_times(kernel, configuration, problem, seed):
    inputs = Inputs(problem, seed)
    launch = inputs.launcher(kernel, configuration)
    launch()
    error = inputs.largest_error()
    if not error <= TOLERANCE:
        fail(f"wrong by {error:.3g} at {problem}")
    return times_us(launch, BUDGET_MS)


def main():
    configuration, problems, seed = read()
    kernels = {}
    for problem in problems:
        if problem.seq % configuration.cta_m or problem.seq % configuration.cta_n:
            fail(f"a sequence of {problem.seq} is no multiple of the tile")
        key = (problem.head_dim, problem.causal)
        if key in kernels:
            continue
        if configuration.accumulators(problem.head_dim) > 1.5 * (configuration.register_cap or 255):
            fail("the accumulators alone are more than 1.5 times a thread's registers")
        try:
            kernels[key] = compile_kernel(configuration, *key)
        except Exception as error:
            fail(f"does not compile: {type(error).__name__}")
        if kernels[key].metadata.shared > LARGEST_SMEM:
            fail(f"{kernels[key].metadata.shared} bytes of shared memory, {LARGEST_SMEM} are the most of a CTA")
    if "--compile" in sys.argv[1:]:
        worst = {}
        for kernel in kernels.values():
            for name, value in resources(kernel).items():
                worst[name] = max(worst.get(name, 0), value)
        print(json.dumps({"correct": True, "columns": worst}))
        return
    times, spreads = [], []
    for index, problem in enumerate(problems):
        rounds = [statistics.median(checked_times(kernels[problem.head_dim, problem.causal], configuration, problem,
                                                  seed + 1000 * index + round))
                  for round in range(ROUNDS)]
        times.append(statistics.median(rounds))
        spreads.append((max(rounds) - min(rounds)) / statistics.median(rounds))
    print(json.dumps({"correct": True, "times_us": times, "spread": statistics.median(spreads)}))


if __name__ == "__main__":
    main()
