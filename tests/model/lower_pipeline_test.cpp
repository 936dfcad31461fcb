// Attention lowered by simulation, against the published measurements on a B200. The clock is given, that of the tensor
// cores without droop: how far power pulls it down is the clock model's, and a stalled pipeline and a lower clock look
// alike in these tables.
#include <doctest/doctest.h>

#include <cmath>

#include "model/predict.hpp"
#include "support/table.hpp"
#include "tests/model/machines.hpp"
#include "tests/model/pipelines.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {
namespace {

struct Errors {
  double sum = 0;
  int n = 0;
  void add(double predicted, double measured) { sum += std::abs(predicted / measured - 1), ++n; }
  [[nodiscard]] double mean() const { return sum / n; }
};

TEST_CASE("FlashAttention-4 on a B200: forward within 3 % at head dimension 128, backward within 5 %") {
  PredictOptions options;
  options.fidelity = Fidelity::simulated;
  options.clock = test::b200().clock.datasheet.value;
  Errors forward;
  Errors backward;
  const Table table = Table::load_file(PERFMODEL_ROOT_DIR "/validate/data/b200/attention_published.csv");
  const std::size_t measured = *table.column("measured_us");
  Diagnostics warnings;
  const std::vector<Operator> rows = read_rows(table, warnings);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Operator& op = rows[i];
    const auto& work = std::get<Attention>(op.work);
    if (work.impl.family != Family::fa4 || work.head_dim != 128) continue;
    const double predicted = predict(test::b200(), test::library(), op, options).time.si() * 1e6;
    (work.pass == Pass::fwd ? forward : backward).add(predicted, *table.number(i, measured, warnings));
  }
  CHECK(forward.n == 20);
  CHECK(forward.mean() < 0.03);
  CHECK(backward.n == 12);
  CHECK(backward.mean() < 0.05);
}

TEST_CASE("a fused mask that the program does not draw goes to the closed form") {
  PredictOptions options;
  options.fidelity = Fidelity::simulated;
  const Operator plain = test::attention(2, 16, 4096, false, 0.0, Family::fa4);
  const Operator dropped = test::attention(2, 16, 4096, false, 0.1, Family::fa4);
  const std::string simulated = predict(test::b200(), test::library(), plain, options).kernel;
  CHECK(simulated.starts_with("fa4_forward_2cta"));
  CHECK(!predict(test::b200(), test::library(), dropped, options).kernel.starts_with("fa4_forward"));
  options.fidelity = Fidelity::bound;
  CHECK(!predict(test::b200(), test::library(), plain, options).kernel.starts_with("fa4_forward"));
}

TEST_CASE("the Philox mask: ALU and wide-multiply instructions over 64 a clock") {
  // A word of each of 256 threads a turn.
  const SmCode code = test::code_of(test::h100(), PipelineFile::load("philox_mask"), {{"words", 1024}});
  CHECK(resource_bound(code, 0, 1) == doctest::Approx(256 * 190.0 / 64));
  CHECK(test::interval(code, "words", 8) == doctest::Approx(8 * 256 * 190.0 / 64).epsilon(0.01));
}

TEST_CASE("programs beside each other behind sm_rates") {
  Program mask;
  mask.code = std::make_shared<SmCode>(test::code_of(test::h100(), PipelineFile::load("philox_mask")));
  Program gemm;
  gemm.code = std::make_shared<SmCode>(test::code_of(test::h100(), PipelineFile::load("gemm_wgmma_cooperative")));
  const auto rates = [](std::initializer_list<Resident> residents) {
    const std::vector<Resident> all(residents);
    return sm_rates(test::h100(), OperatingPoint{}, all, Fidelity::pipeline);
  };
  const Cycles alone = rates({{&gemm, 1}}).residents[0].item;
  const SmRates both = rates({{&gemm, 1}, {&mask, 1}});
  CHECK(alone.si() > 16 * 512);
  CHECK(both.count == 2);
  CHECK(both.residents[0].item.si() >= 0.99 * alone.si());
  CHECK(both.residents[1].item.si() > 0);
}

}  // namespace
}  // namespace perfmodel
