#include "workloads/block.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using Overrides = std::vector<std::string>;

const BlockOperator& find(const Block& block, const std::string& name) {
  for (const BlockOperator& op : block.operators) {
    if (op.op.name == name) return op;
  }
  FAIL("no operator " << name);
  return block.operators.front();
}

bool has(const Block& block, const std::string& name) {
  for (const BlockOperator& op : block.operators) {
    if (op.op.name == name) return true;
  }
  return false;
}

void check_gemm(const Block& block, const std::string& name, std::int64_t m, std::int64_t n, std::int64_t k) {
  CAPTURE(block.name);
  CAPTURE(name);
  const auto& gemm = std::get<Gemm>(find(block, name).op.work);
  CHECK(gemm.m == m);
  CHECK(gemm.n == n);
  CHECK(gemm.k == k);
  CHECK(gemm.dtype == block.dtype);
  CHECK(gemm.out_dtype == Dtype::bf16);
}

Block from_text(const std::string& text, const Overrides& overrides = {}) {
  return BlockFile::from_text(text, "b.yaml").block(overrides);
}

std::string fault_of(const std::string& text, const Overrides& overrides = {}) {
  return test::error_of([&] { from_text(text, overrides); });
}

TEST_CASE("llama2_block.yaml: Llama 2 7B at sequence 4096, worked out by hand") {
  const Block block = load_block("llama2_block.yaml");
  CHECK(block.name == "llama2_block");
  CHECK(block.dtype == Dtype::fp8);
  CHECK(block.dropout == 0.1);
  CHECK(block.dropout_mode == DropoutMode::fused);
  CHECK(block.pass == BlockPass::fwd);
  CHECK_FALSE(block.regime);
  CHECK_FALSE(block.machine);
  CHECK_FALSE(block.single_operator);
  std::vector<std::string> names;
  for (const BlockOperator& op : block.operators) names.push_back(op.op.name);
  CHECK(names == std::vector<std::string>{"norm1", "cast_norm1", "qkv", "rope", "attention", "cast_attention", "proj",
                                          "residual_norm2", "cast_norm2", "ffn_up", "activation", "cast_activation",
                                          "ffn_down", "residual"});
  check_gemm(block, "qkv", 4096, 12288, 4096);
  check_gemm(block, "proj", 4096, 4096, 4096);
  check_gemm(block, "ffn_up", 4096, 22016, 4096);
  check_gemm(block, "ffn_down", 4096, 4096, 11008);
  const auto& attention = std::get<Attention>(find(block, "attention").op.work);
  CHECK(attention.batch == 1);
  CHECK(attention.heads == 32);
  CHECK(attention.kv_heads == 32);
  CHECK(attention.seq_q == 4096);
  CHECK(attention.seq_kv == 4096);
  CHECK(attention.head_dim == 128);
  CHECK(attention.causal);
  CHECK(attention.dtype == Dtype::bf16);
  CHECK(attention.dropout == 0.1);
  CHECK(attention.dropout_source == DropoutSource::fused);
  CHECK(attention.impl.family == Family::cudnn);
  // 2 * 4096 tokens * (4096 * 12288 + 4096 * 4096 + 4096 * 22016 + 11008 * 4096) + 4 * 128 * 32 * 4096 * 4097 / 2
  CHECK(flops_of(block) == Flops(2.0 * 4096 * 202375168 + 4.0 * 128 * 32 * 8390656));
}

