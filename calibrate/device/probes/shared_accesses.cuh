// The instructions of shared memory under test: one step of a stream, and one of a dependent chain of addresses.
// Chains are volatile, lest the assembler narrow their loads or keep what they store in registers.
#pragma once

#include <cstdint>

namespace perfmodel::shared_access {

// What a step reads goes into the digest, so that no load is dropped. `offset` is a constant of the instruction.

struct Lds32 {
  static constexpr const char* name = "lds.32";
  static constexpr int bytes = 4;       // a lane
  static constexpr int link_words = 1;  // words from the one that holds a lane's next address to the next lane's
  template <int offset>
  static __device__ __forceinline__ void step(std::uint32_t address, std::uint32_t& digest) {
    std::uint32_t a;
    asm volatile("ld.shared.u32 %0, [%1+%2];" : "=r"(a) : "r"(address), "n"(offset) : "memory");
    digest ^= a;
  }
  static __device__ __forceinline__ void chase(std::uint32_t& address) {
    asm volatile("ld.volatile.shared.u32 %0, [%0];" : "+r"(address)::"memory");
  }
};

struct Lds64 {
  static constexpr const char* name = "lds.64";
  static constexpr int bytes = 8;
  static constexpr int link_words = 2;
  template <int offset>
  static __device__ __forceinline__ void step(std::uint32_t address, std::uint32_t& digest) {
    std::uint32_t a, b;
    asm volatile("ld.shared.v2.u32 {%0, %1}, [%2+%3];" : "=r"(a), "=r"(b) : "r"(address), "n"(offset) : "memory");
    digest ^= a ^ b;
  }
  static __device__ __forceinline__ void chase(std::uint32_t& address) {
    [[maybe_unused]] std::uint32_t b;
    asm volatile("ld.volatile.shared.v2.u32 {%0, %1}, [%0];" : "+r"(address), "=r"(b)::"memory");
  }
};

struct Lds128 {
  static constexpr const char* name = "lds.128";
  static constexpr int bytes = 16;
  static constexpr int link_words = 4;
  template <int offset>
  static __device__ __forceinline__ void step(std::uint32_t address, std::uint32_t& digest) {
    std::uint32_t a, b, c, d;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4+%5];"
                 : "=r"(a), "=r"(b), "=r"(c), "=r"(d)
                 : "r"(address), "n"(offset)
                 : "memory");
    digest ^= (a ^ b ^ c) ^ d;
  }
  static __device__ __forceinline__ void chase(std::uint32_t& address) {
    [[maybe_unused]] std::uint32_t b, c, d;
    asm volatile("ld.volatile.shared.v4.u32 {%0, %1, %2, %3}, [%0];"
                 : "+r"(address), "=r"(b), "=r"(c), "=r"(d)::"memory");
  }
};

// Four 8 x 8 matrices of 16-bit elements; each lane gives the address of one row.
struct Ldsm {
  static constexpr const char* name = "ldsm.x4";
  static constexpr int bytes = 16;
  static constexpr int link_words = 1;
  template <int offset>
  static __device__ __forceinline__ void step(std::uint32_t address, std::uint32_t& digest) {
    std::uint32_t a, b, c, d;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4+%5];"
                 : "=r"(a), "=r"(b), "=r"(c), "=r"(d)
                 : "r"(address), "n"(offset)
                 : "memory");
    digest ^= (a ^ b ^ c) ^ d;
  }
  static __device__ __forceinline__ void chase(std::uint32_t& address) {
    [[maybe_unused]] std::uint32_t b, c, d;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%0];"
                 : "+r"(address), "=r"(b), "=r"(c), "=r"(d)::"memory");
  }
};

struct Sts32 {
  static constexpr const char* name = "sts.32";
  static constexpr int bytes = 4;
  static constexpr int link_words = 1;
  template <int offset>
  static __device__ __forceinline__ void step(std::uint32_t address, std::uint32_t& digest) {
    asm volatile("st.shared.u32 [%0+%1], %2;" ::"r"(address), "n"(offset), "r"(digest) : "memory");
  }
  // There and back.
  static __device__ __forceinline__ void chase(std::uint32_t& address) {
    asm volatile("st.volatile.shared.u32 [%0], %0;" ::"r"(address) : "memory");
    Lds32::chase(address);
  }
};

struct Sts64 {
  static constexpr const char* name = "sts.64";
  static constexpr int bytes = 8;
  static constexpr int link_words = 2;
  template <int offset>
  static __device__ __forceinline__ void step(std::uint32_t address, std::uint32_t& digest) {
    asm volatile("st.shared.v2.u32 [%0+%1], {%2, %3};" ::"r"(address), "n"(offset), "r"(digest), "r"(address)
                 : "memory");
  }
  static __device__ __forceinline__ void chase(std::uint32_t& address) {
    asm volatile("st.volatile.shared.v2.u32 [%0], {%0, %1};" ::"r"(address), "r"(0) : "memory");
    Lds64::chase(address);
  }
};

struct Sts128 {
  static constexpr const char* name = "sts.128";
  static constexpr int bytes = 16;
  static constexpr int link_words = 4;
  template <int offset>
  static __device__ __forceinline__ void step(std::uint32_t address, std::uint32_t& digest) {
    asm volatile("st.shared.v4.u32 [%0+%1], {%2, %3, %2, %3};" ::"r"(address), "n"(offset), "r"(digest), "r"(address)
                 : "memory");
  }
  static __device__ __forceinline__ void chase(std::uint32_t& address) {
    asm volatile("st.volatile.shared.v4.u32 [%0], {%0, %1, %1, %1};" ::"r"(address), "r"(0) : "memory");
    Lds128::chase(address);
  }
};

struct Stsm {
  static constexpr const char* name = "stsm.x4";
  static constexpr int bytes = 16;
  static constexpr int link_words = 1;
  template <int offset>
  static __device__ __forceinline__ void step(std::uint32_t address, std::uint32_t& digest) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0+%1], {%2, %3, %2, %3};" ::"r"(address), "n"(offset),
                 "r"(digest), "r"(address)
                 : "memory");
  }
  static __device__ __forceinline__ void chase(std::uint32_t& address) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%0, %1, %1, %1};" ::"r"(address), "r"(0) : "memory");
    Ldsm::chase(address);
  }
};

}  // namespace perfmodel::shared_access
