"""One Triton GEMM over tile configurations and problems, into a table of the contract's columns.

    python3 gemm_tiles.py --out gemm_tiles.csv [--time-limit 180]

Operands are random normal bf16, a row-major, b column-major; the tiles of a group of eight rows go together. Every row is
compared with torch.matmul on fresh inputs and a poisoned output before it is timed by `do_bench`, which empties the L2.
Rows are measured in random order and written at once; the same command goes on where it stopped.
"""

import argparse
import csv
import functools
import itertools
import multiprocessing
import os
import random
import sys
import time

import torch
import triton
import triton.language as tl

PROBLEMS = ((8192, 8192, 2048), (3072, 3072, 12288), (1024, 4096, 4096), (2048, 2048, 2048), (4864, 4864, 4096), (256, 8192, 8192),
            (12288, 3072, 1024), (1536, 1536, 6144))
GROUP = 8
WARMUP_MS = 10
REP_MS = 40
COLUMNS = "op m n k dtype impl cta_m cta_n cta_k stages warps tma tma_store registers spills smem timer warmup_ms rep_ms regime measured_us".split()


@triton.jit
def matmul(a, b, c, m, n, k, CTA_M: tl.constexpr, CTA_N: tl.constexpr, CTA_K: tl.constexpr, GROUP_M: tl.constexpr, TMA: tl.constexpr,
           TMA_STORE: tl.constexpr):
    tile = tl.program_id(0)
    tiles_m = tl.cdiv(m, CTA_M)
    tiles_n = tl.cdiv(n, CTA_N)
    group = tile // (GROUP_M * tiles_n)
    first = group * GROUP_M
    rows = min(tiles_m - first, GROUP_M)
    tile_m = first + (tile % (GROUP_M * tiles_n)) % rows
    tile_n = (tile % (GROUP_M * tiles_n)) // rows
    total = tl.zeros((CTA_M, CTA_N), dtype=tl.float32)
    if TMA:
        a_desc = tl.make_tensor_descriptor(a, shape=[m, k], strides=[k, 1], block_shape=[CTA_M, CTA_K])
        b_desc = tl.make_tensor_descriptor(b, shape=[n, k], strides=[k, 1], block_shape=[CTA_N, CTA_K])
        for step in range(0, tl.cdiv(k, CTA_K)):
            left = a_desc.load([tile_m * CTA_M, step * CTA_K])
            right = b_desc.load([tile_n * CTA_N, step * CTA_K])
            total = tl.dot(left, right.T, total)
        if TMA_STORE:
            c_desc = tl.make_tensor_descriptor(c, shape=[m, n], strides=[n, 1], block_shape=[CTA_M, CTA_N])
            c_desc.store([tile_m * CTA_M, tile_n * CTA_N], total.to(tl.bfloat16))
    else:
        row = tile_m * CTA_M + tl.arange(0, CTA_M)
        column = tile_n * CTA_N + tl.arange(0, CTA_N)
        depth = tl.arange(0, CTA_K)
        left_at = a + (row % m)[:, None] * k + depth[None, :]
        right_at = b + (column % n)[None, :] * k + depth[:, None]
        for step in range(0, tl.cdiv(k, CTA_K)):
            left = tl.load(left_at, mask=depth[None, :] < k - step * CTA_K, other=0.0)
            right = tl.load(right_at, mask=depth[:, None] < k - step * CTA_K, other=0.0)
            total = tl.dot(left, right, total)
            left_at += CTA_K
            right_at += CTA_K
    if not TMA or not TMA_STORE:
        row = tile_m * CTA_M + tl.arange(0, CTA_M)
        column = tile_n * CTA_N + tl.arange(0, CTA_N)
        inside = (row[:, None] < m) & (column[None, :] < n)
        tl.store(c + row[:, None] * n + column[None, :], total.to(tl.bfloat16), mask=inside)


def allocate(size, alignment, stream):
    return torch.empty(size, device="cuda", dtype=torch.int8)


def configurations():
    """cta_m, cta_n, cta_k, stages, warps, tma: those whose buffers fit and whose accumulators are not far beyond the registers."""
    for m, n, k, stages, warps, tma in itertools.product((64, 128, 256), (64, 128, 256), (32, 64, 128), (2, 3, 4, 5), (4, 8), (0, 1)):
        if stages * (m + n) * k * 2 <= 227 * 1024 and m * n // (32 * warps) <= 512:
            yield m, n, k, stages, warps, tma