TEST_CASE("traffic of what lies between the GEMMs is that of its tensors") {
  const Block block = load_block("llama2_block.yaml");
  const double tokens_hidden = 4096.0 * 4096.0;
  const auto& cast = std::get<MemoryBound>(find(block, "cast_norm1").op.work);
  CHECK(cast.read == Bytes(2 * tokens_hidden));
  CHECK(cast.written == Bytes(tokens_hidden));
  const auto& residual = std::get<MemoryBound>(find(block, "residual").op.work);
  CHECK(residual.read == Bytes(4 * tokens_hidden));
  CHECK(residual.written == Bytes(2 * tokens_hidden));
  const auto& activation = std::get<MemoryBound>(find(block, "activation").op.work);
  CHECK(activation.read == Bytes(2.0 * 4096 * 22016));
  CHECK(activation.written == Bytes(2.0 * 4096 * 11008));
  CHECK(find(block, "qkv").reads ==
        std::vector<TensorUse>{{"x_norm_q", Bytes(tokens_hidden)}, {"w_qkv", Bytes(4096.0 * 12288)}});
}

TEST_CASE("without a type of their own the GEMMs read what the norms wrote") {
  const Block block = load_block("llama2_7b", Overrides{"dtype=bf16"});
  CHECK_FALSE(has(block, "cast_norm1"));
  CHECK(find(block, "qkv").reads[0].name == "x_norm");
  CHECK(find(block, "ffn_down").reads[0].name == "act");
  CHECK(find(block, "norm1").writes == std::vector<TensorUse>{{"x_norm", Bytes(2.0 * 4096 * 4096)}});
}

TEST_CASE("the other models shipped") {
  const Overrides fp8{"dtype=fp8"};
  const Block llama13 = load_block("llama2_13b", fp8);
  check_gemm(llama13, "qkv", 4096, 15360, 5120);
  check_gemm(llama13, "ffn_up", 4096, 27648, 5120);
  const Block llama70 = load_block("llama2_70b", fp8);
  check_gemm(llama70, "qkv", 4096, 10240, 8192);
  check_gemm(llama70, "ffn_up", 4096, 57344, 8192);
  check_gemm(llama70, "ffn_down", 4096, 8192, 28672);
  CHECK(std::get<Attention>(find(llama70, "attention").op.work).kv_heads == 8);
  const Block llama3 = load_block("llama3_8b", Overrides{"seq=2048", "batch=2"});
  check_gemm(llama3, "qkv", 4096, 6144, 4096);
  check_gemm(llama3, "ffn_up", 4096, 28672, 4096);
  CHECK(std::get<Attention>(find(llama3, "attention").op.work).batch == 2);
  CHECK(std::get<Attention>(find(llama3, "attention").op.work).seq_q == 2048);
  const Block gpt3 = load_block("gpt3_175b");
  check_gemm(gpt3, "qkv", 4096, 36864, 12288);
  check_gemm(gpt3, "ffn_up", 4096, 49152, 12288);  // not gated
  check_gemm(gpt3, "ffn_down", 4096, 12288, 49152);
  CHECK_FALSE(has(gpt3, "rope"));
}

TEST_CASE("backward: two GEMMs for each forward one, and attention's own pass") {
  const Block forward = load_block("llama3_8b");
  const Block backward = load_block("llama3_8b", Overrides{"pass=bwd"});
  const Block training = load_block("llama3_8b", Overrides{"pass=training"});
  CHECK(training.operators.size() == forward.operators.size() + backward.operators.size());
  check_gemm(backward, "ffn_up_dgrad", 4096, 4096, 28672);
  check_gemm(backward, "ffn_up_wgrad", 28672, 4096, 4096);
  check_gemm(backward, "qkv_dgrad", 4096, 4096, 6144);
  check_gemm(backward, "qkv_wgrad", 6144, 4096, 4096);
  check_gemm(backward, "proj_dgrad", 4096, 4096, 4096);
  check_gemm(backward, "ffn_down_wgrad", 4096, 14336, 4096);
  CHECK(std::get<Attention>(find(backward, "attention_bwd").op.work).pass == Pass::bwd);
  const double gemms = flops_of(forward).si() - flops_of(find(forward, "attention").op.work).si();
  const double backward_gemms = flops_of(backward).si() - flops_of(find(backward, "attention_bwd").op.work).si();
  CHECK(backward_gemms == 2.0 * gemms);
  // In training, fp8 activations are kept for the weight gradients in a transposed copy.
  const Block fp8 = load_block("llama3_8b", Overrides{"pass=training", "dtype=fp8"});
  CHECK(find(fp8, "cast_norm1").writes.size() == 2);
  CHECK(find(fp8, "qkv_wgrad").reads[2].name == "x_norm_t");
  CHECK(find(training, "qkv_wgrad").reads[2].name == "x_norm");
}

