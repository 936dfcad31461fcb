// Warpgroup matrix multiply-adds: 64 x n floats in the registers of 128 threads, operands of 32 bytes along the inner
// dimension an instruction, n = 8, 16, 32, 64, 96, 128, 192, 256.
//
//     float d[64];
//     wgmma::fence();
//     wgmma::Multiply<wgmma::Type::bf16, 128>::shared(d, a, b, accumulate);
//     wgmma::commit();
//     wgmma::wait<0>();
//     wgmma::hold(d);
//
// A thread of lane l in warp w holds, in d[4 j + 2 r + c], row 16 w + l / 4 + 8 r and column 8 j + 2 (l % 4) + c.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace perfmodel::wgmma {

enum class Type : std::uint8_t { bf16, e4m3, tf32 };

// Elements of the inner dimension that one instruction takes.
template <Type type>
inline constexpr int depth = type == Type::e4m3   ? 32
                             : type == Type::bf16 ? 16
                                                  : 8;
inline constexpr int rows = 64;
inline constexpr int step_bytes = 32;  // of a row, an instruction

inline constexpr std::uint32_t row_bytes = 128;               // of an operand in shared memory, swizzled by 128 bytes
inline constexpr std::uint32_t period_bytes = 8 * row_bytes;  // of the swizzle; operands are aligned to it

// An operand whose rows of 128 bytes lie along the inner dimension. The next instruction's is step_bytes on.
__device__ __forceinline__ std::uint64_t descriptor(std::uint32_t address) {
  return std::uint64_t{1} << 62U | std::uint64_t{period_bytes / 16} << 32U | std::uint64_t{1} << 16U |
         (address & 0x3ffffU) >> 4U;
}
__device__ __forceinline__ std::uint64_t advanced(std::uint64_t descriptor, int bytes) {
  return descriptor + static_cast<std::uint64_t>(bytes / 16);
}

// Orders the registers that the threads have written before the next multiply-add reads or overwrites them.
__device__ __forceinline__ void fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
// Until all but the latest `pending` groups are complete.
template <int pending>
__device__ __forceinline__ void wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}
// Keeps the compiler from moving uses of registers across the asynchronous multiply-adds.
template <int count>
__device__ __forceinline__ void hold(float (&registers)[count]) {
#pragma unroll
  for (int i = 0; i < count; ++i) asm volatile("" : "+f"(registers[i])::"memory");
}

// d = a b (+ d if accumulate): `shared` with a in shared memory, `mixed` with a in four registers.
template <Type type, int n>
struct Multiply;

#define PERFMODEL_D4(i) "+f"(d[i]), "+f"(d[(i) + 1]), "+f"(d[(i) + 2]), "+f"(d[(i) + 3])
#define PERFMODEL_D8(i) PERFMODEL_D4(i), PERFMODEL_D4((i) + 4)
#define PERFMODEL_D16(i) PERFMODEL_D8(i), PERFMODEL_D8((i) + 8)
#define PERFMODEL_D32(i) PERFMODEL_D16(i), PERFMODEL_D16((i) + 16)
#define PERFMODEL_D64(i) PERFMODEL_D32(i), PERFMODEL_D32((i) + 32)

#define PERFMODEL_P4 "%0, %1, %2, %3"
#define PERFMODEL_P8 PERFMODEL_P4 ", %4, %5, %6, %7"
#define PERFMODEL_P16 PERFMODEL_P8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define PERFMODEL_P32 PERFMODEL_P16 ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define PERFMODEL_P48 PERFMODEL_P32 ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define PERFMODEL_P64 PERFMODEL_P48 ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define PERFMODEL_P80 PERFMODEL_P64 ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"
#define PERFMODEL_P96 PERFMODEL_P80 ", %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define PERFMODEL_P112 \
  PERFMODEL_P96 ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111"
#define PERFMODEL_P128 \
  PERFMODEL_P112 ", %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

// `p0` to `p5` are the places after the n / 2 of d; `shape` and the ends are what differs among types.
#define PERFMODEL_MULTIPLY(type, n, shape, shared_end, mixed_end, places, p0, p1, p2, p3, p4, p5, ...)               \
  template <>                                                                                                        \
  struct Multiply<type, n> {                                                                                         \
    static __device__ __forceinline__ void shared(float (&d)[(n) / 2], std::uint64_t a, std::uint64_t b,             \
                                                  int accumulate) {                                                  \
      asm volatile("{\n\t.reg .pred p;\n\tsetp.ne.b32 p, %" #p2 ", 0;\n\twgmma.mma_async.sync.aligned.m64n" #n shape \
                   " {" places "}, %" #p0 ", %" #p1 ", p, 1, 1" shared_end ";\n\t}"                                  \
                   : __VA_ARGS__                                                                                     \
                   : "l"(a), "l"(b), "r"(accumulate));                                                               \
    }                                                                                                                \
    static __device__ __forceinline__ void mixed(float (&d)[(n) / 2], const std::uint32_t (&a)[4], std::uint64_t b,  \
                                                 int accumulate) {                                                   \
      asm volatile("{\n\t.reg .pred p;\n\tsetp.ne.b32 p, %" #p5 ", 0;\n\twgmma.mma_async.sync.aligned.m64n" #n shape \
                   " {" places "}, {%" #p0 ", %" #p1 ", %" #p2 ", %" #p3 "}, %" #p4 ", p, 1, 1" mixed_end ";\n\t}"   \
                   : __VA_ARGS__                                                                                     \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(accumulate));                           \
    }                                                                                                                \
  };

#define PERFMODEL_TYPES(n, ...)                                                        \
  PERFMODEL_MULTIPLY(Type::bf16, n, "k16.f32.bf16.bf16", ", 0, 0", ", 0", __VA_ARGS__) \
  PERFMODEL_MULTIPLY(Type::e4m3, n, "k32.f32.e4m3.e4m3", "", "", __VA_ARGS__)          \
  PERFMODEL_MULTIPLY(Type::tf32, n, "k8.f32.tf32.tf32", "", "", __VA_ARGS__)

PERFMODEL_TYPES(8, PERFMODEL_P4, 4, 5, 6, 7, 8, 9, PERFMODEL_D4(0))
PERFMODEL_TYPES(16, PERFMODEL_P8, 8, 9, 10, 11, 12, 13, PERFMODEL_D8(0))
PERFMODEL_TYPES(32, PERFMODEL_P16, 16, 17, 18, 19, 20, 21, PERFMODEL_D16(0))
PERFMODEL_TYPES(64, PERFMODEL_P32, 32, 33, 34, 35, 36, 37, PERFMODEL_D32(0))
PERFMODEL_TYPES(96, PERFMODEL_P48, 48, 49, 50, 51, 52, 53, PERFMODEL_D32(0), PERFMODEL_D16(32))
PERFMODEL_TYPES(128, PERFMODEL_P64, 64, 65, 66, 67, 68, 69, PERFMODEL_D64(0))
PERFMODEL_TYPES(192, PERFMODEL_P96, 96, 97, 98, 99, 100, 101, PERFMODEL_D64(0), PERFMODEL_D32(64))
PERFMODEL_TYPES(256, PERFMODEL_P128, 128, 129, 130, 131, 132, 133, PERFMODEL_D64(0), PERFMODEL_D64(64))

#undef PERFMODEL_TYPES
#undef PERFMODEL_MULTIPLY

}  // namespace perfmodel::wgmma
