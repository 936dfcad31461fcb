// Suites and oracles that tests of this room share.
#pragma once

#include <string>

#include "arch/load.hpp"
#include "search/json_rows.hpp"
#include "search/oracle.hpp"
#include "workloads/library.hpp"

namespace perfmodel::test {

inline Suite suite_of(const std::string& rows) { return {"", operators_from_json(rows)}; }

inline Suite triton_gemms() {
  return suite_of(R"([{"op":"gemm","m":4096,"n":4096,"k":4096,"dtype":"bf16","impl":"triton"},
                      {"op":"gemm","m":512,"n":8192,"k":2048,"dtype":"bf16","impl":"triton"}])");
}

inline Suite attention() {
  return suite_of(R"([{"op":"attention","batch":1,"heads":16,"seq_q":8192,"head_dim":128,"dtype":"bf16","impl":"avo"},
                      {"op":"attention","batch":2,"heads":16,"seq_q":4096,"head_dim":128,"dtype":"bf16","impl":"avo","causal":1}])");
}

inline Oracle oracle_of(const std::string& machine, const OracleOptions& options = {}) {
  return {load_machine(machine), load_library(), options};
}

}  // namespace perfmodel::test