TEST_CASE("dropout modes") {
  const auto block_with = [](const std::string& mode) {
    return load_block("llama2_block", Overrides{"dropout_mode=" + mode});
  };
  const Block none = block_with("none");
  CHECK(none.dropout == 0.0);
  CHECK(std::get<Attention>(find(none, "attention").op.work).dropout == 0.0);
  CHECK_FALSE(has(block_with("fused"), "dropout_mask"));
  const Block sequential = block_with("sequential");
  const auto& mask = find(sequential, "dropout_mask");
  CHECK(std::get<Rng>(mask.op.work).elements == 32LL * 4096 * 4096);
  CHECK(std::get<Rng>(mask.op.work).rounds == 7);
  CHECK(mask.stream == 0);
  CHECK(mask.writes == std::vector<TensorUse>{{"mask", Bytes(32.0 * 4096 * 4096 / 8)}});
  const auto& attention = find(sequential, "attention");
  CHECK(std::get<Attention>(attention.op.work).dropout_source == DropoutSource::mask);
  CHECK(attention.reads.back().name == "mask");
  CHECK(find(block_with("overlapped"), "dropout_mask").stream == 1);
  CHECK_FALSE(has(load_block("llama2_7b", Overrides{"dropout_mode=sequential"}), "dropout_mask"));  // nothing to drop
}

TEST_CASE("block rows, and the matmul subtotal") {
  BlockModels models;
  BlockRow row;
  row.model = "llama2_70b";
  row.operators = BlockPart::matmul;
  row.seq = 2048;
  row.batch = 2;
  row.dtype = Dtype::fp8;
  row.dropout = 0.1;
  row.attention_impl = {Family::flash2, "2.8"};
  const Block block = expand_block_row({.work = row, .data = DataKind::zeros, .timer = Timer::events}, models);
  REQUIRE(block.operators.size() == 5);
  check_gemm(block, "qkv", 4096, 10240, 8192);
  check_gemm(block, "ffn_up", 4096, 57344, 8192);
  const auto& attention = find(block, "attention");
  CHECK(std::get<Attention>(attention.op.work).impl == Impl{Family::flash2, "2.8"});
  CHECK(std::get<Attention>(attention.op.work).dropout == 0.1);
  CHECK(attention.op.regime == Regime::sustained);
  CHECK(attention.op.timer == Timer::events);
  CHECK(attention.op.data == DataKind::zeros);
  row.operators = BlockPart::all;
  row.pass = Pass::bwd;
  const Block whole = expand_block_row({.work = row, .regime = Regime::warm}, models);
  CHECK(has(whole, "norm1_bwd"));
  CHECK(whole.regime == Regime::warm);
}

TEST_CASE("every shipped workload loads in every mode") {
  for (const auto& entry : std::filesystem::directory_iterator(PERFMODEL_ROOT_DIR "/workloads")) {
    if (entry.path().extension() != ".yaml") continue;
    for (const std::string pass : {"fwd", "bwd", "training"}) {
      for (const std::string dtype : {"bf16", "fp8", "nvfp4", "tf32"}) {
        for (const std::string mode : {"none", "fused", "sequential", "overlapped"}) {
          const Block block = load_block(entry.path().string(), Overrides{"pass=" + pass, "dtype=" + dtype,
                                                                          "dropout=0.1", "dropout_mode=" + mode});
          CHECK(block.operators.size() > 8);
        }
      }
    }
  }
}

