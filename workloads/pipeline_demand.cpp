#include "workloads/pipeline_demand.hpp"

#include <algorithm>

namespace perfmodel {

namespace {

PipelineDemand forward(const Pipeline& pipeline, const PipelineShape& shape) {
  const double rows = pipeline.cta_m;
  const double tiles = shape.full_iterations + shape.masked_iterations;
  const double scores = rows * pipeline.cta_n * tiles;
  const double keys = pipeline.cta_n * tiles;
  PipelineDemand demand;
  demand[Duty::qk] = scores * shape.head_dim;
  demand[Duty::pv] = scores * shape.head_dim_v;
  for (const Duty duty : {Duty::max, Duty::scale, Duty::exp, Duty::convert, Duty::sum}) demand[duty] = scores;
  demand[Duty::mask] = rows * pipeline.cta_n * shape.masked_iterations;
  // The first tile has nothing to rescale. A row is rescaled, or it is at least decided whether it has to be.
  demand[Duty::vote] = rows * (tiles - 1);
  demand[Duty::normalise] = rows * shape.head_dim_v;
  demand[Duty::dropout] = shape.dropout * scores;
  demand[Duty::load] =
      shape.element_bytes * (rows * shape.head_dim + keys * (shape.head_dim + shape.head_dim_v) / pipeline.cluster);
  demand[Duty::store] = shape.output_bytes * rows * shape.head_dim_v;
  return demand;
}

// A CTA keeps cta_n keys and goes over tiles of cta_m queries; dQ is added up in fp32 in global memory.
PipelineDemand backward(const Pipeline& pipeline, const PipelineShape& shape) {
  const double keys = pipeline.cta_n;
  const double tiles = shape.full_iterations + shape.masked_iterations;
  const double scores = keys * pipeline.cta_m * tiles;
  const double queries = pipeline.cta_m * tiles;
  PipelineDemand demand;
  for (const Duty duty : {Duty::qk, Duty::dk, Duty::dq}) demand[duty] = scores * shape.head_dim;
  for (const Duty duty : {Duty::dp, Duty::dv}) demand[duty] = scores * shape.head_dim_v;
  for (const Duty duty : {Duty::scale, Duty::exp, Duty::grad}) demand[duty] = scores;
  demand[Duty::convert] = 2 * scores;  // P and dS
  demand[Duty::mask] = keys * pipeline.cta_m * shape.masked_iterations;
  demand[Duty::dropout] = shape.dropout * scores;
  demand[Duty::load] = shape.element_bytes * (keys + queries / pipeline.cluster) * (shape.head_dim + shape.head_dim_v);
  demand[Duty::store] =
      shape.output_bytes * keys * (shape.head_dim + shape.head_dim_v) + 4 * queries * shape.head_dim / pipeline.cluster;
  return demand;
}

// Rows and columns that a CTA has to load itself, in the arrangement of the cluster that shares most.
double operand_rows(const Pipeline& pipeline) {
  double least = pipeline.cta_m + pipeline.cta_n;
  for (int across = 1; across <= pipeline.cluster; ++across) {
    if (pipeline.cluster % across == 0) {
      const double down = static_cast<double>(pipeline.cluster) / across;
      least = std::min(least, pipeline.cta_m / static_cast<double>(across) + pipeline.cta_n / down);
    }
  }
  return least;
}

PipelineDemand gemm(const Pipeline& pipeline, const PipelineShape& shape) {
  PipelineDemand demand;
  const double depth = shape.k_iterations * pipeline.cta_k;
  demand[Duty::gemm] = static_cast<double>(pipeline.cta_m) * pipeline.cta_n * depth;
  demand[Duty::load] = shape.element_bytes * operand_rows(pipeline) * depth;
  const double outputs = static_cast<double>(pipeline.cta_m) * pipeline.cta_n;
  demand[Duty::store] = shape.output_bytes * outputs + 4 * shape.words;
  demand[Duty::convert] = outputs;
  demand[Duty::dropout] = 32 * shape.words;
  // A partial sum goes to the L2 in FP32, and whoever finishes the tile reads it.
  demand[Duty::load] += 4 * outputs * shape.fixups;
  demand[Duty::store] += 4 * outputs * shape.fixups;
  return demand;
}

}  // namespace

PipelineDemand demand_of(const Pipeline& pipeline, const PipelineShape& shape) {
  switch (pipeline.kind) {
    case PipelineKind::attention_forward: return forward(pipeline, shape);
    case PipelineKind::attention_backward: return backward(pipeline, shape);
    case PipelineKind::gemm: return gemm(pipeline, shape);
    case PipelineKind::mask: break;
  }
  PipelineDemand demand;
  demand[Duty::dropout] = 32 * shape.words;
  demand[Duty::store] = 4 * shape.words;
  return demand;
}

}  // namespace perfmodel
