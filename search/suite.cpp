#include "search/suite.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "support/diagnostic.hpp"
#include "workloads/table_columns.hpp"

namespace perfmodel {

namespace {

// 32768 tokens, bf16, head dimension 128; A1 of the paper: 5 warm-up launches, mean of 10, timed as do_bench does.
Suite avo(std::string_view name, std::int64_t heads, std::int64_t kv_heads) {
  std::vector<Operator> configurations;
  for (const bool causal : {false, true}) {
    for (const std::int64_t sequence : {4096, 8192, 16384, 32768}) {
      Attention attention;
      attention.batch = 32768 / sequence;
      attention.heads = heads;
      attention.kv_heads = kv_heads;
      attention.seq_q = attention.seq_kv = sequence;
      attention.head_dim = attention.head_dim_v = 128;
      attention.causal = causal;
      attention.impl = {Family::avo, {}};
      Operator op;
      op.work = attention;
      op.regime = Regime::warm;
      op.name = fmt::format("{} {}", causal ? "causal" : "full", sequence);
      configurations.push_back(op);
    }
  }
  return {std::string(name), std::move(configurations)};
}

struct Shipped {
  std::string_view name;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
};
constexpr std::array<Shipped, 3> shipped{{{"avo_mha", 16, 16}, {"avo_gqa4", 32, 4}, {"avo_gqa8", 32, 8}}};

}  // namespace

Suite::Suite(std::string name, std::vector<Operator> configurations)
    : name_(std::move(name)), configurations_(std::move(configurations)) {
  if (configurations_.empty()) throw InputError({}, "a suite needs at least one configuration");
  if (configurations_.size() > most_configurations) {
    throw InputError({}, fmt::format("{} configurations, {} are the most a suite can have", configurations_.size(),
                                     most_configurations));
  }
  Content content;
  for (const Operator& op : configurations_) {
    const bool scored = std::holds_alternative<Gemm>(op.work) || std::holds_alternative<Attention>(op.work) ||
                        std::holds_alternative<Rng>(op.work);
    if (!scored) {
      throw InputError({}, fmt::format("a configuration of op {} has no kernel to choose; gemm, attention and rng have",
                                       op_names()[static_cast<std::size_t>(op_of(op))]));
    }
    if (op.work.index() != configurations_.front().work.index()) {
      throw InputError({}, "the configurations of a suite are all of one op");
    }
    add(content, op);
  }
  key_ = content.key();
}

std::optional<Suite> shipped_suite(std::string_view name) {
  for (const Shipped& each : shipped) {
    if (each.name == name) return avo(each.name, each.heads, each.kv_heads);
  }
  return std::nullopt;
}

std::vector<std::string> shipped_suite_names() {
  std::vector<std::string> names;
  for (const Shipped& each : shipped) names.emplace_back(each.name);
  return names;
}

double useful_work(const Operator& op) {
  if (const auto* rng = std::get_if<Rng>(&op.work)) return static_cast<double>(rng->elements);
  return flops_of(op.work).si();
}

}  // namespace perfmodel
