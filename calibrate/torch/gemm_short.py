"""cuBLAS GEMMs of short k through PyTorch, where what surrounds the main loop decides, into a table of the contract's columns.

    python3 gemm_short.py --out gemm_short.csv

Shapes are drawn evenly in the logarithm of each size; bf16 and fp8 (e4m3, one scale a matrix, bf16 out), random normal data,
a row-major, b column-major. `warm`: again and again, a tiny kernel between; `cold`: each after a pause of 20 ms and a fill of
256 MiB, in random order. Medians of the times that CUPTI gives for all kernels and memsets of a product, through
torch.profiler; rows whose quartiles lie more than 6 % apart are dropped. Every product is compared with one in double
precision, on samples of its rows, before it is timed.
"""

import argparse
import csv
import json
import math
import os
import random
import re
import statistics
import tempfile
import time

import torch
from torch.profiler import ProfilerActivity, profile

COLUMNS = ("op m n k dtype out_dtype impl cta_m cta_n cta_k stages cluster split_k ctas threads registers smem timer regime kernel "
           "kernels main_us other_us measured_us").split()
NAME = re.compile(r"tst_(\d+)x(\d+)_(\d+)x(\d+)_(\d+)x(\d+)_")
REPETITIONS = {"warm": 9, "cold": 8}


def shapes(count, seed):
    draw = random.Random(seed)
    found = set()
    while len(found) < count:
        m, n = (16 * round(math.exp(draw.uniform(math.log(256), math.log(12288))) / 16) for _ in range(2))
        k = 16 * round(math.exp(draw.uniform(math.log(64), math.log(1024))) / 16)
        if 2 ** 19 <= m * n <= 2 ** 25:
            found.add((m, n, k))
    return sorted(found)


def product(m, n, k, dtype):
    a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
    b = torch.randn(n, k, device="cuda", dtype=torch.bfloat16)
    if dtype == "fp8":
        a, b = a.to(torch.float8_e4m3fn), b.to(torch.float8_e4m3fn)
        one = torch.ones((), device="cuda")
        call = lambda: torch._scaled_mm(a, b.t(), scale_a=one, scale_b=one, out_dtype=torch.bfloat16)
    else:
        out = torch.empty(m, n, device="cuda", dtype=torch.bfloat16)
        call = lambda: torch.mm(a, b.t(), out=out)
    rows = torch.randint(m, (8,), device="cuda")
    expected = a[rows].double() @ b.double().t()
    error = (call()[rows].double() - expected).abs().max() / expected.abs().max()
    if not error < 0.01:
        raise SystemExit(f"gemm {m} x {n} x {k} {dtype}: off by {error:.3g} of the largest element")
    return call


def trace(calls):
    """The launches of each call, in order; a fill or a marker, both `elementwise` kernels, comes before each."""
    with profile(activities=[ProfilerActivity.CUDA]) as recorded:
        for prepare, call in calls:
            prepare()
            call()
        torch.cuda.synchronize()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace.json")
        recorded.export_chrome_trace(path)
        with open(path) as file:
            events = json.load(file)["traceEvents"]
    launches = []
    for event in sorted((e for e in events if e.get("cat") in ("kernel", "gpu_memset")), key=lambda e: e["ts"]):
        if "elementwise" in event["name"]:
            launches.append([])
        else:
            launches[-1].append(event)
    if len(launches) != len(calls):
        raise SystemExit(f"{len(launches)} products recorded for {len(calls)} made")
    return launches


def row_of(work, regime, runs):
    m, n, k, dtype = work
    mains = [max(run, key=lambda e: e["dur"]) for run in runs]
    name = NAME.search(mains[0]["name"])
    totals = sorted(sum(e["dur"] for e in run) for run in runs)
    spread = totals[3 * len(totals) // 4] / totals[len(totals) // 4] - 1
    if not name or spread > 0.06:
        return None
    cta_n, cta_m, cta_k, stages, first, second = map(int, name.groups())
    args = mains[0]["args"]
    ctas = math.prod(args["grid"])
    tiles = -(-m // cta_m) * -(-n // cta_n)
    splits = 1 if "splitK" not in mains[0]["name"] else max(1, -(-ctas // tiles))
    main = statistics.median(e["dur"] for e in mains)
    total = statistics.median(totals)
    return dict(op="gemm", m=m, n=n, k=k, dtype=dtype, out_dtype="bf16", impl="cublas", cta_m=cta_m, cta_n=cta_n, cta_k=cta_k, stages=stages,
                cluster=first * second, split_k=splits, ctas=ctas, threads=math.prod(args["block"]), registers=args["registers per thread"],
                smem=args["shared memory"], timer="cupti", regime=regime, kernel=mains[0]["name"], kernels=len(runs[0]),
                main_us=round(main, 3), other_us=round(total - main, 3), measured_us=round(total, 3))


def measure(batch, regime, marker, filled):
    calls = {work: product(*work) for work in batch}
    for call in calls.values():
        call()
        call()
    order = [work for work in batch for _ in range(REPETITIONS[regime])]
    if regime == "cold":
        random.Random(1).shuffle(order)

    def prepare():
        if regime == "warm":
            marker.add_(1)
        else:
            torch.cuda.synchronize()
            time.sleep(0.02)
            filled.fill_(1)

    launches = trace([(prepare, calls[work]) for work in order])
    for work in batch:
        runs = [launch for launch, of in zip(launches, order) if of == work]
        # The first warm run follows another product.
        yield row_of(work, regime, runs[1:] if regime == "warm" else runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--shapes", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(0)
    works = [(*shape, dtype) for shape in shapes(options.shapes, options.seed) for dtype in ("bf16", "fp8")]
    marker = torch.zeros(1, device="cuda")
    filled = torch.empty(256 << 20, device="cuda", dtype=torch.uint8)
    with open(options.out, "w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for at in range(0, len(works), 30):
            for regime in ("warm", "cold"):
                table.writerows(row for row in measure(works[at:at + 30], regime, marker, filled) if row)
                file.flush()


if __name__ == "__main__":
    main()
