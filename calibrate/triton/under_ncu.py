"""One row of counters for each launch of a script that ncu runs: the script prints `launched` and what was launched."""

import csv
import io
import os
import subprocess
import sys


def under_ncu(arguments, kernel, names, metrics, path):
    """Runs this script with `--counted` and the arguments, caches emptied and clocks left alone; writes names and metrics."""
    script = [sys.executable, os.path.abspath(sys.argv[0]), "--counted", *arguments]
    command = ["ncu", "--clock-control", "none", "--cache-control", "all", "--kernel-name", f"regex:{kernel}", "--metrics", ",".join(metrics), "--csv",
               "--page", "raw", *script]
    result = subprocess.run(command, capture_output=True, text=True)
    lines = result.stdout.splitlines()
    launches = [line.split()[1:] for line in lines if line.startswith("launched")]
    table = [line for line in lines if line.startswith('"')]
    if not table:
        sys.exit(result.stdout[-2000:] + result.stderr[-2000:])
    rows = list(csv.DictReader(io.StringIO("\n".join(table))))[1:]
    print(len(launches), "launches", len(rows), "rows", file=sys.stderr)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names + list(metrics.values()))
        for launch, row in zip(launches, rows):
            writer.writerow(launch + [row.get(metric, "").replace(",", "") for metric in metrics])
