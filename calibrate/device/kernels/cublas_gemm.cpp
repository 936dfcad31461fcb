#include <cublasLt.h>
#include <fmt/format.h>

#include <utility>

#include "calibrate/device/kernels/library.hpp"
#include "calibrate/device/kernels/reference.hpp"
#include "calibrate/device/kernels/shared_library.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t workspace_bytes = std::size_t{32} << 20U;

struct Blas {
  SharedLibrary library{"libcublasLt.so.13"};
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtGetStatusName) status_name = nullptr;
  decltype(&cublasLtMatmulDescCreate) operation_create = nullptr;
  decltype(&cublasLtMatmulDescDestroy) operation_destroy = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) operation_set = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) layout_create = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;
  cublasLtHandle_t handle = nullptr;

  Blas();
  void check(cublasStatus_t status, const char* call) const {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    throw DeviceError(fmt::format("{}: {}", call, status_name(status)));
  }
};

Blas::Blas() {
  library.find("cublasLtCreate", create);
  library.find("cublasLtGetStatusName", status_name);
  library.find("cublasLtMatmulDescCreate", operation_create);
  library.find("cublasLtMatmulDescDestroy", operation_destroy);
  library.find("cublasLtMatmulDescSetAttribute", operation_set);
  library.find("cublasLtMatrixLayoutCreate", layout_create);
  library.find("cublasLtMatrixLayoutDestroy", layout_destroy);
  library.find("cublasLtMatmulPreferenceCreate", preference_create);
  library.find("cublasLtMatmulPreferenceDestroy", preference_destroy);
  library.find("cublasLtMatmulPreferenceSetAttribute", preference_set);
  library.find("cublasLtMatmulAlgoGetHeuristic", heuristic);
  library.find("cublasLtMatmul", matmul);
  check(create(&handle), "cublasLtCreate");
}

// Made once and kept: the handle costs a second.
const Blas& blas() {
  static const Blas instance;
  return instance;
}

std::size_t bytes_of(GemmType type) { return type == GemmType::bf16 ? 2 : 1; }
cudaDataType_t data_type(GemmType type) { return type == GemmType::bf16 ? CUDA_R_16BF : CUDA_R_8F_E4M3; }

DeviceMemory operand(std::int64_t elements, GemmType type, OperandData data, std::uint64_t seed) {
  const auto count = static_cast<std::size_t>(elements);
  DeviceMemory memory(count * bytes_of(type));
  fill_operand(memory.data(), {.elements = count, .type = type, .data = data, .seed = seed}, nullptr);
  PERFMODEL_CUDA(cudaStreamSynchronize(nullptr));
  return memory;
}

}  // namespace

// cuBLASLt counts columns first: it multiplies B by A and writes C transposed, which is C as we have it.
struct CublasGemm::State {
  std::int64_t m, n, k;
  GemmType type;
  DeviceMemory a, b, c, workspace;
  DeviceBuffer<float> scale;  // of either operand
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t left = nullptr, right = nullptr, out = nullptr;
  cublasLtMatmulAlgo_t algorithm{};

  State(std::int64_t rows, std::int64_t columns, std::int64_t depth, GemmType of, OperandData data)
      : m(rows),
        n(columns),
        k(depth),
        type(of),
        a(operand(m * k, type, data, 1)),
        b(operand(n * k, type, data, 2)),
        c(static_cast<std::size_t>(m * n) * sizeof(std::uint16_t)),
        workspace(workspace_bytes),
        scale(std::vector<float>{1.0F}) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (operation != nullptr) blas().operation_destroy(operation);
    for (const cublasLtMatrixLayout_t layout : {left, right, out}) {
      if (layout != nullptr) blas().layout_destroy(layout);
    }
  }

  void describe();
  void choose();
  void run(cudaStream_t stream) const;

 private:
  template <class Value>
  void set(cublasLtMatmulDescAttributes_t attribute, const Value& value) {
    blas().check(blas().operation_set(operation, attribute, &value, sizeof(value)), "cublasLtMatmulDescSetAttribute");
  }
};

void CublasGemm::State::describe() {
  const Blas& lt = blas();
  lt.check(lt.operation_create(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate");
  set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  set(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
  if (type == GemmType::fp8) {
    const void* const one = scale.data();
    set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, one);
    set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, one);
  }
  const auto layout = [&lt](cublasLtMatrixLayout_t& of, cudaDataType_t holds, std::int64_t rows, std::int64_t columns) {
    lt.check(lt.layout_create(&of, holds, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns), rows),
             "cublasLtMatrixLayoutCreate");
  };
  layout(left, data_type(type), k, n);
  layout(right, data_type(type), k, m);
  layout(out, CUDA_R_16BF, n, m);
}

void CublasGemm::State::choose() {
  const Blas& lt = blas();
  cublasLtMatmulPreference_t preference = nullptr;
  lt.check(lt.preference_create(&preference), "cublasLtMatmulPreferenceCreate");
  cublasLtMatmulHeuristicResult_t result{};
  int found = 0;
  cublasStatus_t status = lt.preference_set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace_bytes,
                                            sizeof(workspace_bytes));
  if (status == CUBLAS_STATUS_SUCCESS) {
    status = lt.heuristic(lt.handle, operation, left, right, out, out, preference, 1, &result, &found);
  }
  lt.preference_destroy(preference);
  if (status != CUBLAS_STATUS_SUCCESS || found == 0) {
    throw DeviceError(fmt::format("cublasLtMatmulAlgoGetHeuristic: {} for {} x {} x {}; fp8 needs multiples of 16",
                                  lt.status_name(status), m, n, k));
  }
  algorithm = result.algo;
}

void CublasGemm::State::run(cudaStream_t stream) const {
  const Blas& lt = blas();
  const float one = 1;
  const float zero = 0;
  lt.check(lt.matmul(lt.handle, operation, &one, b.data(), left, a.data(), right, &zero, c.data(), out, c.data(), out,
                     &algorithm, workspace.data(), workspace_bytes, stream),
           "cublasLtMatmul");
}

CublasGemm::CublasGemm(std::int64_t m, std::int64_t n, std::int64_t k, GemmType type, OperandData data)
    : state_(std::make_unique<State>(m, n, k, type, data)) {
  state_->describe();
  state_->choose();
}

CublasGemm::CublasGemm(CublasGemm&&) noexcept = default;
CublasGemm::~CublasGemm() = default;

Launch CublasGemm::launch() const {
  return [state = state_.get()](cudaStream_t stream) { state->run(stream); };
}

double CublasGemm::check(const Stream& stream) {
  PERFMODEL_CUDA(cudaMemsetAsync(state_->c.data(), 0xff, state_->c.bytes(), stream.get()));
  state_->run(stream.get());
  stream.wait();
  return gemm_error({.a = state_->a.data(),
                     .b = state_->b.data(),
                     .c = state_->c.data(),
                     .m = state_->m,
                     .n = state_->n,
                     .k = state_->k,
                     .type = state_->type});
}

}  // namespace perfmodel
