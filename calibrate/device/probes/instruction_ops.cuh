// The instruction classes under test: what one step of a dependent chain of each is, in PTX that the assembler turns
// into one instruction (two for a compare with its select, and for a reciprocal, which would cancel itself). Chains
// start from bits that are also floats near one.
#pragma once

#include <cstdint>

namespace perfmodel::instruction {

// What the chains are combined with, in vector registers and unlike in every thread.
struct Operands {
  std::uint32_t a;     // a float in [0.5, 1)
  std::uint32_t b;     // a float in [1, 2)
  std::uint32_t c;     // a float in [1, 2)
  std::uint32_t v[8];  // floats in [0.5, 1)
  std::uint64_t a64;   // a double in [0.5, 1)
  std::uint64_t b64;   // a double in [1, 2)
};

// A step is `count` instructions, of which `counts` make up the class's throughput. `index` is the place of the step in
// its chain, for classes that must alternate lest they fold.
#define PERFMODEL_STEP(Name, class_name, sass, Type, count, counts, ...)                         \
  struct Name {                                                                                  \
    using Register = Type;                                                                       \
    static constexpr const char* name = class_name;                                              \
    static constexpr const char* opcode = sass;                                                  \
    static constexpr int instructions = count;                                                   \
    static constexpr int counted = counts;                                                       \
    template <int index>                                                                         \
    static __device__ __forceinline__ void step(Register& x, [[maybe_unused]] const Operands& o, \
                                                [[maybe_unused]] int chain) {                    \
      __VA_ARGS__                                                                                \
    }                                                                                            \
  }

#define PERFMODEL_INSTRUCTION(Name, class_name, sass, Type, ...) \
  PERFMODEL_STEP(Name, class_name, sass, Type, 1, 1, __VA_ARGS__)

// x = op(x, operands): three operands, two, one.
#define PERFMODEL_THREE(Name, class_name, sass, ptx)           \
  PERFMODEL_INSTRUCTION(Name, class_name, sass, std::uint32_t, \
                        asm volatile(ptx " %0, %0, %1, %2;"    \
                                     : "+r"(x)                 \
                                     : "r"(o.a), "r"(o.b));)
#define PERFMODEL_TWO(Name, class_name, sass, ptx) \
  PERFMODEL_INSTRUCTION(Name, class_name, sass, std::uint32_t, asm volatile(ptx " %0, %0, %1;" : "+r"(x) : "r"(o.a));)
#define PERFMODEL_ONE(Name, class_name, sass, ptx) \
  PERFMODEL_INSTRUCTION(Name, class_name, sass, std::uint32_t, asm volatile(ptx " %0, %0;" : "+r"(x));)

PERFMODEL_THREE(Ffma, "ffma", "FFMA", "fma.rn.f32");
PERFMODEL_TWO(Fadd, "fadd", "FADD", "add.rn.f32");
PERFMODEL_TWO(Fmul, "fmul", "FMUL", "mul.rn.f32");
PERFMODEL_THREE(Hfma2, "hfma2", "HFMA2", "fma.rn.bf16x2");
PERFMODEL_THREE(Imad, "imad", "IMAD", "mad.lo.u32");
PERFMODEL_TWO(ImadHi, "imad_hi", "IMAD.HI", "mul.hi.u32");
PERFMODEL_THREE(Dp4a, "dp4a", "IDP", "dp4a.u32.u32");
PERFMODEL_ONE(Exp2, "exp2", "MUFU.EX2", "ex2.approx.ftz.f32");
PERFMODEL_ONE(Rsq, "rsq", "MUFU.RSQ", "rsqrt.approx.ftz.f32");
PERFMODEL_ONE(Lg2, "lg2", "MUFU.LG2", "lg2.approx.ftz.f32");
PERFMODEL_ONE(Tanh, "tanh", "MUFU.TANH", "tanh.approx.f32");
PERFMODEL_ONE(Popc, "popc", "POPC", "popc.b32");
PERFMODEL_ONE(I2f, "i2f", "I2FP", "cvt.rn.f32.s32");
PERFMODEL_ONE(F2i, "f2i", "F2I", "cvt.rzi.s32.f32");

PERFMODEL_INSTRUCTION(ImadWide, "imad_wide", "IMAD.WIDE", std::uint64_t,
                      asm volatile("{.reg .b32 l, h; mov.b64 {l, h}, %0; mul.wide.u32 %0, l, h;}"
                                   : "+l"(x)););
PERFMODEL_INSTRUCTION(FfmaDistinct, "ffma", "FFMA", std::uint32_t,
                      asm volatile("fma.rn.f32 %0, %0, %1, %2;"
                                   : "+r"(x)
                                   : "r"(o.v[(3 * chain + index) % 8]), "r"(o.v[(5 * chain + 3 * index + 1) % 8])););
PERFMODEL_STEP(Rcp, "rcp", "MUFU.RCP", std::uint32_t, 2, 1,
               asm volatile("rcp.approx.ftz.f32 %0, %0; add.rn.f32 %0, %0, %1;"
                            : "+r"(x)
                            : "r"(o.a)););
PERFMODEL_INSTRUCTION(Lop3, "lop3", "LOP3", std::uint32_t,
                      asm volatile("lop3.b32 %0, %0, %1, %2, 0x96;"
                                   : "+r"(x)
                                   : "r"(o.a), "r"(o.b)););
PERFMODEL_INSTRUCTION(Shf, "shf", "SHF", std::uint32_t,
                      asm volatile("shf.l.wrap.b32 %0, %0, %1, %2;"
                                   : "+r"(x)
                                   : "r"(o.a), "r"(o.b)););
PERFMODEL_INSTRUCTION(Iadd3, "iadd3", "IADD3", std::uint32_t,
                      asm volatile("{.reg .b32 t; add.u32 t, %0, %1; sub.u32 %0, %2, t;}"
                                   : "+r"(x)
                                   : "r"(o.a), "r"(o.b)););
PERFMODEL_STEP(IsetpSel, "isetp_sel", "ISETP", std::uint32_t, 2, 2,
               asm volatile("{.reg .pred p; setp.lt.u32 p, %0, %1; selp.b32 %0, %2, %3, p;}"
                            : "+r"(x)
                            : "r"(o.a), "r"(o.b), "r"(o.c)););
PERFMODEL_INSTRUCTION(Prmt, "prmt", "PRMT", std::uint32_t,
                      asm volatile("prmt.b32 %0, %0, %1, %2;"
                                   : "+r"(x)
                                   : "r"(o.a), "r"(o.b)););
PERFMODEL_INSTRUCTION(
    Fmnmx, "fmnmx", "FMNMX", std::uint32_t,
    if constexpr (index % 2 == 0) {
      asm volatile("min.f32 %0, %0, %1;" : "+r"(x) : "r"(o.b));
    } else {
      asm volatile("max.f32 %0, %0, %1;" : "+r"(x) : "r"(o.c));
    });
PERFMODEL_INSTRUCTION(
    Hmnmx2, "hmnmx2", "HMNMX2", std::uint32_t,
    if constexpr (index % 2 == 0) {
      asm volatile("min.bf16x2 %0, %0, %1;" : "+r"(x) : "r"(o.b));
    } else {
      asm volatile("max.bf16x2 %0, %0, %1;" : "+r"(x) : "r"(o.c));
    });
PERFMODEL_INSTRUCTION(F2fp, "f2fp", "F2FP", std::uint32_t,
                      asm volatile("cvt.rn.bf16x2.f32 %0, %0, %1;"
                                   : "+r"(x)
                                   : "r"(o.a)););
PERFMODEL_INSTRUCTION(Shfl, "shfl", "SHFL", std::uint32_t,
                      asm volatile("shfl.sync.bfly.b32 %0, %0, 1, 0x1f, 0xffffffff;"
                                   : "+r"(x)););
PERFMODEL_INSTRUCTION(Dfma, "dfma", "DFMA", std::uint64_t,
                      asm volatile("fma.rn.f64 %0, %0, %1, %2;"
                                   : "+l"(x)
                                   : "l"(o.a64), "l"(o.b64)););

}  // namespace perfmodel::instruction
