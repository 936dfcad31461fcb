"""What the tiles of a Triton attention kernel take of an SM, in cycles: counters of one launch a configuration under ncu.

    python3 attention_tile_counters.py --out DIR

Two kernels: `own`, that of examples/evolve_h100_triton, and `scaled`, which multiplies the scores by the scale before it
takes their maximum and goes over the tiles from the first to the last. Compiled by Triton 3.6, `scaled` has the
registers, spills and shared memory of every row of validate/data/h100-sxm/attention_tiles.csv. Cycles do not depend on
what the clock does meanwhile, times do. Writes DIR/attention_tile_counters.csv.
"""

import argparse
import itertools
import multiprocessing
import os
import sys

import torch
import triton
import triton.language as tl

from under_ncu import under_ncu

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/evolve_h100_triton"))
from attention_kernel import attention_forward  # noqa: E402

SEQ = 4096
HEADS = {"own": 40, "scaled": 64}
STALLS = ("long_scoreboard barrier gmma wait math_pipe_throttle mio_throttle short_scoreboard not_selected dispatch_stall").split()
METRICS = {
    "gpu__time_duration.sum": "ns", "sm__cycles_elapsed.max": "cycles", "sm__cycles_active.avg": "active", "smsp__inst_executed.sum": "instructions",
    "smsp__issue_active.sum": "issued", "sm__inst_executed_pipe_tensor_op_gmma.sum": "wgmma", "smsp__inst_executed_pipe_xu.sum": "xu",
    "smsp__inst_executed_pipe_alu.sum": "alu", "smsp__inst_executed_pipe_fma.sum": "fma", "smsp__inst_executed_pipe_lsu.sum": "lsu",
    "sm__warps_active.avg.per_cycle_active": "warps_active", "lts__t_sectors_op_read.sum": "l2_read_sectors", "dram__bytes_read.sum": "dram_read",
    "l1tex__t_sectors_pipe_lsu_mem_local_op_ld.sum": "local_load_sectors", "launch__registers_per_thread": "registers",
} | {f"smsp__average_warps_issue_stalled_{stall}_per_issue_active.ratio": f"stall_{stall}" for stall in STALLS}


@triton.jit
def scaled_tiles(acc, row_max, row_sum, q, k_base, v_base, scale, first, last, rows, columns, depth, CTA_N: tl.constexpr, HEAD_DIM: tl.constexpr,
                 MASKED: tl.constexpr):
    for start in range(first, last, CTA_N):
        k = tl.load(k_base + (start + columns)[None, :] * HEAD_DIM + depth[:, None])
        scores = tl.dot(q, k) * scale
        if MASKED:
            scores = tl.where(rows[:, None] >= start + columns[None, :], scores, float("-inf"))
        new_max = tl.maximum(row_max, tl.max(scores, 1))
        p = tl.exp2(scores - new_max[:, None])
        rescale = tl.exp2(row_max - new_max)
        row_sum = row_sum * rescale + tl.sum(p, 1)
        acc = acc * rescale[:, None]
        v = tl.load(v_base + (start + columns)[:, None] * HEAD_DIM + depth[None, :])
        acc = tl.dot(p.to(tl.bfloat16), v, acc)
        row_max = new_max
    return acc, row_max, row_sum


@triton.jit
def attention_scaled(q_base, k_base, v_base, o_base, seq, scale, CTA_M: tl.constexpr, CTA_N: tl.constexpr, HEAD_DIM: tl.constexpr, CAUSAL: tl.constexpr):
    tile = tl.program_id(0)
    head = tl.program_id(1).to(tl.int64) * seq * HEAD_DIM
    rows = tile * CTA_M + tl.arange(0, CTA_M)
    columns = tl.arange(0, CTA_N)
    depth = tl.arange(0, HEAD_DIM)
    q = tl.load(q_base + head + rows[:, None] * HEAD_DIM + depth[None, :])
    acc = tl.zeros([CTA_M, HEAD_DIM], tl.float32)
    row_max = tl.full([CTA_M], float("-inf"), tl.float32)
    row_sum = tl.zeros([CTA_M], tl.float32)
    full = tile * CTA_M if CAUSAL else seq
    acc, row_max, row_sum = scaled_tiles(acc, row_max, row_sum, q, k_base + head, v_base + head, scale, 0, full, rows, columns, depth, CTA_N, HEAD_DIM, False)
    if CAUSAL:
        acc, row_max, row_sum = scaled_tiles(acc, row_max, row_sum, q, k_base + head, v_base + head, scale, full, (tile + 1) * CTA_M, rows, columns, depth,
                                             CTA_N, HEAD_DIM, True)
    tl.store(o_base + head + rows[:, None] * HEAD_DIM + depth[None, :], (acc / row_sum[:, None]).to(tl.bfloat16))


KERNELS = {"own": attention_forward, "scaled": attention_scaled}


def configurations():
    """kernel, cta_m, cta_n, stages, warps, head_dim, causal: scores and output of a thread are at most 384 registers."""
    for kernel, head_dim, m, n, stages, warps, causal in itertools.product(KERNELS, (64, 128), (64, 128, 256), (32, 64, 128), (2, 3, 4), (4, 8), (0, 1)):
        if m * (n + head_dim) // (32 * warps) <= 384:
            yield kernel, m, n, stages, warps, head_dim, causal


def options(configuration):
    _, m, n, stages, warps, head_dim, causal = configuration
    return dict(CTA_M=m, CTA_N=n, HEAD_DIM=head_dim, CAUSAL=bool(causal), num_warps=warps, num_stages=stages)


def compile_one(configuration):
    """Compiles into the cache on disk; the launches under ncu find it there."""
    KERNELS[configuration[0]].warmup(*[torch.bfloat16] * 4, SEQ, 0.18, grid=(1,), **options(configuration))


def counted():
    """Runs inside ncu."""
    for (kernel, head_dim), group in itertools.groupby(configurations(), key=lambda c: (c[0], c[5])):
        q, k, v, out = (torch.randn(HEADS[kernel], SEQ, head_dim, device="cuda", dtype=torch.bfloat16) for _ in range(4))
        for configuration in group:
            grid = (SEQ // configuration[1], HEADS[kernel])
            try:
                KERNELS[kernel][grid](q, k, v, out, SEQ, 1.4427 / head_dim**0.5, **options(configuration))
                torch.cuda.synchronize()
            except triton.runtime.errors.OutOfResources:
                continue
            print("launched", *configuration, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=".")
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.counted:
        return counted()
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        list(pool.imap_unordered(compile_one, configurations()))
    names = "kernel cta_m cta_n stages warps head_dim causal".split()
    under_ncu([], "attention", names, METRICS, os.path.join(arguments.out, "attention_tile_counters.csv"))


if __name__ == "__main__":
    main()