TEST_CASE("a file with one operator") {
  const Block block = from_text(
      "op: gemm\nm: 2 * 4096\nn: 4096\nk: 1024\ndtype: fp8\nimpl: triton-3.6\ncta_m: 128\ncta_n: 256\nsmem: 96 KiB\n"
      "regime: cold\ntimer: do_bench\ndata: zeros\nmachine: b200\n",
      {"k=512"});
  CHECK(block.single_operator);
  CHECK(block.name == "b");
  CHECK(block.machine->name == "b200");
  CHECK(block.machine->location.text() == "b.yaml:13:10");
  REQUIRE(block.operators.size() == 1);
  const Operator& op = block.operators[0].op;
  CHECK(op.name == "b");
  CHECK(op.regime == Regime::cold);
  CHECK(op.timer == Timer::do_bench);
  CHECK(op.data == DataKind::zeros);
  const auto& gemm = std::get<Gemm>(op.work);
  CHECK(gemm.m == 8192);
  CHECK(gemm.k == 512);
  CHECK(gemm.tile == GemmTile{128, 256, {}});
  CHECK(gemm.smem == Bytes(96 * 1024));
  CHECK(gemm.impl == Impl{Family::triton, "3.6"});

  const Block attention = from_text(
      "op: attention\nbatch: 2\nheads: 16\nseq_q: 8192\nhead_dim: 128\ncausal: true\ndropout: 0.1\npass: bwd\n"
      "dtype: bf16\nimpl: flash3\n");
  const auto& work = std::get<Attention>(attention.operators[0].op.work);
  CHECK(work.pass == Pass::bwd);
  CHECK(work.kv_heads == 16);
  CHECK(work.dropout == 0.1);
  CHECK(work.causal);
  CHECK(attention.pass == BlockPass::bwd);

  const Block copy = from_text("op: membound\nkind: copy\nbytes: 2 GiB\n");
  CHECK(std::get<MemoryBound>(copy.operators[0].op.work).read == Bytes(1 << 30));
  const Block overlap = from_text(
      "op: overlap\nm: 4096\nn: 4096\nk: 4096\ndtype: bf16\nrng_elements: 2^30\nrng_rounds: 10\nrng_bits: 8\n"
      "rng_carveout: max\n");
  CHECK(std::get<Overlap>(overlap.operators[0].op.work).rng.elements == 1 << 30);
  CHECK(std::get<Overlap>(overlap.operators[0].op.work).carveout == Carveout::maximum);
}

TEST_CASE("a list of operators of the user's own") {
  const Block block = from_text(
      "parameters: {width: 4096}\ndtype: bf16\n"
      "operators:\n"
      "  - {op: gemm, m: 128, n: width, k: width}\n"
      "  - {op: gemm, m: 128, n: width, k: width, dtype: fp8, stream: 1}\n"
      "  - {name: copy, op: membound, kind: copy, bytes: 2 * width}\n"
      "  - {name: back, op: attention, pass: bwd, batch: 1, heads: 1, seq_q: 8, head_dim: 64, impl: fa4}\n");
  REQUIRE(block.operators.size() == 4);
  CHECK(block.operators[0].op.name == "gemm");
  CHECK(block.operators[1].op.name == "gemm-2");
  CHECK(block.operators[1].stream == 1);
  CHECK(std::get<Gemm>(block.operators[1].op.work).dtype == Dtype::fp8);
  CHECK(std::get<MemoryBound>(block.operators[2].op.work).written == Bytes(4096));
  CHECK(std::get<Attention>(block.operators[3].op.work).impl.family == Family::fa4);
  CHECK(block.parameters.size() == 1);
  CHECK(block.parameters[0].name == "width");
}

