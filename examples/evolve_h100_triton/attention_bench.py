"""Compile, check and time one configuration of attention_kernel.py.

Compiling needs no GPU; checking and timing do. The check draws fresh random inputs and poisons the output with NaN before
the run, so that a kernel which skips work, remembers an answer or writes only part of it cannot pass.
"""

import dataclasses
import math
import statistics

import triton
from triton.backends.compiler import GPUTarget

from attention_kernel import attention_forward

POINTERS = ("q_base", "k_base", "v_base", "o_base")
CONSTEXPRS = ("CTA_M", "CTA_N", "HEAD_DIM", "CAUSAL")
FLUSH_BYTES = 256 * 2**20
TOLERANCE = 2e-2  # of bf16 outputs of softmax-weighted standard normals; a wrong mask or a lost tile errs by 0.1 and more


@dataclasses.dataclass(frozen=True)
class Problem:
    batch: int
    heads: int
    seq: int
    head_dim: int
    causal: bool

    def flops(self):
        total = 4 * self.batch * self.heads * self.seq**2 * self.head_dim
        return total / 2 if self.causal else total


@dataclasses.dataclass(frozen=True)
class Configuration:
    """register_cap = 0 lets the compiler choose."""

    cta_m: int
    cta_n: int
    stages: int
    warps: int
    register_cap: int

    def accumulators(self, head_dim):
        """Registers a thread that scores and output take, both in fp32."""
        return self.cta_m * (self.cta_n + head_dim) // (32 * self.warps)


def compile_kernel(configuration, head_dim, causal, capability=90):
    signature = {name: "*bf16" for name in POINTERS} | {"seq": "i32", "scale": "fp32"} | {name: "constexpr" for name in CONSTEXPRS}
    constants = {"CTA_M": configuration.cta_m, "CTA_N": configuration.cta_n, "HEAD_DIM": head_dim, "CAUSAL": causal}
    divisible = {(index,): [["tt.divisibility", 16]] for index in range(len(POINTERS) + 1)}
    source = triton.compiler.ASTSource(attention_forward, signature=signature, constexprs=constants, attrs=divisible)
    options = {"num_warps": configuration.warps, "num_stages": configuration.stages}
    if configuration.register_cap:
        options["maxnreg"] = configuration.register_cap
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)


class Inputs:
    """Fresh random q, k, v of a problem, an output of NaN, and the flush buffer."""

    flush = None

    def __init__(self, problem, seed):
        import torch

        self.problem = problem
        generator = torch.Generator(device="cuda").manual_seed(seed)
        shape = (problem.batch, problem.heads, problem.seq, problem.head_dim)
        self.q, self.k, self.v = (torch.randn(shape, generator=generator, device="cuda", dtype=torch.bfloat16) for _ in range(3))
        self.out = torch.full(shape, float("nan"), device="cuda", dtype=torch.bfloat16)
        if Inputs.flush is None:
            Inputs.flush = torch.empty(FLUSH_BYTES, dtype=torch.int8, device="cuda")

    def launcher(self, kernel, configuration):
        """A call without arguments that starts the kernel; raises what the driver says of its resources."""
        problem = self.problem
        grid = (problem.seq // configuration.cta_m, problem.batch * problem.heads, 1)
        scale = math.log2(math.e) / math.sqrt(problem.head_dim)
        runner = kernel[grid]
        constants = (configuration.cta_m, configuration.cta_n, problem.head_dim, problem.causal)
        return lambda: runner(self.q, self.k, self.v, self.out, problem.seq, scale, *constants)

    def largest_error(self):
        """Largest difference of the whole output from SDPA, and of sampled rows from attention in float64; NaN counts as inf."""
        import torch

        reference = torch.nn.functional.scaled_dot_product_attention(self.q, self.k, self.v, is_causal=self.problem.causal)
        error = (self.out.float() - reference.float()).abs().max().item()
        error = max(error, self._sampled_error())
        return error if math.isfinite(error) else math.inf

    def _sampled_error(self, samples=4):
        import torch

        problem = self.problem
        worst = 0.0
        for _ in range(samples):
            b, h = int(torch.randint(problem.batch, ())), int(torch.randint(problem.heads, ()))
            rows = torch.randint(problem.seq, (16,), device="cuda")
            scores = self.q[b, h, rows].double() @ self.k[b, h].double().T / math.sqrt(problem.head_dim)
            if problem.causal:
                scores = scores.masked_fill(torch.arange(problem.seq, device="cuda")[None, :] > rows[:, None], -math.inf)
            exact = scores.softmax(1) @ self.v[b, h].double()
            difference = (self.out[b, h, rows].double() - exact).abs().max().item()
            worst = max(worst, difference if math.isfinite(difference) else math.inf)
        return worst


def times_us(launch, budget_ms, least=5, most=40):
    """Times of single launches between events, the L2 cleared by a fill before each [us]."""
    import torch

    def run(count):
        events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(count)]
        for start, end in events:
            Inputs.flush.zero_()
            start.record()
            launch()
            end.record()
        torch.cuda.synchronize()
        return [start.elapsed_time(end) * 1e3 for start, end in events]

    estimate_ms = run(2)[-1] / 1e3 + 0.15
    return run(max(least, min(most, int(budget_ms / estimate_ms))))


def median_us(launch, budget_ms):
    return statistics.median(times_us(launch, budget_ms))
