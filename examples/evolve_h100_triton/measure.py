"""Measure the whole space of Triton attention configurations once, on a GPU, into a table of the contract's columns.

    python3 measure.py --out measured.csv [--time-limit 360] [--problem BATCH,HEADS,SEQUENCE,HEAD_DIM,CAUSAL]

Kernels are compiled first, in one worker process a core; then every row is checked and timed in random order, twice when
time allows. Rows are appended as they come: run it again with the same --out and it goes on where it stopped. A row that
could not run has no time and says why in `status`.
"""

import argparse
import csv
import itertools
import math
import multiprocessing
import os
import random
import sys
import time

from attention_bench import Configuration, Inputs, Problem, TOLERANCE, compile_kernel, median_us

SHAPES = ((4, 32, 1024), (1, 40, 4096), (2, 12, 8192))  # batch, heads, sequence
HEAD_DIMS = (64, 128)
ORDER_SEED = 20260317
COLUMNS = ("op batch heads kv_heads seq_q seq_kv head_dim causal dtype dropout pass impl cta_m cta_n stages warps registers spills "
           "smem timer regime measured_us register_cap repeat_us status").split()
KEY = "batch heads seq_q head_dim causal cta_m cta_n stages warps register_cap".split()


def configurations(head_dim):
    """The space: tiles, depth of the load pipeline, warps, register cap. Left out is what keeps more than 1.5 times a thread's
    registers in accumulators: it compiles for minutes and can only spill."""
    for values in itertools.product((64, 128, 256), (32, 64, 128), (2, 3, 4), (4, 8), (0, 96, 128, 168)):
        configuration = Configuration(*values)
        if configuration.accumulators(head_dim) <= 1.5 * (configuration.register_cap or 255):
            yield configuration


def all_problems():
    return [Problem(*shape, d, causal) for shape in SHAPES for d in HEAD_DIMS for causal in (False, True)]


def read_problem(text):
    *shape, causal = map(int, text.split(","))
    return Problem(*shape, bool(causal))


def all_kernels(problems):
    kinds = dict.fromkeys((problem.head_dim, problem.causal) for problem in problems)
    kernels = [(c, d, causal) for d, causal in kinds for c in configurations(d)]
    random.Random(ORDER_SEED).shuffle(kernels)
    return kernels


def all_rows(kernels, problems):
    rows = [(c, problem) for (c, d, causal) in kernels for problem in problems if (problem.head_dim, problem.causal) == (d, causal)]
    random.Random(ORDER_SEED + 1).shuffle(rows)
    return rows


def compile_one(kernel):
    try:
        compile_kernel(*kernel)
        return kernel, ""
    except Exception as error:  # the compiler's refusal is an answer: it goes to the table
        return kernel, f"compile: {type(error).__name__}"


def compile_all(kernels, workers, deadline):
    """Outcome of each kernel that was compiled before the deadline: '' or the refusal."""
    outcome = {}
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        results = pool.imap_unordered(compile_one, kernels)
        try:
            while len(outcome) < len(kernels):
                kernel, refusal = results.next(timeout=max(0.1, deadline - time.monotonic()))
                outcome[kernel] = refusal
                if len(outcome) % 50 == 0:
                    print(f"compiled {len(outcome)} of {len(kernels)}", file=sys.stderr, flush=True)
        except multiprocessing.TimeoutError:
            print(f"compiling stopped at its deadline: {len(outcome)} of {len(kernels)} kernels", file=sys.stderr)
        pool.terminate()
    return outcome


def key_of(configuration, problem):
    return tuple(str(value) for value in (problem.batch, problem.heads, problem.seq, problem.head_dim, int(problem.causal),
                                          configuration.cta_m, configuration.cta_n, configuration.stages, configuration.warps,
                                          configuration.register_cap))


def row_of(configuration, problem, **measured):
    row = dict(op="attention", batch=problem.batch, heads=problem.heads, kv_heads=problem.heads, seq_q=problem.seq,
               seq_kv=problem.seq, head_dim=problem.head_dim, causal=int(problem.causal), dtype="bf16", dropout="0.0",
               impl="triton", cta_m=configuration.cta_m, cta_n=configuration.cta_n, stages=configuration.stages,
               warps=configuration.warps, timer="do_bench", regime="cold", register_cap=configuration.register_cap)
    return row | {"pass": "fwd"} | measured