TEST_CASE("overrides") {
  CHECK(load_block("llama2_7b", Overrides{"hidden=2048"}).parameters.size() > 10);
  check_gemm(load_block("llama2_7b", Overrides{"seq=8192"}), "qkv", 8192, 12288, 4096);
  check_gemm(load_block("llama2_7b", Overrides{"parameters.ffn=2*hidden"}), "ffn_down", 4096, 4096, 8192);
  const Block block = load_block("llama2_7b", Overrides{"operators.qkv.impl=triton", "regime=cold"});
  CHECK(std::get<Gemm>(find(block, "qkv").op.work).impl.family == Family::triton);
  CHECK(find(block, "qkv").op.regime == Regime::cold);
  CHECK(
      test::error_of([] {
        load_block("llama2_7b", Overrides{"sec=1", "dtype=fp7", "seq=0", "seq", "ffn=2.5"});
      }) ==
      "--set:1:1: error: unknown key 'sec'\n"
      "  sec=1\n"
      "  ^\n"
      "note: did you mean 'seq'?\n"
      "note: known keys: seq, batch, dtype, dropout, dropout_mode, attention_impl, pass, regime, machine, timer, data, "
      "gated, rotary, rng_rounds, rng_bits, rng_triangle, rng_again, tokens, attention_width, kv_width, qkv_width, "
      "up_width, cast, train, mask_kernel, drawn, layers, hidden, heads, kv_heads, head_dim, ffn\n"
      "--set:1:1: error: expected KEY=VALUE\n"
      "  seq\n"
      "  ^\n"
      "--set:1:7: error: 'dtype': unknown value 'fp7'\n"
      "  dtype=fp7\n"
      "        ^\n"
      "note: did you mean 'fp8'?\n"
      "note: known values: fp16, bf16, tf32, fp8, nvfp4, fp32\n"
      "--set:1:5: error: 'seq': expected a positive integer, not '0'\n"
      "  seq=0\n"
      "      ^\n" PERFMODEL_ROOT_DIR
      "/workloads/layers/transformer.yaml:112:71: error: 'k': expected a positive integer, 'ffn' gives 2.5\n"
      "  ...mul: true, m: tokens, n: hidden, k: ffn, reads: [act_q, w_down], writes:...\n"
      "                                         ^\n"
      "--set:1:5: note: 'ffn' is set here\n"
      "  ffn=2.5\n"
      "      ^\n");
}

