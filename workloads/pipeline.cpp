#include "workloads/pipeline.hpp"

#include <algorithm>
#include <cmath>

namespace perfmodel {

int Pipeline::warps() const {
  int sum = 0;
  for (const PipelineRole& role : roles) sum += role.warps;
  return sum;
}

double Pipeline::registers() const {
  double sum = 0;
  for (const PipelineRole& role : roles) sum += 32.0 * role.warps * role.registers;
  return sum;
}

Bytes Pipeline::smem() const {
  Bytes sum;
  for (const PipelineChannel& channel : channels) sum += channel.depth * channel.smem;
  return sum;
}

int Pipeline::columns() const {
  int sum = 0;
  for (const PipelineChannel& channel : channels) sum += channel.depth * channel.columns;
  return sum;
}

PipelineDemand Pipeline::done() const {
  PipelineDemand sum;
  for (const PipelineSegment& segment : segments) {
    const double times = std::floor(segment.count);
    for (const PipelineOp& op : segment.ops) {
      for (const DutyAmount& duty : op.duties) sum[duty.duty] += times * duty.amount;
    }
  }
  return sum;
}

}  // namespace perfmodel
