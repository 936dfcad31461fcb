"""A Triton GEMM with operands by TMA or by pointers, compiled for sm_90 over tiles; no GPU needed. For count.py."""
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def gemm_tma(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr):
    rows, columns = tl.cdiv(M, BM), tl.cdiv(N, BN)
    first = tl.program_id(0) // (GROUP * columns) * GROUP
    height = min(rows - first, GROUP)
    row = (first + tl.program_id(0) % (GROUP * columns) % height) * BM
    column = tl.program_id(0) % (GROUP * columns) // height * BN
    sums = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BK)):
        left = a.load([row, k * BK])
        right = b.load([column, k * BK])
        sums = tl.dot(left, right.T, sums)
    c.store([row, column], sums.to(tl.bfloat16))


@triton.jit
def gemm_pointers(a, b, c, M, N, K, a_pitch, b_pitch, c_pitch, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
                  GROUP: tl.constexpr):
    rows, columns = tl.cdiv(M, BM), tl.cdiv(N, BN)
    first = tl.program_id(0) // (GROUP * columns) * GROUP
    height = min(rows - first, GROUP)
    row = (first + tl.program_id(0) % (GROUP * columns) % height) * BM
    column = tl.program_id(0) % (GROUP * columns) // height * BN
    depth = tl.arange(0, BK)
    a_at = a + (row + tl.arange(0, BM))[:, None] % M * a_pitch + depth[None, :]
    b_at = b + depth[:, None] + (column + tl.arange(0, BN))[None, :] % N * b_pitch
    sums = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BK)):
        left = tl.load(a_at, mask=depth[None, :] < K - k * BK, other=0.0)
        right = tl.load(b_at, mask=depth[:, None] < K - k * BK, other=0.0)
        sums = tl.dot(left, right, sums)
        a_at += BK
        b_at += BK
    c_row, c_column = row + tl.arange(0, BM), column + tl.arange(0, BN)
    tl.store(c + c_row[:, None] * c_pitch + c_column[None, :], sums.to(tl.bfloat16),
             mask=(c_row[:, None] < M) & (c_column[None, :] < N))


# cta_m, cta_n, cta_k, warps, stages, type
CASES = [(64, 64, 64, 4, 4, "bf16"), (64, 128, 64, 4, 4, "bf16"), (128, 64, 64, 4, 4, "bf16"), (128, 128, 64, 4, 3, "bf16"),
         (128, 128, 64, 8, 3, "bf16"), (64, 256, 64, 4, 3, "bf16"), (128, 256, 64, 8, 3, "bf16"), (256, 128, 64, 8, 3, "bf16"),
         (128, 128, 32, 4, 4, "bf16"), (128, 128, 128, 8, 2, "bf16"), (128, 256, 64, 4, 3, "bf16"),
         (64, 128, 128, 4, 4, "fp8"), (128, 128, 128, 4, 3, "fp8"), (128, 256, 128, 8, 3, "fp8")]


def compiled():
    """Every case with its cubin's path."""
    import tempfile

    folder = tempfile.mkdtemp()
    for tma in (True, False):
        for m, n, k, warps, stages, dtype in CASES:
            kind = {"bf16": "bf16", "fp8": "fp8e4nv"}[dtype]
            tile = {"BM": "constexpr", "BN": "constexpr", "BK": "constexpr", "GROUP": "constexpr"}
            sizes = {"M": "i32", "N": "i32", "K": "i32"}
            if tma:
                signature = {"a": f"tensordesc<{kind}[{m},{k}]>", "b": f"tensordesc<{kind}[{n},{k}]>",
                             "c": f"tensordesc<bf16[{m},{n}]>", **sizes, **tile}
            else:
                signature = {"a": f"*{kind}", "b": f"*{kind}", "c": "*bf16", **sizes, "a_pitch": "i32", "b_pitch": "i32",
                             "c_pitch": "i32", **tile}
            first = len(signature) - 4
            constants = {(first,): m, (first + 1,): n, (first + 2,): k, (first + 3,): 8}
            aligned = {} if tma else {(i,): [["tt.divisibility", 16]] for i in range(first)}
            source = ASTSource(fn=gemm_tma if tma else gemm_pointers, signature=signature, constexprs=constants, attrs=aligned)
            kernel = triton.compile(source, target=GPUTarget("cuda", 90, 32),
                                    options={"num_warps": warps, "num_stages": stages})
            path = f"{folder}/{len(signature)}_{m}_{n}_{k}_{warps}_{dtype}.cubin"
            with open(path, "wb") as file:
                file.write(kernel.asm["cubin"])
            yield {"tma": int(tma), "dtype": dtype, "cta_m": m, "cta_n": n, "cta_k": k, "warps": warps, "stages": stages}, path