TEST_CASE("all faults of a block file in one run") {
  CHECK(fault_of("sequence: 4096\n"
                 "dtype: fp9\n"
                 "dropout: 1\n"
                 "parameters: {width: 10, third: width / 3}\n"
                 "tensors: {a: width * 2, b: {when: 0, bytes: 4, otherwise: c}}\n"
                 "operators:\n"
                 "  - {name: one, op: gemm, m: third, n: width / 0, kk: 3}\n"
                 "  - {name: one, op: gem}\n"
                 "  - {name: two, op: membound, reads: [a, d]}\n"
                 "  - {name: three, op: membound}\n"
                 "  - 7\n") ==
        "b.yaml:2:8: error: 'dtype': unknown value 'fp9'\n"
        "  dtype: fp9\n"
        "         ^\n"
        "note: did you mean 'fp8'?\n"
        "note: known values: fp16, bf16, tf32, fp8, nvfp4, fp32\n"
        "b.yaml:3:10: error: 'dropout': expected a number of at least 0 and below 1, not 1\n"
        "  dropout: 1\n"
        "           ^\n"
        "b.yaml:5:59: error: 'otherwise': unknown tensor 'c'\n"
        "  tensors: {a: width * 2, b: {when: 0, bytes: 4, otherwise: c}}\n"
        "                                                            ^\n"
        "note: known tensors: a, b\n"
        "b.yaml:7:30: error: 'm': expected a positive integer, 'third' gives 3.3333333333333335\n"
        "    - {name: one, op: gemm, m: third, n: width / 0, kk: 3}\n"
        "                               ^\n"
        "b.yaml:4:32: note: 'third' is set here\n"
        "  parameters: {width: 10, third: width / 3}\n"
        "                                 ^\n"
        "b.yaml:7:40: error: 'n': 'width / 0' divides by zero\n"
        "    - {name: one, op: gemm, m: third, n: width / 0, kk: 3}\n"
        "                                         ^\n"
        "b.yaml:7:5: error: missing key 'k' in operator 'one'\n"
        "    - {name: one, op: gemm, m: third, n: width / 0, kk: 3}\n"
        "      ^\n"
        "b.yaml:7:51: error: unknown key 'kk' in operator 'one'\n"
        "    - {name: one, op: gemm, m: third, n: width / 0, kk: 3}\n"
        "                                                    ^\n"
        "note: did you mean 'k'?\n"
        "note: known keys: name, pass, when, reads, writes, op, m, n, k, dtype, out_dtype, impl, cta_m, "
        "cta_n, cta_k, stages, cluster, split_k, ctas, threads, registers, warps, smem, tma, spills, program, "
        "with, stream, matmul\n"
        "b.yaml:8:12: error: 'name': a second operator 'one'\n"
        "    - {name: one, op: gem}\n"
        "             ^\n"
        "b.yaml:7:12: note: the first is here\n"
        "    - {name: one, op: gemm, m: third, n: width / 0, kk: 3}\n"
        "             ^\n"
        "b.yaml:8:21: error: 'op': unknown op 'gem'\n"
        "    - {name: one, op: gem}\n"
        "                      ^\n"
        "note: did you mean 'gemm'?\n"
        "note: known ops: gemm, attention, rng, overlap, membound\n"
        "b.yaml:9:42: error: 'reads': unknown tensor 'd'\n"
        "    - {name: two, op: membound, reads: [a, d]}\n"
        "                                           ^\n"
        "note: known tensors: a, b\n"
        "b.yaml:10:5: error: no traffic in operator 'three': give kind and bytes, or reads and writes\n"
        "    - {name: three, op: membound}\n"
        "      ^\n"
        "b.yaml:11:5: error: expected a map for operator 'operator', not a single value\n"
        "    - 7\n"
        "      ^\n"
        "b.yaml:1:1: error: unknown key 'sequence' in the block\n"
        "  sequence: 4096\n"
        "  ^\n"
        "note: known keys: name, description, machine, regime, timer, data, dtype, dropout_mode, "
        "attention_impl, rng, packed, mask_form, redraw, pass, seq, batch, dropout, parameters, tensors, operators\n");
}

TEST_CASE("files based on others") {
  const test::TemporaryFolder folder;
  folder.write("base.yaml",
               "description: base\nparameters: {width: 64, depth: 2 * width}\ndtype: fp8\n"
               "operators: [{op: gemm, m: width, n: depth, k: 8}]\n");
  folder.write("own.yaml", "based-on: base\nparameters: {width: 128}\n");
  const Block block = load_block(folder.file("own.yaml"));
  check_gemm(block, "gemm", 128, 256, 8);
  CHECK(block.name == "own");
  CHECK(block.description.empty());
  CHECK(load_block(folder.file("own")).operators.size() == 1);
  // A user's file on top of a shipped model.
  folder.write("llama.yaml", "based-on: llama2_7b\nseq: 1024\n");
  check_gemm(load_block(folder.file("llama.yaml")), "proj", 1024, 4096, 4096);
}

