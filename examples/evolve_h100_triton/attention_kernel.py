"""A FlashAttention forward kernel in Triton whose tile and launch parameters are free: what the search varies.

One CTA works on one tile of query rows of one head and walks over the keys (Dao, arXiv 2307.08691, algorithm 1). Tensors
are contiguous [batch, heads, sequence, head_dim] in bf16; the sequence is a multiple of both tile sizes.
"""

import triton
import triton.language as tl


@triton.jit
def attend(acc, row_sum, row_max, q, k_tile, v_tile, first, last, rows, columns, scale, MASKED: tl.constexpr, CTA_N: tl.constexpr,
           HEAD_DIM: tl.constexpr):
    """Key tiles first..last (in keys) into the running softmax: accumulator, row sums and row maxima."""
    for start in tl.range(first, last, CTA_N):
        k = tl.load(k_tile + start * HEAD_DIM)
        scores = tl.dot(q, k)
        if MASKED:
            scores = tl.where(rows[:, None] >= start + columns[None, :], scores, float("-inf"))
        new_max = tl.maximum(row_max, tl.max(scores, 1) * scale)
        p = tl.exp2(scores * scale - new_max[:, None])
        rescale = tl.exp2(row_max - new_max)
        row_sum = row_sum * rescale + tl.sum(p, 1)
        acc = acc * rescale[:, None]
        v = tl.load(v_tile + start * HEAD_DIM)
        acc = tl.dot(p.to(v.dtype), v, acc)
        row_max = new_max
    return acc, row_sum, row_max


@triton.jit
def attention_forward(q_base, k_base, v_base, o_base, seq, scale, CTA_M: tl.constexpr, CTA_N: tl.constexpr, HEAD_DIM: tl.constexpr,
                      CAUSAL: tl.constexpr):
    """One query tile of one head: grid (seq / CTA_M, batch * heads). scale = log2(e) / sqrt(head_dim)."""
    # The tiles with most keys start first, so that a causal grid ends with its shortest items.
    tile = tl.num_programs(0) - 1 - tl.program_id(0)
    head = tl.program_id(1).to(tl.int64) * seq * HEAD_DIM
    rows = tile * CTA_M + tl.arange(0, CTA_M)
    columns = tl.arange(0, CTA_N)
    depth = tl.arange(0, HEAD_DIM)

    q = tl.load(q_base + head + rows[:, None] * HEAD_DIM + depth[None, :])
    k_tile = k_base + head + columns[None, :] * HEAD_DIM + depth[:, None]
    v_tile = v_base + head + columns[:, None] * HEAD_DIM + depth[None, :]
    acc = tl.zeros([CTA_M, HEAD_DIM], dtype=tl.float32)
    row_sum = tl.zeros([CTA_M], dtype=tl.float32)
    row_max = tl.full([CTA_M], float("-inf"), dtype=tl.float32)

    if CAUSAL:
        full = (tile * CTA_M) // CTA_N * CTA_N
        acc, row_sum, row_max = attend(acc, row_sum, row_max, q, k_tile, v_tile, 0, full, rows, columns, scale, False, CTA_N, HEAD_DIM)
        acc, row_sum, row_max = attend(acc, row_sum, row_max, q, k_tile, v_tile, full, (tile + 1) * CTA_M, rows, columns, scale, True,
                                       CTA_N, HEAD_DIM)
    else:
        acc, row_sum, row_max = attend(acc, row_sum, row_max, q, k_tile, v_tile, 0, seq, rows, columns, scale, False, CTA_N, HEAD_DIM)

    out = o_base + head + rows[:, None] * HEAD_DIM + depth[None, :]
    tl.store(out, (acc / row_sum[:, None]).to(o_base.dtype.element_ty))
