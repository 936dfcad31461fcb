"""What the tiles of gemm_tiles.py ask of the memory system, and what their launches cost: counters and short kernels.

    python3 gemm_tile_counters.py --out DIR [--count 130]

Writes DIR/counters.csv: one launch a configuration under ncu with the caches emptied and the clocks left alone, and
DIR/starts.csv: do_bench times of one wave of tiles over a growing k, whose intercept is what a CTA pays around its loop.
"""

import argparse
import csv
import os

import torch
import triton

import gemm_tiles as tiles
from under_ncu import under_ncu

PROBLEMS = ((4864, 4864, 4096), (1024, 4096, 4096))
METRICS = {
    "gpu__time_duration.sum": "ns", "sm__cycles_elapsed.max": "sm_cycles", "lts__t_sectors_op_read.sum": "l2_read_sectors",
    "lts__t_sectors_op_write.sum": "l2_write_sectors", "lts__t_sectors_srcunit_tex.sum": "l2_tex_sectors",
    "l1tex__m_xbar2l1tex_read_sectors.sum": "xbar_read_sectors", "l1tex__m_l1tex2xbar_write_sectors.sum": "xbar_write_sectors",
    "dram__bytes_read.sum": "dram_read", "dram__bytes_write.sum": "dram_write",
    "l1tex__t_sectors_pipe_lsu_mem_local_op_ld.sum": "local_load_sectors", "l1tex__t_sectors_pipe_lsu_mem_local_op_st.sum": "local_store_sectors",
    "l1tex__t_sectors_pipe_lsu_mem_local_op_ld_lookup_hit.sum": "local_load_hits", "smsp__inst_executed.sum": "instructions",
    "smsp__average_warps_issue_stalled_long_scoreboard_per_issue_active.ratio": "stall_long", "smsp__average_warps_issue_stalled_barrier_per_issue_active.ratio": "stall_barrier",
    "smsp__average_warps_issue_stalled_gmma_per_issue_active.ratio": "stall_gmma", "smsp__average_warps_issue_stalled_wait_per_issue_active.ratio": "stall_wait",
    "sm__inst_executed_pipe_tensor_op_gmma.sum": "wgmma", "sm__warps_active.avg.per_cycle_active": "warps_active",
}


def counted(count):
    """Runs inside ncu: one launch a configuration and problem, in this order."""
    triton.set_allocator(tiles.allocate)
    for m, n, k in PROBLEMS:
        a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
        b = torch.randn(n, k, device="cuda", dtype=torch.bfloat16)
        c = torch.empty((m, n), device="cuda", dtype=torch.bfloat16)
        for configuration in tiles.chosen(count):
            try:
                kernel = tiles.start(configuration, a, b, c, m, n, k)
                torch.cuda.synchronize()
            except Exception as error:
                print("refused", m, n, k, *configuration, type(error).__name__, flush=True)
                continue
            print("launched", m, n, k, *configuration, kernel.n_regs, kernel.n_spills, kernel.metadata.shared, flush=True)


def count_all(folder, count):
    names = "m n k cta_m cta_n cta_k stages warps tma registers spills smem".split()
    under_ncu(["--count", str(count)], "matmul", names, METRICS, os.path.join(folder, "counters.csv"))


def time_starts(folder):
    triton.set_allocator(tiles.allocate)
    with open(os.path.join(folder, "starts.csv"), "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow("m n k cta_m cta_n cta_k stages warps tma measured_us".split())
        for cta_m, cta_n, warps in ((64, 64, 4), (128, 64, 4), (128, 128, 4), (128, 128, 8), (128, 256, 8)):
            for tma in (0, 1):
                for waves in (1, 3):
                    m, n = cta_m * 12, cta_n * 11 * waves
                    for k in (64, 128, 256, 512, 1024, 2048):
                        a, b, c = (torch.randn(shape, device="cuda", dtype=torch.bfloat16) for shape in ((m, k), (n, k), (m, n)))
                        configuration = (cta_m, cta_n, 64, 3, warps, tma)
                        tiles.start(configuration, a, b, c, m, n, k)
                        time = triton.testing.do_bench(lambda: tiles.start(configuration, a, b, c, m, n, k), warmup=5, rep=15, return_mode="median")
                        writer.writerow([m, n, k, *configuration, round(1e3 * time, 3)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=".")
    parser.add_argument("--count", type=int, default=130)
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.counted:
        return counted(arguments.count)
    with tiles.multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        list(pool.imap_unordered(tiles.compile_one, tiles.chosen(arguments.count)))
    time_starts(arguments.out)
    count_all(arguments.out, arguments.count)


if __name__ == "__main__":
    main()
