// What one operation of a program costs on a machine. Internal to pricing.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "model/sm_code.hpp"

namespace perfmodel {

struct PricedOp {
  SmOp times;  // without its places in the flat arrays
  std::vector<PipeUse> uses;
  bool fills = false;                // copies into shared memory
  std::vector<std::size_t> classes;  // where the machine has its instructions' classes, in the order asked for
  std::int16_t flat = 0;             // in SmCode::ops
};

// Prices operations: instructions by their class on the machine's pipes; a product multiply-adds over the tensor rate
// and its operands' bytes over shared memory; a lone role of few warps gets the sub-partitions it sits on.
class OpPricer {
 public:
  // Of the SM, beside those of the machine.
  struct Pipes {
    int tensor = 0;
    int port = 0;
    int smem = 0;
  };

  // Machine and pipeline have to stay until the prices are there.
  void start_anew(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline);
  // The same machine, and a pipeline that differs in numbers alone.
  void start(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline);
  void price(const PipelineOp& op, PricedOp& priced);
  // Throws InputError with all that the machine lacks.
  void throw_if_errors() { faults_.throw_if_errors(); }

  [[nodiscard]] const Pipes& pipes() const { return pipes_; }

 private:
  void work_on(std::size_t pipe, double cycles);
  void use_shared_memory(double slots, const PipelineOp& op);
  std::optional<std::size_t> instruction_at(const std::string& name);
  void add_instructions(const PipelineOp& op);
  void add_product(const PipelineOp& op);
  void add_bytes(const PipelineOp& op);
  void set_times(const PipelineOp& op, SmOp& flat);
  void set_lags(const PipelineOp& op, SmOp& flat);
  [[nodiscard]] double product_latency(const PipelineMma& mma) const;
  [[nodiscard]] bool feeds_pair(const PipelineOp& op) const;

  const Machine* machine_ = nullptr;
  const Pipeline* pipeline_ = nullptr;
  OperatingPoint point_;
  Diagnostics faults_;
  Pipes pipes_;
  std::optional<int> smem_;
  std::uint32_t divided_ = 0;                // a bit for each pipe
  std::vector<bool> pair_takes_;             // by channel: an instruction of two CTAs does
  std::array<double, max_sm_pipes> work_{};  // of an operation, cycles of each pipe
  std::uint32_t touched_ = 0;                // pipes that it has used, a bit each
  std::vector<std::size_t>* classes_ = nullptr;
  std::size_t next_class_ = 0;
};

}  // namespace perfmodel