TEST_CASE("bases that lead nowhere or in circles") {
  const test::TemporaryFolder folder;
  folder.write("a.yaml", "based-on: b\n");
  folder.write("b.yaml", "based-on: a.yaml\n");
  folder.write("self.yaml", "based-on: self\n");
  folder.write("lost.yaml", "based-on: llama2_7\n");
  folder.write("list.yaml", "based-on: [a, b]\n");
  const auto fault = [&](const std::string& name) { return test::error_of([&] { load_block(folder.file(name)); }); };
  CHECK(fault("a.yaml") == folder.file("b.yaml") +
                               ":1:11: error: 'based-on': 'a.yaml' is based on this file, a circle\n"
                               "  based-on: a.yaml\n"
                               "            ^\n");
  CHECK(fault("self.yaml") == folder.file("self.yaml") +
                                  ":1:11: error: 'based-on': 'self' is based on this file, a circle\n"
                                  "  based-on: self\n"
                                  "            ^\n");
  CHECK(fault("lost.yaml") ==
        folder.file("lost.yaml") +
            ":1:11: error: 'based-on': there is no 'llama2_7', neither beside this file nor shipped\n"
            "  based-on: llama2_7\n"
            "            ^\n"
            "note: did you mean 'llama2_7b'?\n");
  CHECK(fault("list.yaml") == folder.file("list.yaml") +
                                  ":1:11: error: 'based-on': expected the name of a file\n"
                                  "  based-on: [a, b]\n"
                                  "            ^\n");
  for (int i = 0; i < 30; ++i) {
    folder.write("chain" + std::to_string(i) + ".yaml", "based-on: chain" + std::to_string(i + 1) + "\n");
  }
  CHECK(fault("chain0.yaml").find("more than 16 files in a row") != std::string::npos);
}

TEST_CASE("files that are not there, and files with nothing to predict") {
  CHECK(test::error_of([] { load_block("llama2_blok.yaml"); })
            .starts_with(
                "llama2_blok.yaml: error: no such file, and no shipped workload of that name\nnote: did you mean"));
  CHECK(fault_of("seq: 4096\n") ==
        "b.yaml:1:1: error: there is nothing to predict: no 'op' and no 'operators'\n"
        "  seq: 4096\n"
        "  ^\n");
  CHECK(fault_of("operators: []\n") ==
        "b.yaml:1:12: error: 'operators': the list is empty\n"
        "  operators: []\n"
        "             ^\n");
  CHECK(fault_of("- 1\n") ==
        "b.yaml:1:1: error: expected a map, not a list\n"
        "  - 1\n"
        "  ^\n");
  CHECK(fault_of("pass: fwd\noperators: [{op: gemm, pass: bwd, m: 1, n: 1, k: 1}]\n") ==
        "b.yaml:2:12: error: 'operators': none is left, 'pass' and 'when' exclude all\n"
        "  operators: [{op: gemm, pass: bwd, m: 1, n: 1, k: 1}]\n"
        "             ^\n");
  CHECK(fault_of("op: block\nmodel: llama2_7b\n") ==
        "b.yaml:1:5: error: 'op': a block is a file of its own here\n"
        "  op: block\n"
        "      ^\n"
        "note: write 'based-on: MODEL' at the top, and no operators\n");
}

TEST_CASE("sizes and products beyond 64 bits, heads that do not divide") {
  CHECK(fault_of("op: gemm\nm: 2^32\nn: 2^32\nk: 4096\ndtype: bf16\n") ==
        "b.yaml:2:4: error: 'm': m * n * k = 4294967296 * 4294967296 * 4096 is too large for 64-bit counts\n"
        "  m: 2^32\n"
        "     ^\n");
  CHECK(fault_of("op: attention\nbatch: 1\nheads: 12\nkv_heads: 8\nseq_q: 128\nhead_dim: 64\n") ==
        "b.yaml:4:11: error: 'kv_heads': 12 heads cannot share 8 kv heads evenly\n"
        "  kv_heads: 8\n"
        "            ^\n");
  CHECK(fault_of("op: membound\nkind: copy\nbytes: 2 GIB\n") ==
        "b.yaml:3:10: error: 'bytes': unknown unit 'GIB', did you mean 'GiB'?\n"
        "  bytes: 2 GIB\n"
        "           ^\n");
}

}  // namespace
}  // namespace perfmodel
