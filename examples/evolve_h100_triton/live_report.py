"""What a live search found, beside the space measured after it: live_report.py OUT reads OUT/space.csv and OUT/report.json."""

import csv
import json
import os
import statistics
import sys

NAMES = "cta_m cta_n stages warps register_cap".split()


def tflops(row):
    pairs = int(row["seq_q"]) * int(row["seq_kv"]) / (2 if row["causal"] == "1" else 1)
    return 4 * int(row["batch"]) * int(row["heads"]) * pairs * int(row["head_dim"]) / float(row["measured_us"]) / 1e6


def expected_draws(count, good):
    """Draws without replacement until the first of `good` among `count`, on average."""
    return (count + 1) / (good + 1)


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "space.csv"), newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "ok"]
    measured = {tuple(int(row[name]) for name in NAMES): tflops(row) for row in rows}
    best = max(measured.values())
    near = sum(value >= 0.99 * best for value in measured.values())
    again = [abs(float(row["repeat_us"]) / float(row["measured_us"]) - 1) for row in rows if row["repeat_us"]]
    print(f"# A search on silicon\n\n{len(measured)} configurations ran afterwards; the best gives {best:.1f} TFLOPS, {near} lie within "
          f"1 % of it, and random draws would need {expected_draws(len(measured), near):.0f} measurements to meet one of these."
          + (f" Measured again, a configuration differs by {100 * statistics.median(again):.1f} % (median)." if again else "") + "\n")
    with open(os.path.join(folder, "report.json")) as file:
        report = json.load(file)
    if "versions" not in report:  # of `perfmodel evolve compare`: no git, no lineage
        for count, value in report["operators"][0]["runs"][0]["steps"]:
            print(f"- after {count} measurements {value:.1f} TFLOPS")
        return
    print("| version | measurements | search, TFLOPS | space, TFLOPS | of the best | change |\n|---|---|---|---|---|---|")
    settings = {}
    for version in report["versions"]:
        settings = version.get("candidate", {}).get("kernel", settings)
        there = measured.get(tuple(int(settings.get(name, -1)) for name in NAMES))
        shown = (f"{there:.1f}", f"{100 * there / best:.1f} %") if there else ("", "")
        print(f"| {version['version']} | {version['measurements']} | {version['fitness']['geomean']:.1f} | {shown[0]} | {shown[1]} | "
              f"{version['change']} |")


if __name__ == "__main__":
    main()
