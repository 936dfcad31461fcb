// What extra warps do beside a loop of the tensor cores, a unit of work at a time. `instructions`, `operands`
// (registers read by a thread) and `shared_bytes` (of a warp) are those of one unit; `expected` is how many of `opcode`
// its machine code holds at least.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <utility>

#include "calibrate/device/kernels/philox.cuh"
#include "calibrate/device/probes/chain.cuh"
#include "calibrate/device/probes/mbarrier.cuh"
#include "calibrate/device/probes/tma.cuh"

namespace perfmodel::interference {

inline constexpr std::uint32_t copy_bytes = 16 * 1024;

// What a unit works on.
struct Place {
  const std::uint32_t* data;  // random words in the card's memory, at least copy_bytes for each of 16 warps
  std::uint32_t shared;       // copy_bytes of the CTA's shared memory, which others read or overwrite too
  std::uint32_t barrier;      // the warp's own, for one arrival
  std::uint32_t warp;         // of the extra warps
};

template <class Op, int chains, int operands_read>
class Chains {
 public:
  static constexpr const char* opcode = Op::opcode;
  static constexpr int instructions = 128;
  static constexpr int expected = instructions;
  static constexpr int operands = operands_read * instructions;
  static constexpr int shared_bytes = 0;

  __device__ __forceinline__ explicit Chains(const Place& place) : operands_(load_operands(place.data)) {
    state_.seed(place.data[4 * threadIdx.x + 3]);
  }
  __device__ __forceinline__ void unit() {
    mix_pass(std::make_integer_sequence<int, instructions / chains>(), state_, operands_);
  }
  [[nodiscard]] __device__ __forceinline__ std::uint32_t digest() const { return state_.digest(); }

 private:
  instruction::Operands operands_;
  MixState<std::integer_sequence<int, 0>, chains, Op> state_;
};

struct Lop3Chain : Chains<instruction::Lop3, 1, 3> {
  using Chains::Chains;
  static constexpr const char* name = "dependent lop3";
};
struct Lop3 : Chains<instruction::Lop3, 8, 3> {
  using Chains::Chains;
  static constexpr const char* name = "lop3";
};
struct Ffma : Chains<instruction::FfmaDistinct, 8, 3> {
  using Chains::Chains;
  static constexpr const char* name = "ffma";
};
struct Fadd : Chains<instruction::Fadd, 8, 2> {
  using Chains::Chains;
  static constexpr const char* name = "fadd";
};
struct ImadWide : Chains<instruction::ImadWide, 4, 2> {
  using Chains::Chains;
  static constexpr const char* name = "imad_wide";
};
struct Exp2 : Chains<instruction::Exp2, 8, 1> {
  using Chains::Chains;
  static constexpr const char* name = "exp2";
};

// A mask word of 8 bits a decision, which nobody stores. Instructions counted in the machine code, loop left out.
template <int rounds>
class Philox {
 public:
  static constexpr const char* name = rounds == 3 ? "philox 3 rounds" : "philox 10 rounds";
  static constexpr const char* opcode = "IMAD.WIDE";
  static constexpr int instructions = rounds == 3 ? 160 : 216;
  static constexpr int expected = 4 * rounds - 3;
  static constexpr int operands = 5 * instructions / 2;
  static constexpr int shared_bytes = 0;

  __device__ __forceinline__ explicit Philox(const Place& place)
      : word_(std::uint64_t{blockIdx.x} << 32U | threadIdx.x), seed_(place.data[0]), threshold_(place.data[1] % 256) {}
  __device__ __forceinline__ void unit() {
    digest_ ^= philox_mask_word<rounds, 8>(word_, seed_, threshold_);
    word_ += blockDim.x;
  }
  [[nodiscard]] __device__ __forceinline__ std::uint32_t digest() const { return digest_; }

 private:
  std::uint64_t word_, seed_;
  std::uint32_t threshold_, digest_ = 0;
};

// Loads of 16 bytes a lane, without conflicts.
class SharedLoads {
 public:
  static constexpr const char* name = "lds";
  static constexpr const char* opcode = "LDS";
  static constexpr int loads = 32;
  static constexpr int expected = loads;
  static constexpr int instructions = 3 * loads;  // a load and two LOP3 for its digest
  static constexpr int operands = instructions;
  static constexpr int shared_bytes = 512 * loads;

  __device__ __forceinline__ explicit SharedLoads(const Place& place)
      : address_(place.shared + threadIdx.x % 32 * 16) {}
  __device__ __forceinline__ void unit() {
#pragma unroll
    for (int i = 0; i < loads; i += 4) {
      std::uint32_t v[4][4];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        asm volatile("ld.volatile.shared.v4.u32 {%0, %1, %2, %3}, [%4+%5];"
                     : "=r"(v[j][0]), "=r"(v[j][1]), "=r"(v[j][2]), "=r"(v[j][3])
                     : "r"(address_), "n"(0)
                     : "memory");
      }
#pragma unroll
      for (int j = 0; j < 4; ++j) digest_ ^= v[j][0] ^ v[j][1] ^ v[j][2] ^ v[j][3];
    }
  }
  [[nodiscard]] __device__ __forceinline__ std::uint32_t digest() const { return digest_; }

 private:
  std::uint32_t address_, digest_ = 0;
};

// The copy engine, asked by one thread of the warp, one copy at a time.
class BulkCopies {
 public:
  static constexpr const char* name = "bulk copy";
  static constexpr const char* opcode = "UBLKCP";
  static constexpr int instructions = 8;
  static constexpr int expected = 1;
  static constexpr int operands = 16;
  static constexpr int shared_bytes = copy_bytes;

  __device__ __forceinline__ explicit BulkCopies(const Place& place) : place_(place) {}
  __device__ __forceinline__ void unit() {
    if (!patient_) return;
    if (elected()) {
      mbarrier_expect(place_.barrier, copy_bytes);
      bulk_load(place_.shared, place_.data + place_.warp * (copy_bytes / 4), copy_bytes, place_.barrier);
    }
    patient_ = mbarrier_wait(place_.barrier, parity_);
    parity_ ^= 1U;
  }
  [[nodiscard]] __device__ __forceinline__ std::uint32_t digest() const { return patient_ ? 1 : 2; }

 private:
  Place place_;
  unsigned parity_ = 0;
  bool patient_ = true;
};

}  // namespace perfmodel::interference
