#include "calibrate/device/probes/expectations.hpp"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/device/probes/tma_matrix.hpp"

namespace perfmodel {

void probe_tma(Bench& bench) {
  if (!bench.wanted("tma")) return;
  const TmaMatrix matrix(bench);
  report_barriers(bench);
  report_tma_latencies(bench, matrix);
  report_tma_streams(bench, matrix);
}

std::vector<SassExpectation> sass_expectations_tma() {
  return {
      {"tma_load_streamILb0E", "UTMALDG.2D", 1},
      {"tma_load_streamILb1E", "UTMALDG.2D.MULTICAST", 1},
      {"tma_store_streamILi4E", "UTMASTG.2D", 1},
      {"tma_load_latency", "UTMALDG.2D", 1},
      {"tma_line_latency", "LDG.E", 1},
      {"tma_store_latency", "UTMASTG.2D", 1},
      {"tma_issue", "UTMALDG.2D", 2},
      {"mbarrier_rounds", "SYNCS.PHASECHK.TRANS64.TRYWAIT", 2},
      {"mbarrier_rounds", "SYNCS.ARRIVE.TRANS64", 2},
      {"mbarrier_completed_waits", "SYNCS.PHASECHK.TRANS64.TRYWAIT", 1},
      {"cta_barriers", "BAR.SYNC", 16},
      {"named_rounds", "BAR.ARV", 2},
      {"named_rounds", "BAR.SYNC", 2},
  };
}

}  // namespace perfmodel