def measure(configuration, problem, refusal, budget_ms):
    if refusal:
        return row_of(configuration, problem, status=refusal)
    kernel = compile_kernel(configuration, problem.head_dim, problem.causal)
    inputs = Inputs(problem, int.from_bytes(os.urandom(4), "little"))
    try:
        launch = inputs.launcher(kernel, configuration)
    except Exception as error:
        return row_of(configuration, problem, smem=kernel.metadata.shared, status=f"load: {type(error).__name__}")
    compiled = dict(registers=kernel.n_regs, spills=kernel.n_spills, smem=kernel.metadata.shared)
    launch()
    error = inputs.largest_error()
    if not error <= TOLERANCE:
        return row_of(configuration, problem, **compiled, status=f"wrong by {error:.3g}")
    return row_of(configuration, problem, **compiled, measured_us=round(median_us(launch, budget_ms), 3), status="ok")


def read_rows(path):
    if not os.path.exists(path):
        return {}
    with open(path, newline="") as file:
        return {tuple(row[k] for k in KEY): row for row in csv.DictReader(file) if row.get("status")}


def first_pass(rows, outcome, arguments, deadline):
    done = read_rows(arguments.out)
    fresh = not done
    with open(arguments.out, "w" if fresh else "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        if fresh:
            writer.writeheader()
        for configuration, problem in rows:
            kernel = (configuration, problem.head_dim, problem.causal)
            if key_of(configuration, problem) in done or kernel not in outcome:
                continue
            if time.monotonic() > deadline:
                return False
            try:
                writer.writerow(measure(configuration, problem, outcome[kernel], arguments.budget_ms))
            except Exception as error:  # a fault on the GPU spoils the whole context: note it and start afresh
                writer.writerow(row_of(configuration, problem, status=f"crash: {type(error).__name__}"))
                file.flush()
                print(f"{configuration} {problem}: {error}", file=sys.stderr, flush=True)
                os.execv(sys.executable, [sys.executable, *sys.argv, f"--started={arguments.started}"])
            file.flush()
    return True


def second_pass(rows, arguments, deadline):
    """Times the rows again at another moment into repeat_us: what remains of noise between two measurements."""
    done = read_rows(arguments.out)
    for configuration, problem in reversed(rows):
        row = done.get(key_of(configuration, problem))
        if row is None or row["status"] != "ok" or row["repeat_us"]:
            continue
        if time.monotonic() > deadline:
            break
        inputs = Inputs(problem, int.from_bytes(os.urandom(4), "little"))
        kernel = compile_kernel(configuration, problem.head_dim, problem.causal)
        row["repeat_us"] = round(median_us(inputs.launcher(kernel, configuration), arguments.budget_ms), 3)
    with open(arguments.out + ".new", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(done.values(), key=lambda row: [int(row[k]) for k in KEY]))
    os.replace(arguments.out + ".new", arguments.out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="measured.csv")
    parser.add_argument("--time-limit", type=float, default=360, help="seconds for everything")
    parser.add_argument("--problem", type=read_problem, action="append", help="instead of the twelve of the table")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--budget-ms", type=float, default=25, help="time on the GPU a row and pass")
    parser.add_argument("--count", action="store_true", help="print the size of the space and stop")
    parser.add_argument("--compile-only", action="store_true", help="no GPU: compile what the time limit allows and stop")
    parser.add_argument("--started", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.started = arguments.started or time.monotonic()
    end = arguments.started + arguments.time_limit

    problems = arguments.problem or all_problems()
    kernels = all_kernels(problems)
    rows = all_rows(kernels, problems)
    if arguments.count:
        print(f"{len(kernels)} kernels, {len(rows)} rows")
        return
    share = 1.0 if arguments.compile_only else 0.6
    outcome = compile_all(kernels, arguments.workers, arguments.started + share * arguments.time_limit)
    print(f"{len(outcome)} kernels after {time.monotonic() - arguments.started:.0f} s, "
          f"{sum(map(bool, outcome.values()))} refused by the compiler", file=sys.stderr, flush=True)
    if arguments.compile_only:
        return
    complete = first_pass(rows, outcome, arguments, end - 15)
    print(f"first pass {'complete' if complete else 'stopped'} after {time.monotonic() - arguments.started:.0f} s",
          file=sys.stderr, flush=True)
    second_pass(rows, arguments, end - 5)
    status = [row["status"] for row in read_rows(arguments.out).values()]
    print(f"{len(status)} rows, {status.count('ok')} measured, after {time.monotonic() - arguments.started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
