#include "model/sm_occupancy.hpp"

#include <doctest/doctest.h>

#include "model/residency.hpp"
#include "tests/model/machines.hpp"

namespace perfmodel {
namespace {

using test::h100;

Program cta(int warps, int registers, Bytes smem = Bytes(0)) {
  Program program;
  program.warps = warps;
  program.registers = registers;
  program.smem = smem;
  return program;
}

SmOccupancy whole() { return {h100(), h100().shared_memory.capacity.value}; }

TEST_CASE("beside 384 threads of 168 registers not one warp finds room") {
  SmOccupancy sm = whole();
  REQUIRE(sm.place(cta(12, 168)));
  // Three warps of 5376 registers leave 256 of a sub-partition's 16384.
  CHECK_FALSE(sm.place(cta(1, 16)));
  CHECK(sm.obstacle(cta(1, 32)) == "registers of a sub-partition: a warp needs 1024, the freest has 256");
}

TEST_CASE("warps go to consecutive sub-partitions from the one with most registers free") {
  SmOccupancy sm = whole();
  // One warp of 8192 registers on the first sub-partition: three of 8192 still fit on the second to fourth, then one
  // more on each, and no fifth pair anywhere.
  REQUIRE(sm.place(cta(1, 255)));
  CHECK(sm.place(cta(3, 255)));
  CHECK(sm.place(cta(4, 255)));
  CHECK_FALSE(sm.place(cta(1, 255)));
}

TEST_CASE("a mask kernel's CTAs join a tile of 128 by 256 until registers, then slots end") {
  SmOccupancy sm = whole();
  REQUIRE(sm.place(cta(8, 158, Bytes(147480))));
  // Two warps of 5120 registers leave 6144 of a sub-partition: six warps of 1024.
  for (int i = 0; i < 6; ++i) {
    CHECK(sm.place(cta(4, 29)));
  }
  CHECK_FALSE(sm.place(cta(4, 29)));
}

TEST_CASE("shared memory counts the system's share of each CTA") {
  SmOccupancy sm(h100(), Bytes(2048));
  REQUIRE(sm.place(cta(4, 32)));
  CHECK(sm.obstacle(cta(4, 96, Bytes(98328))) ==
        "shared memory: a CTA needs 97.1 KiB with the system's share, 1.00 KiB are left");
  CHECK(sm.place(cta(4, 32)));
  CHECK_FALSE(sm.place(cta(4, 32)));
}

TEST_CASE("alone, as many CTAs fit as the residency says") {
  for (const Program& program :
       {cta(4, 154, Bytes(98328)), cta(8, 32), cta(12, 168), cta(4, 90, Bytes(98336)), cta(1, 32)}) {
    SmOccupancy sm = whole();
    int ctas = 0;
    while (sm.place(program)) {
      ++ctas;
    }
    CAPTURE(program.warps);
    CHECK(ctas == residency(h100(), program).ctas);
  }
}

}  // namespace
}  // namespace perfmodel
