#include "workloads/table_rows.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "tests/input_error.hpp"
#include "workloads/kernel_program.hpp"

namespace perfmodel {
namespace {

std::vector<Operator> rows_of(const std::string& text) {
  Diagnostics warnings;
  return read_rows(Table::load_text(text, "t.csv"), warnings);
}

std::string faults_of_table(const std::string& text) {
  return test::error_of([&] { rows_of(text); });
}

std::string warnings_of(const std::string& text) {
  Diagnostics warnings;
  read_rows(Table::load_text(text, "t.csv"), warnings);
  return warnings.format();
}

template <class Kind>
Kind only(const std::string& text) {
  const std::vector<Operator> rows = rows_of(text);
  REQUIRE(rows.size() == 1);
  return std::get<Kind>(rows[0].work);
}

TEST_CASE("a GEMM row with everything given") {
  const std::vector<Operator> rows = rows_of(
      "op,m,n,k,dtype,out_dtype,impl,cta_m,cta_n,cta_k,stages,cluster,split_k,ctas,threads,registers,smem,warps,tma,"
      "spills,timer,regime,data,measured_us\n"
      "gemm,4096,12288,4096,fp8,bf16,cublas-13.0,256,128,128,4,2,1,132,384,168,213188,12,1,0,events,sustained,zeros,"
      "1\n");
  REQUIRE(rows.size() == 1);
  const auto& gemm = std::get<Gemm>(rows[0].work);
  CHECK(gemm.m == 4096);
  CHECK(gemm.n == 12288);
  CHECK(gemm.k == 4096);
  CHECK(gemm.dtype == Dtype::fp8);
  CHECK(gemm.out_dtype == Dtype::bf16);
  CHECK(gemm.impl == Impl{Family::cublas, "13.0"});
  CHECK(gemm.tile == GemmTile{256, 128, 128});
  CHECK(gemm.stages == 4);
  CHECK(gemm.cluster == 2);
  CHECK(gemm.split_k == 1);
  CHECK(gemm.ctas == 132);
  CHECK(gemm.threads == 384);
  CHECK(gemm.registers == 168);
  CHECK(gemm.smem == Bytes(213188));
  CHECK(gemm.warps == 12);
  CHECK(gemm.tma == true);
  CHECK(gemm.spills == 0);
  CHECK(rows[0].timer == Timer::events);
  CHECK(rows[0].regime == Regime::sustained);
  CHECK(rows[0].data == DataKind::zeros);
}

TEST_CASE("how long do_bench runs a kernel, 25 and 100 ms if not said") {
  const std::vector<Operator> rows = rows_of(
      "op,m,n,k,dtype,impl,tma,tma_store,timer,warmup_ms,rep_ms\n"
      "gemm,64,64,64,bf16,triton,1,1,do_bench,10,40.5\n"
      "gemm,64,64,64,bf16,triton,1,,do_bench,,\n"
      "gemm,64,64,64,bf16,triton,1,0,cupti,,\n");
  CHECK(rows[0].bench == BenchTimes{Seconds(10e-3), Seconds(40.5e-3)});
  CHECK(rows[1].bench == BenchTimes{Seconds(25e-3), Seconds(100e-3)});
  CHECK(std::get<Gemm>(rows[0].work).tma_store == true);
  CHECK_FALSE(std::get<Gemm>(rows[1].work).tma_store.has_value());
  CHECK(std::get<Gemm>(rows[2].work).tma_store == false);
  CHECK(
      faults_of_table("op,m,n,k,dtype,timer,warmup_ms,rep_ms\ngemm,64,64,64,bf16,cupti,,40\n"
                      "gemm,64,64,64,bf16,do_bench,-1,40\n") ==
      "t.csv:2:27: error: 'rep_ms': timer cupti does not repeat a kernel for a set time, only do_bench does; leave it "
      "empty\n"
      "  gemm,64,64,64,bf16,cupti,,40\n"
      "                            ^\n"
      "t.csv:3:29: error: 'warmup_ms': expected a number of at least 0 and at most 100000, not '-1'\n"
      "  gemm,64,64,64,bf16,do_bench,-1,40\n"
      "                              ^\n");
}

TEST_CASE("empty cells are not given, and get the defaults of the contract") {
  const auto gemm = only<Gemm>("op,m,n,k,dtype,out_dtype,cta_m,cta_n,stages\ngemm,16,32,64,fp8,,,,\n");
  CHECK(gemm.out_dtype == Dtype::bf16);
  CHECK(gemm.impl == Impl{Family::cublas, ""});
  CHECK_FALSE(gemm.tile);
  CHECK_FALSE(gemm.stages);
  CHECK(only<Gemm>("op,m,n,k,dtype\ngemm,1,1,1,tf32\n").out_dtype == Dtype::fp32);
  CHECK(only<Gemm>("op,m,n,k,dtype\ngemm,1,1,1,fp16\n").out_dtype == Dtype::fp16);

  const auto attention = only<Attention>(
      "op,batch,heads,kv_heads,seq_q,seq_kv,head_dim,causal,dtype,dropout,pass,impl\n"
      "attention,2,32,,4096,,128,1,bf16,0.1,bwd,flash2\n");
  CHECK(attention.kv_heads == 32);
  CHECK(attention.seq_kv == 4096);
  CHECK(attention.head_dim_v == 128);
  CHECK(attention.causal);
  CHECK(attention.dropout == 0.1);
  CHECK(attention.dropout_source == DropoutSource::fused);
  CHECK(attention.pass == Pass::bwd);
  CHECK(attention.impl.family == Family::flash2);

  const auto rng = only<Rng>("op,elements,rounds,bits,ctas,threads\nrng,1073741824,7,32,66,128\n");
  CHECK(rng.elements == 1073741824);
  CHECK(rng.ctas == 66);
  CHECK_FALSE(rng.registers);

  const auto overlap = only<Overlap>(
      "op,m,n,k,dtype,impl,rng_elements,rng_rounds,rng_bits,rng_ctas,order\n"
      "overlap,4096,4096,4096,bf16,triton,1024,10,8,,\n");
  CHECK(overlap.order == Order::rng_first);
  CHECK(overlap.carveout == Carveout::standard);
  CHECK_FALSE(overlap.rng.ctas);

  const auto block = only<BlockRow>(
      "op,model,operators,seq,batch,dtype,dropout,attention_impl,pass\nblock,llama2_7b,,4096,,fp8,0.1,,\n");
  CHECK(block.operators == BlockPart::all);
  CHECK(block.batch == 1);
  CHECK(block.attention_impl.family == Family::cudnn);
  CHECK(block.pass == Pass::fwd);

  const Operator copy = rows_of("op,kind,bytes,dtype\nmembound,copy,2147483648,fp32\n")[0];
  CHECK(std::get<MemoryBound>(copy.work).read == Bytes(1 << 30));
  CHECK(copy.timer == Timer::cupti);
  CHECK_FALSE(copy.regime);
  CHECK(copy.data == DataKind::random);
}

TEST_CASE("spellings that table writers produce") {
  CHECK(only<Gemm>("op,m,n,k,dtype,stages,tma\ngemm,4096.0,32,64,bf16,3.0,True\n").m == 4096);
  CHECK(only<MemoryBound>("op,bytes,dtype,data\nwrite,1024,fp32,constant\n").kind == MemoryKind::write);
  CHECK(rows_of("op,bytes,data\nread,1024,constant\n")[0].data == DataKind::zeros);
}

TEST_CASE("columns of other ops and unlisted ones are not read") {
  const std::string text =
      "op,m,n,k,dtype,impl,heads,elements,measured_us,regime\n"
      "gemm,16,16,16,bf16,cublas,rubbish,-7,,cold\n";
  CHECK(only<Gemm>(text).m == 16);
  CHECK(warnings_of(text).empty());
}

TEST_CASE("a column one or two letters from a listed one is a warning") {
  CHECK(warnings_of("op,m,n,k,dtype,rigisters,stags,tflops,K\ngemm,16,16,16,bf16,1,2,3,4\n") ==
        "t.csv:1:16: warning: column 'rigisters' is not read\n"
        "  op,m,n,k,dtype,rigisters,stags,tflops,K\n"
        "                 ^\n"
        "note: did you mean 'registers'?\n"
        "t.csv:1:26: warning: column 'stags' is not read\n"
        "  op,m,n,k,dtype,rigisters,stags,tflops,K\n"
        "                           ^\n"
        "note: did you mean 'stages'?\n");
}

TEST_CASE("all faults of a table in one run, each at its cell") {
  CHECK(faults_of_table("op,m,n,k,dtype,impl,timer,regime\n"
                        "gemm,0,-4,9223372036854775808,bf17,cublass,cupty,hot\n"
                        "gem,1,1,1,bf16,cublas,,\n"
                        ",1,1,1,bf16,cublas,,\n"
                        "gemm,12x,,1e3,bf16,cudnn-,,\n") ==
        "t.csv:2:6: error: 'm': expected a positive integer, not '0'\n"
        "  gemm,0,-4,9223372036854775808,bf17,cublass,cupty,hot\n"
        "       ^\n"
        "t.csv:2:8: error: 'n': expected a positive integer, not '-4'\n"
        "  gemm,0,-4,9223372036854775808,bf17,cublass,cupty,hot\n"
        "         ^\n"
        "t.csv:2:11: error: 'k': '9223372036854775808' does not fit in 64 bits\n"
        "  gemm,0,-4,9223372036854775808,bf17,cublass,cupty,hot\n"
        "            ^\n"
        "t.csv:2:31: error: 'dtype': unknown value 'bf17'\n"
        "  gemm,0,-4,9223372036854775808,bf17,cublass,cupty,hot\n"
        "                                ^\n"
        "note: did you mean 'bf16'?\n"
        "note: known values: fp16, bf16, tf32, fp8, nvfp4, fp32\n"
        "t.csv:2:36: error: 'impl': unknown value 'cublass'\n"
        "  gemm,0,-4,9223372036854775808,bf17,cublass,cupty,hot\n"
        "                                     ^\n"
        "note: did you mean 'cublas'?\n"
        "note: known values: cublas, triton, cudnn, flash2, flash3, fa4, avo, gluon, trtllm\n"
        "t.csv:2:44: error: 'timer': unknown value 'cupty'\n"
        "  gemm,0,-4,9223372036854775808,bf17,cublass,cupty,hot\n"
        "                                             ^\n"
        "note: did you mean 'cupti'?\n"
        "note: known values: cupti, events, do_bench, graph\n"
        "t.csv:2:50: error: 'regime': unknown value 'hot'\n"
        "  gemm,0,-4,9223372036854775808,bf17,cublass,cupty,hot\n"
        "                                                   ^\n"
        "note: known values: cold, warm, sustained\n"
        "t.csv:3:1: error: 'op': unknown op 'gem'\n"
        "  gem,1,1,1,bf16,cublas,,\n"
        "  ^\n"
        "note: did you mean 'gemm'?\n"
        "note: known ops: gemm, attention, rng, overlap, block, membound\n"
        "t.csv:4:1: error: 'op': empty, it says what the row is\n"
        "  ,1,1,1,bf16,cublas,,\n"
        "  ^\n"
        "note: known ops: gemm, attention, rng, overlap, block, membound\n"
        "t.csv:5:6: error: 'm': expected a positive integer, not '12x'\n"
        "  gemm,12x,,1e3,bf16,cudnn-,,\n"
        "       ^\n"
        "t.csv:5:10: error: 'n': empty, a row of op gemm needs it\n"
        "  gemm,12x,,1e3,bf16,cudnn-,,\n"
        "           ^\n"
        "t.csv:5:11: error: 'k': expected a positive integer, not '1e3'\n"
        "  gemm,12x,,1e3,bf16,cudnn-,,\n"
        "            ^\n"
        "t.csv:5:20: error: 'impl': no version after the dash in 'cudnn-'\n"
        "  gemm,12x,,1e3,bf16,cudnn-,,\n"
        "                     ^\n");
}

TEST_CASE("products that overflow, and tiles given by half") {
  CHECK(faults_of_table("op,m,n,k,dtype,cta_m,cta_n\ngemm,4294967296,4294967296,4096,bf16,128,\n") ==
        "t.csv:2:42: error: 'cta_n': give both cta_m and cta_n, or neither\n"
        "  gemm,4294967296,4294967296,4096,bf16,128,\n"
        "                                           ^\n"
        "t.csv:2:6: error: 'm': m * n * k = 4294967296 * 4294967296 * 4096 is too large for 64-bit counts\n"
        "  gemm,4294967296,4294967296,4096,bf16,128,\n"
        "       ^\n");
}

TEST_CASE("faults of attention, RNG, block and memory-bound rows") {
  CHECK(faults_of_table("op,batch,heads,kv_heads,seq_q,head_dim,causal,dtype,dropout\n"
                        "attention,1,12,8,128,64,yes,bf16,1\n") ==
        "t.csv:2:25: error: 'causal': expected 0 or 1, not 'yes'\n"
        "  attention,1,12,8,128,64,yes,bf16,1\n"
        "                          ^\n"
        "t.csv:2:34: error: 'dropout': expected a number of at least 0 and below 1, not '1'\n"
        "  attention,1,12,8,128,64,yes,bf16,1\n"
        "                                   ^\n"
        "t.csv:2:16: error: 'kv_heads': 12 heads cannot share 8 kv heads evenly\n"
        "  attention,1,12,8,128,64,yes,bf16,1\n"
        "                 ^\n");
  CHECK(faults_of_table("op,elements,rounds,bits\nrng,1024,7,12\n") ==
        "t.csv:2:12: error: 'bits': expected 1, 2, 4, 8, 16 or 32 random bits a decision, not 12\n"
        "  rng,1024,7,12\n"
        "             ^\n");
  const std::string unknown_model = faults_of_table("op,model,seq,dtype\nblock,llama2_7,4096,bf16\n");
  CHECK(unknown_model.find("'model': unknown model 'llama2_7'") != std::string::npos);
  CHECK(unknown_model.find("note: did you mean 'llama2_7b'?") != std::string::npos);
  CHECK(faults_of_table("op,kind,bytes\nmembound,scatter,1024\n") ==
        "t.csv:2:10: error: 'kind': unknown value 'scatter'\n"
        "  membound,scatter,1024\n"
        "           ^\n"
        "note: known values: copy, read, write\n");
}

TEST_CASE("a row names the program that it is predicted by; one file, read once, serves many rows") {
  const std::vector<Operator> rows = rows_of(
      "op,m,n,k,dtype,program\n"
      "gemm,512,512,512,bf16,gemm_wgmma_stream_k\n"
      "gemm,512,512,512,bf16,\n"
      "gemm,1024,512,512,bf16,gemm_wgmma_stream_k.yaml\n"
      "gemm,2048,512,512,bf16,gemm_wgmma_stream_k\n");
  REQUIRE(rows.size() == 4);
  REQUIRE(rows[0].program != nullptr);
  CHECK(rows[0].program->file().name() == "gemm_wgmma_stream_k");
  CHECK(rows[1].program == nullptr);
  CHECK(rows[2].program->file().name() == "gemm_wgmma_stream_k");
  CHECK(rows[3].program == rows[0].program);
}

TEST_CASE("a program that is not there is said once, one for another operator at its cell") {
  const std::string faults = faults_of_table(
      "op,m,n,k,dtype,program\n"
      "gemm,512,512,512,bf16,gemm_wgmma_streamk\n"
      "gemm,512,512,512,bf16,gemm_wgmma_streamk\n"
      "gemm,512,512,512,bf16,fa4_forward\n");
  CHECK(faults.starts_with(
      R"(t.csv:2:23: error: 'program': there is no 'gemm_wgmma_streamk', neither beside this file nor shipped
  gemm,512,512,512,bf16,gemm_wgmma_streamk
                        ^
note: did you mean 'gemm_wgmma_stream_k'?
note: shipped programs: avo_forward, )"));
  CHECK(faults.ends_with(R"(t.csv:4:23: error: 'program': 'fa4_forward' is a program for operator: attention_forward
  gemm,512,512,512,bf16,fa4_forward
                        ^
)"));
  CHECK(faults.find("t.csv:3") == std::string::npos);
}

TEST_CASE("a missing column is reported once") {
  CHECK(faults_of_table("m,n\n1,2\n3,4\n") ==
        "t.csv:1:1: error: column 'op' is missing, it says what each row is\n"
        "  m,n\n"
        "  ^\n"
        "note: known ops: gemm, attention, rng, overlap, block, membound\n");
  CHECK(faults_of_table("op,m,n,dtype\ngemm,1,2,bf16\ngemm,3,4,bf16\n") ==
        "t.csv:2:1: error: column 'k' is missing, a row of op gemm needs it\n"
        "  gemm,1,2,bf16\n"
        "  ^\n");
}

TEST_CASE("a header alone is a table of no rows") { CHECK(rows_of("op,m,n,k\n").empty()); }

TEST_CASE("every measured table of the project can be read") {
  std::size_t tables = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(PERFMODEL_ROOT_DIR "/validate/data")) {
    if (entry.path().extension() != ".csv") continue;
    const Table table = Table::load_file(entry.path().string());
    if (!table.column("op")) continue;  // constants, not operators
    Diagnostics warnings;
    CHECK(read_rows(table, warnings).size() == table.rows());
    CHECK(warnings.format() == "");
    ++tables;
  }
  CHECK(tables > 0);
}

}  // namespace
}  // namespace perfmodel
