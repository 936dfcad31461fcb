#include "workloads/host_kernel.hpp"

#include <utility>

#include "support/data_path.hpp"
#include "support/yaml_map.hpp"
#include "workloads/block_operator.hpp"

namespace perfmodel {
namespace {

const std::vector<std::string>& generations() {
  static const std::vector<std::string> names{"mma", "wgmma", "tcgen05"};
  return names;
}

HostKernel read_kernel(const YamlNode& node, Diagnostics& faults) {
  YamlMap map(node, "a kernel", faults);
  const auto count = [&](std::string_view key) { return static_cast<int>(map.integer(key, IntegerRange::positive())); };
  HostKernel host;
  host.name = map.string("name");
  if (const auto index = read_choice(map.node("tensor"), "tensor", faults, generations())) {
    host.tensor = generations()[*index];
  }
  host.kernel.impl = read_impl(map, "impl").value_or(Impl{});
  host.kernel.tile = GemmTile{count("cta_m"), count("cta_n"), {}};
  host.kernel.stages = count("stages");
  host.kernel.threads = count("threads");
  host.kernel.registers = count("registers");
  host.kernel.smem = map.quantity<Bytes>("smem");
  if (map.has("cluster")) host.kernel.cluster = count("cluster");
  if (map.has("mma_pair")) host.kernel.mma_pair = count("mma_pair");
  host.kernel.split_k = 1;
  map.finish();
  return host;
}

std::vector<HostKernel> read_kernels(const YamlNode& node) {
  Diagnostics faults;
  YamlMap root(node, "the file of host kernels", faults);
  std::vector<HostKernel> kernels;
  for (const YamlNode& item : root.list("kernels")) kernels.push_back(read_kernel(item, faults));
  root.finish();
  faults.throw_if_errors();
  return kernels;
}

}  // namespace

std::vector<HostKernel> load_host_kernels() {
  return read_kernels(load_yaml_file(data_path("workloads/hosts/gemm.yaml")));
}

std::vector<HostKernel> host_kernels_from_text(std::string text, std::string_view name) {
  return read_kernels(load_yaml_text(std::move(text), name));
}

Gemm run_by(const Gemm& gemm, const HostKernel& host) {
  Gemm run = host.kernel;
  run.m = gemm.m;
  run.n = gemm.n;
  run.k = gemm.k;
  run.dtype = gemm.dtype;
  run.out_dtype = gemm.out_dtype;
  return run;
}

}  // namespace perfmodel