def chosen(count, seed=20261127):
    """A random half of the space is as good as all of it for telling how tiles compare."""
    every = list(configurations())
    random.Random(seed).shuffle(every)
    return every[:count]


def start(configuration, a, b, c, m, n, k, warm=False, tma_store=True):
    cta_m, cta_n, cta_k, stages, warps, tma = configuration
    grid = (triton.cdiv(m, cta_m) * triton.cdiv(n, cta_n),)
    options = dict(CTA_M=cta_m, CTA_N=cta_n, CTA_K=cta_k, GROUP_M=GROUP, TMA=tma, TMA_STORE=tma and tma_store, num_warps=warps, num_stages=stages)
    if warm:
        return matmul.warmup(a, b, c, m, n, k, grid=grid, **options)
    return matmul[grid](a, b, c, m, n, k, **options)


def compile_one(configuration, tma_store=True):
    """Compiles into the cache on disk; the launches of the parent find it there."""
    try:
        start(configuration, torch.bfloat16, torch.bfloat16, torch.bfloat16, 4096, 4096, 4096, warm=True, tma_store=tma_store)
        return configuration, ""
    except Exception as error:
        return configuration, type(error).__name__


def measure(configuration, problem, tma_store):
    m, n, k = problem
    a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
    b = torch.randn(n, k, device="cuda", dtype=torch.bfloat16)
    c = torch.full((m, n), float("nan"), device="cuda", dtype=torch.bfloat16)
    kernel = start(configuration, a, b, c, m, n, k, tma_store=tma_store)
    reference = torch.matmul(a, b.T).float()
    error = ((c.float() - reference).norm() / reference.norm()).item()
    if not error < 1e-2:
        raise RuntimeError(f"wrong by {error:.3g}")
    middle = triton.testing.do_bench(lambda: start(configuration, a, b, c, m, n, k, tma_store=tma_store), warmup=WARMUP_MS, rep=REP_MS, return_mode="median")
    cta_m, cta_n, cta_k, stages, warps, tma = configuration
    return dict(op="gemm", m=m, n=n, k=k, dtype="bf16", impl="triton", cta_m=cta_m, cta_n=cta_n, cta_k=cta_k, stages=stages, warps=warps,
                tma=tma, tma_store=int(tma and tma_store), registers=kernel.n_regs, spills=kernel.n_spills, smem=kernel.metadata.shared, timer="do_bench", warmup_ms=WARMUP_MS, rep_ms=REP_MS, regime="cold",
                measured_us=round(1e3 * middle, 3))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="gemm_tiles.csv")
    parser.add_argument("--time-limit", type=float, default=180, help="seconds for everything")
    parser.add_argument("--count", type=int, default=130, help="configurations")
    parser.add_argument("--pointer-store", action="store_true", help="descriptors for the operands alone")
    arguments = parser.parse_args()
    end = time.monotonic() + arguments.time_limit
    triton.set_allocator(allocate)
    space = chosen(arguments.count)
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        refused = {c: why for c, why in pool.imap_unordered(functools.partial(compile_one, tma_store=not arguments.pointer_store), space) if why}
    print(f"{len(space)} kernels, {len(refused)} refused", file=sys.stderr, flush=True)

    done = set()
    if os.path.exists(arguments.out):
        with open(arguments.out, newline="") as file:
            done = {tuple(int(row[c]) for c in COLUMNS[1:4] + COLUMNS[6:12]) for row in csv.DictReader(file)}
    jobs = [(c, p) for c in space for p in PROBLEMS if c not in refused and (*p, *c) not in done]
    random.shuffle(jobs)
    with open(arguments.out, "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if not done:
            writer.writeheader()
        for number, (configuration, problem) in enumerate(jobs):
            if time.monotonic() > end:
                print(f"stopped at the time limit: {number} of {len(jobs)} rows", file=sys.stderr)
                return
            try:
                writer.writerow(measure(configuration, problem, not arguments.pointer_store))
            except Exception as error:
                print(f"{configuration} {problem}: {type(error).__name__} {str(error)[:100]}", file=sys.stderr, flush=True)
            file.flush()
    print(f"{len(jobs)} rows", file=sys.stderr)


if __name__ == "__main__":
    main()
