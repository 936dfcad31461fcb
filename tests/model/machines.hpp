// Machines and operators that the tests of this room share.
#pragma once

#include "arch/load.hpp"
#include "workloads/library.hpp"
#include "workloads/operator.hpp"

namespace perfmodel::test {

inline const Machine& h100() {
  static const Machine machine = load_machine("h100-sxm");
  return machine;
}

inline const Library& library() {
  static const Library loaded = load_library();
  return loaded;
}

inline Operator gemm(std::int64_t m, std::int64_t n, std::int64_t k, Dtype dtype = Dtype::bf16) {
  Gemm work;
  work.m = m;
  work.n = n;
  work.k = k;
  work.dtype = dtype;
  Operator op;
  op.work = work;
  op.regime = Regime::cold;
  return op;
}

inline Operator tiled(Operator op, int cta_m, int cta_n, int cta_k, int stages, int cluster, int ctas) {
  auto& work = std::get<Gemm>(op.work);
  work.tile = GemmTile{cta_m, cta_n, cta_k};
  work.stages = stages;
  work.cluster = cluster;
  work.split_k = 1;
  work.ctas = ctas;
  work.threads = 384;
  work.registers = 168;
  return op;
}

inline Operator attention(std::int64_t batch, std::int64_t heads, std::int64_t seq, bool causal, double dropout = 0.0,
                          Family family = Family::cudnn, Pass pass = Pass::fwd) {
  Attention work;
  work.batch = batch;
  work.heads = work.kv_heads = heads;
  work.seq_q = work.seq_kv = seq;
  work.head_dim = work.head_dim_v = 128;
  work.causal = causal;
  work.dropout = dropout;
  work.impl = {family, {}};
  work.pass = pass;
  Operator op;
  op.work = work;
  op.regime = Regime::cold;
  return op;
}

inline Operator rng(std::int64_t elements, int rounds, int bits) {
  Operator op;
  op.work = Rng{.elements = elements, .rounds = rounds, .bits = bits, .ctas = {}, .threads = {}, .registers = {}};
  op.regime = Regime::cold;
  return op;
}

inline Operator in_regime(Operator op, Regime regime) {
  op.regime = regime;
  return op;
}

}  // namespace perfmodel::test
