"""Replay searches over the measured space: how many measurements until a configuration within 1 % of the best is found.

    python3 replay.py [--seeds 100] [--out replay.md]

For each problem of measured.csv `perfmodel evolve compare` repeats the search from a start thrown by the seed, with the
oracle (`ranked`: the model's order, corrected by what was measured) and without (`random`, `de`, `cmaes` of pagmo2, and
`surrogate`, the same Gaussian process without the model). A measurement is a row of the table.
"""

import argparse
import collections
import csv
import json
import os
import statistics
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = "batch heads kv_heads seq_q seq_kv head_dim causal dtype".split()
VARIABLES = "cta_m cta_n stages warps register_cap".split()
OPERATORS = "ranked surrogate random de cmaes".split()

SEARCH = """name: replay
machine: h100-sxm
kernel: {start}
suite: suite.csv
variables: {variables}
budget: {{evaluations: 1000000}}
supervisor: {{stall: 1000000, failures: 1000000, repeats: 200, redirections: 1000000}}
silicon: {{table: "{table}", budget: {budget}, margin: 1{compiled}}}
"""


def problems(rows):
    found = collections.defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in WORK)].append(row)
    return dict(sorted(found.items(), key=lambda item: [int(value) if value.isdigit() else value for value in item[0]]))


def write_search(folder, problem, rows, table):
    with open(os.path.join(folder, "suite.csv"), "w") as file:
        file.write(",".join(["op", *WORK, "impl", "timer", "regime"]) + "\n")
        file.write(",".join(["attention", *problem, "triton", "do_bench", "cold"]) + "\n")
    values = {name: sorted({int(row[name]) for row in rows}) for name in VARIABLES}
    start = {name: values[name][0] for name in VARIABLES}
    path = os.path.join(folder, "search.yaml")
    with open(path, "w") as file:
        file.write(SEARCH.format(start=json.dumps(start), variables=json.dumps(values), table=table, budget=len(rows), compiled=", compiled: [registers, spills, smem]"))
    return path


def compare(binary, problem, rows, table, seeds, within):
    with tempfile.TemporaryDirectory() as folder:
        path = write_search(folder, problem, rows, table)
        command = [binary, "evolve", "compare", path, "--operators", ",".join(OPERATORS), "--seeds", str(seeds), "--within",
                   str(within), "--random-start", "--json", "--quiet"]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def needed(result):
    return {each["operator"]: [run["needed"] or result["budget"] + 1 for run in each["runs"]] for each in result["operators"]}


def label(problem):
    batch, heads, _, seq, _, head_dim, causal, _ = problem
    return f"{batch} x {heads} heads, {seq}, d {head_dim}, {'causal' if causal == '1' else 'full'}"


def table_of(results, seeds, within):
    lines = [f"Measurements until within {within:g} % of the best, median of {seeds} seeds.\n",
             "| problem | rows | " + " | ".join(OPERATORS) + " |", "|---|---|" + "---|" * len(OPERATORS)]
    everything = collections.defaultdict(list)
    for problem, (count, counts) in results.items():
        medians = [statistics.median(counts[name]) for name in OPERATORS]
        lines.append(f"| {label(problem)} | {count} | " + " | ".join(f"{median:g}" for median in medians) + " |")
        for name in OPERATORS:
            everything[name] += counts[name]
    overall = {name: statistics.median(everything[name]) for name in OPERATORS}
    lines.append("| **all** | | " + " | ".join(f"**{overall[name]:g}**" for name in OPERATORS) + " |")
    lines.append("\nRatio of the medians over all problems, without the oracle to with it: " +
                 ", ".join(f"{name} {overall[name] / overall['ranked']:.1f}" for name in OPERATORS[1:]) + ".")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--perfmodel", default=os.path.join(HERE, "../../build/release/perfmodel"))
    parser.add_argument("--table", default=os.path.join(HERE, "measured.csv"))
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--within", type=float, default=1)
    parser.add_argument("--out", default="-")
    arguments = parser.parse_args()
    with open(arguments.table, newline="") as file:
        rows = list(csv.DictReader(file))
    results = {}
    for problem, those in problems(rows).items():
        result = compare(arguments.perfmodel, problem, those, os.path.abspath(arguments.table), arguments.seeds,
                         arguments.within)
        results[problem] = (len(those), needed(result))
    text = table_of(results, arguments.seeds, arguments.within)
    if arguments.out == "-":
        print(text, end="")
    else:
        with open(arguments.out, "w") as file:
            file.write(text)


if __name__ == "__main__":
    main()
