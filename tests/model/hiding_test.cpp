#include "model/hiding.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "model/whole.hpp"
#include "tests/model/machines.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;
using test::attention;
using test::h100;
using test::in_regime;
using test::library;

using Overrides = std::vector<std::string>;

SequenceEstimate solved(const Machine& machine, Overrides overrides, const std::string& model = "llama2_block") {
  return predict(machine, library(), load_block(model, overrides), {});
}

const SequenceItem* find(const SequenceEstimate& sequence, const std::string& name) {
  const auto found = std::ranges::find(sequence.items, name, &SequenceItem::name);
  return found == sequence.items.end() ? nullptr : &*found;
}

TEST_CASE("attention that reads a mask takes 1.25 slots of the ALU port a decision longer") {
  const auto time = [](double dropout, DropoutSource source) {
    Operator op = in_regime(attention(1, 32, 4096, false, dropout), Regime::cold);
    std::get<Attention>(op.work).dropout_source = source;
    return predict(h100(), library(), op, {.clock = Hertz(1.8e9)}).time;
  };
  const Seconds plain = time(0.0, DropoutSource::fused);
  const Seconds reading = time(0.1, DropoutSource::mask);
  // 32 heads of 4096 x 4096 scores over 132 SMs and 64 lanes; 8 heads of 32 tiles of 128 queries make whole waves but
  // for a rest.
  const double scores = 32.0 * 4096 * 4096 / 132;
  CHECK((reading - plain).si() == Approx(1.25 * scores / 64 / 1.8e9).epsilon(0.1));
  CHECK(reading < time(0.1, DropoutSource::fused));
}

TEST_CASE("a hidden mask never costs more than one in its turn") {
  for (const std::string machine : {"h100-sxm", "b200", "h200"}) {
    const Machine loaded = load_machine(machine);
    for (const std::string model : {"llama2_block", "llama3_8b"}) {
      for (const std::string more : {"rng_rounds=3", "seq=1024", "regime=cold", "pass=training", "dtype=bf16"}) {
        CAPTURE(machine);
        CAPTURE(model);
        CAPTURE(more);
        const Overrides base{"dropout=0.1", "dtype=fp8", more};
        Overrides sequential = base;
        sequential.emplace_back("dropout_mode=sequential");
        Overrides overlapped = base;
        overlapped.emplace_back("dropout_mode=overlapped");
        const SequenceEstimate hidden = solved(loaded, overlapped, model);
        CHECK(hidden.total <= 1.002 * solved(loaded, sequential, model).total);
        REQUIRE(hidden.hiding.size() == 1);
        CHECK(hidden.hiding[0].hidden() <= 1.0);
      }
    }
  }
}

TEST_CASE("items of a hidden mask: start, stream and whose time they share") {
  const SequenceEstimate sequence = solved(h100(), {"dropout_mode=overlapped", "rng_rounds=3"});
  Seconds now;
  for (const SequenceItem& item : sequence.items) {
    CAPTURE(item.name);
    if (item.beside.empty()) {
      CHECK(item.start.si() == Approx(now.si()));
      CHECK(item.stream == (item.name == "dropout_mask" ? 1 : 0));
      now += item.estimate.time;
    } else {
      CHECK(item.stream == 1);
      const SequenceItem* host = find(sequence, item.beside);
      REQUIRE(host != nullptr);
      CHECK(item.start == host->start);
      CHECK(item.estimate.time <= host->estimate.time);
      CHECK(item.name == "dropout_mask/" + item.beside);
    }
  }
  CHECK(sequence.total.si() == Approx(now.si()));
  const Hiding& hiding = sequence.hiding.at(0);
  CHECK(hiding.mask == "dropout_mask");
  double share = 0;
  for (const HiddenPart& part : hiding.parts) {
    share += part.share;
    CHECK(find(sequence, "dropout_mask/" + part.host) != nullptr);
    CHECK(part.previous == (part.host != "qkv"));
  }
  CHECK((hiding.parts.empty() || share == Approx(1.0)));
  CHECK((hiding.parts.empty()) == (find(sequence, "dropout_mask") != nullptr));
}

TEST_CASE("the mask's memory, and the same plans give the same prediction") {
  const Block block = load_block("llama2_block", Overrides{"dropout_mode=overlapped"});
  const SequenceEstimate first = predict(h100(), library(), block, {});
  CHECK(first.mask == Bytes(32.0 * 4096 * 4096 / 8));
  REQUIRE(first.plans != nullptr);
  PredictOptions again;
  again.hiding = first.plans;
  CHECK(predict(h100(), library(), block, again).total == first.total);
  CHECK(solved(h100(), {"dropout_mode=sequential"}).mask == first.mask);
  CHECK(solved(h100(), {"dropout_mode=fused"}).mask == Bytes(0));
}

TEST_CASE("GEMMs named in the file are the only ones") {
  const SequenceEstimate sequence = solved(
      h100(), {"dropout_mode=overlapped", "operators.dropout_mask.under=[qkv]", "rng_rounds=3", "rng_triangle=1"});
  for (const HiddenPart& part : sequence.hiding.at(0).parts) CHECK(part.host == "qkv");
  CHECK_FALSE(sequence.conflict);
}

TEST_CASE("a training step keeps the mask, or draws it again under the backward GEMMs") {
  const SequenceEstimate kept = solved(h100(), {"dropout_mode=overlapped", "pass=training"});
  CHECK(kept.hiding.size() == 1);
  const SequenceEstimate again = solved(h100(), {"dropout_mode=overlapped", "pass=training", "rng_again=1"});
  REQUIRE(again.hiding.size() == 2);
  CHECK(again.hiding[1].mask == "dropout_mask_again");
  CHECK(again.total >= kept.total);
  for (const HiddenPart& part : again.hiding[1].parts) CHECK(part.host.find("grad") != std::string::npos);
  // In the backward pass alone the mask is there already.
  CHECK(solved(h100(), {"dropout_mode=overlapped", "pass=bwd"}).hiding.empty());
}

TEST_CASE("half of the numbers where causality hides the others") {
  const SequenceEstimate all = solved(h100(), {"dropout_mode=sequential"});
  const SequenceEstimate half = solved(h100(), {"dropout_mode=sequential", "rng_triangle=1"});
  CHECK(find(half, "dropout_mask")->estimate.time / find(all, "dropout_mask")->estimate.time ==
        Approx(0.5).epsilon(0.05));
}

TEST_CASE("a grid that never fits beside the GEMM asked for is a conflict of the two") {
  const SequenceEstimate sequence = solved(
      h100(), {"dropout_mode=overlapped", "operators.dropout_mask.under=[qkv]", "operators.dropout_mask.ctas=132",
               "operators.dropout_mask.threads=1024", "operators.dropout_mask.registers=64", "operators.qkv.cta_m=128",
               "operators.qkv.cta_n=256", "operators.qkv.threads=384", "operators.qkv.registers=168"});
  REQUIRE(sequence.conflict);
  CHECK(sequence.conflict->first == "dropout_mask");
  CHECK(sequence.conflict->second == "qkv");
  CHECK(
      refusal_of(sequence) ==
      "no CTA of 'dropout_mask' (1024 threads) ever fits on an SM beside one of 'qkv' (384 threads of 168 registers)");
}

}  // namespace
}  // namespace perfmodel
