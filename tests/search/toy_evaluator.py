"""An evaluator of the protocol of search/silicon.hpp without a GPU: the "kernel" sums products in Python, and its setting
`trick` makes it cheat. Checks as an evaluator on silicon does: inputs from the hidden seed, poisoned outputs, twice. With
--compile it refuses four stages."""

import json
import math
import random
import sys

memory = []


def kernel(trick, a, b, out):
    if trick == 1 and memory:  # remembers its first answer
        out[:] = memory[0]
        return
    if trick == 3:
        raise RuntimeError("kernel \x1b[31mcrashed")
    for i in range(len(out) // 2 if trick == 2 else len(out)):  # 2: writes half of its output
        out[i] = sum(x * y for x, y in zip(a[i], b))
    memory.append(list(out))


def check(trick, seed):
    draw = random.Random(seed)
    a = [[draw.gauss(0, 1) for _ in range(8)] for _ in range(16)]
    b = [draw.gauss(0, 1) for _ in range(8)]
    out = [math.nan] * len(a)
    kernel(trick, a, b, out)
    return max((abs(o - math.fsum(x * y for x, y in zip(row, b))) if o == o else math.inf) for row, o in zip(a, out))


def main():
    with open("candidate.json") as file:
        columns = json.load(file)["kernel"]
    with open("problems.json") as file:
        asked = json.load(file)
    trick = int(columns.get("trick", 0))
    if "--compile" in sys.argv:
        fits = columns["stages"] < 4
        print(json.dumps({"correct": fits, "reason": "four stages are too many", "columns": {"registers": 128, "spills": 0, "colour": 7}}))
        return
    if trick == 4:
        print("not JSON")
        return
    if trick == 5:
        print(json.dumps({"correct": True, "times_us": [-1.0] * len(asked["problems"])}))
        return
    for round in range(2):
        error = check(trick, asked["seed"] + round)
        if not error < 1e-9:
            print(json.dumps({"correct": False, "reason": f"wrong by {error:.3g}"}))
            return
    noise = random.Random(asked["seed"]).gauss(0, 0.001)
    # Faster with more stages; and the cheats would be twice as fast.
    time = 1000 / (1 + 0.1 * columns["stages"]) * (1 + noise) / (2 if trick else 1)
    print("something first")
    print(json.dumps({"correct": True, "times_us": [time] * len(asked["problems"]), "spread": 0.003}))


if __name__ == "__main__":
    sys.exit(main())
