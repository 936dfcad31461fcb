#define NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING
#define CUDNN_FRONTEND_SKIP_JSON_LIB
#include <cudnn_frontend.h>
#include <fmt/format.h>

#include <cmath>
#include <unordered_map>
#include <utility>

#include "calibrate/device/kernels/library.hpp"
#include "calibrate/device/kernels/reference.hpp"
#include "calibrate/device/kernels/shared_library.hpp"

// Where the graph interface looks for the library's functions.
namespace cudnn_frontend {
void* cudnn_dlhandle = nullptr;
}  // namespace cudnn_frontend

namespace perfmodel {
namespace {

namespace fe = cudnn_frontend;
using fe::graph::Graph;
using Tensor = std::shared_ptr<fe::graph::Tensor_attributes>;
using Shape = std::vector<std::int64_t>;

enum Id : std::int64_t { id_q = 1, id_k, id_v, id_out, id_stats, id_seed, id_offset, id_dout, id_dq, id_dk, id_dv };

void check(fe::error_t error, const char* call) {
  if (error.is_bad()) throw DeviceError(fmt::format("cudnn_frontend {}: {}", call, error.get_message()));
}

void check(cudnnStatus_t status, const char* call) {
  if (status != CUDNN_STATUS_SUCCESS) {
    throw DeviceError(fmt::format("{}: {}", call, fe::detail::get_error_string(status)));
  }
}

// Loads the library and what it asks for by name: kernels that it compiles itself need the compiler.
void load_library() {
  static const bool loaded = [] {
    for (const char* const name : {"libcudart.so.13", "libnvrtc.so.13", "libcublasLt.so.13"}) {
      static_cast<void>(SharedLibrary::preload(name));
    }
    fe::cudnn_dlhandle = SharedLibrary("libcudnn.so.9").handle();
    return true;
  }();
  static_cast<void>(loaded);
}

// A handle is for one thread at a time: every plan has its own, so that plans can be built beside each other.
class Handle {
 public:
  Handle() {
    load_library();
    check(fe::detail::create_handle(&handle_), "cudnnCreate");
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { static_cast<void>(fe::detail::destroy_handle(handle_)); }
  [[nodiscard]] cudnnHandle_t get() const { return handle_; }

 private:
  cudnnHandle_t handle_ = nullptr;
};

Tensor input(Graph& graph, const char* name, Id id, const Shape& sizes, const Shape& strides) {
  return graph.tensor(
      fe::graph::Tensor_attributes().set_name(name).set_uid(id).set_dim(sizes).set_stride(strides).set_data_type(
          fe::DataType_t::BFLOAT16));
}

void output(const Tensor& tensor, Id id, const Shape& sizes, const Shape& strides) {
  tensor->set_output(true).set_uid(id).set_dim(sizes).set_stride(strides);
}

Tensor scalar(Graph& graph, const char* name, Id id) {
  return graph.tensor(fe::graph::Tensor_attributes()
                          .set_name(name)
                          .set_uid(id)
                          .set_dim({1, 1, 1, 1})
                          .set_stride({1, 1, 1, 1})
                          .set_data_type(fe::DataType_t::INT64));
}

// Sizes of a tensor of so many heads in cuDNN's order (batch, head, sequence, dimension), and the strides of ours.
Shape sizes_of(const LibraryAttention& attention, int heads) {
  return {attention.batch, heads, attention.sequence, attention.head_dim};
}
Shape strides_of(const LibraryAttention& attention, int heads) {
  const std::int64_t token = std::int64_t{heads} * attention.head_dim;
  return {attention.sequence * token, attention.head_dim, token, 1};
}
Shape stats_sizes(const LibraryAttention& attention) {
  return {attention.batch, attention.heads, attention.sequence, 1};
}
Shape stats_strides(const LibraryAttention& attention) {
  return {std::int64_t{attention.heads} * attention.sequence, attention.sequence, 1, 1};
}

std::shared_ptr<Graph> empty_graph() {
  load_library();
  auto graph = std::make_shared<Graph>();
  graph->set_io_data_type(fe::DataType_t::BFLOAT16)
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  return graph;
}

template <class Options>
Options options_of(Graph& graph, const LibraryAttention& attention, const char* name) {
  Options options;
  options.set_name(name).set_attn_scale(1.0F / std::sqrt(static_cast<float>(attention.head_dim)));
  if (attention.causal) {
    options.set_diagonal_alignment(fe::DiagonalAlignment_t::TOP_LEFT).set_diagonal_band_right_bound(0);
  }
  if (attention.dropout > 0) {
    options.set_dropout(static_cast<float>(attention.dropout), scalar(graph, "seed", id_seed),
                        scalar(graph, "offset", id_offset));
  }
  return options;
}

bool keeps_stats(const LibraryAttention& attention) { return attention.backward || attention.dropout > 0; }

std::shared_ptr<Graph> forward_graph(const LibraryAttention& attention) {
  auto graph = empty_graph();
  const Shape sizes = sizes_of(attention, attention.heads);
  const Shape strides = strides_of(attention, attention.heads);
  const Shape kv_sizes = sizes_of(attention, attention.kv_heads);
  const Shape kv_strides = strides_of(attention, attention.kv_heads);
  auto options = options_of<fe::graph::SDPA_attributes>(*graph, attention, "forward");
  options.set_generate_stats(keeps_stats(attention));
  const auto [out, stats] =
      graph->sdpa(input(*graph, "q", id_q, sizes, strides), input(*graph, "k", id_k, kv_sizes, kv_strides),
                  input(*graph, "v", id_v, kv_sizes, kv_strides), options);
  output(out, id_out, sizes, strides);
  if (keeps_stats(attention)) {
    output(stats, id_stats, stats_sizes(attention), stats_strides(attention));
    stats->set_data_type(fe::DataType_t::FLOAT);
  }
  return graph;
}

std::shared_ptr<Graph> backward_graph(const LibraryAttention& attention) {
  auto graph = empty_graph();
  const Shape sizes = sizes_of(attention, attention.heads);
  const Shape strides = strides_of(attention, attention.heads);
  const Shape kv_sizes = sizes_of(attention, attention.kv_heads);
  const Shape kv_strides = strides_of(attention, attention.kv_heads);
  const Tensor stats = input(*graph, "stats", id_stats, stats_sizes(attention), stats_strides(attention));
  stats->set_data_type(fe::DataType_t::FLOAT);
  const auto [dq, dk, dv] =
      graph->sdpa_backward(input(*graph, "q", id_q, sizes, strides), input(*graph, "k", id_k, kv_sizes, kv_strides),
                           input(*graph, "v", id_v, kv_sizes, kv_strides), input(*graph, "out", id_out, sizes, strides),
                           input(*graph, "dout", id_dout, sizes, strides), stats,
                           options_of<fe::graph::SDPA_backward_attributes>(*graph, attention, "backward"));
  output(dq, id_dq, sizes, strides);
  output(dk, id_dk, kv_sizes, kv_strides);
  output(dv, id_dv, kv_sizes, kv_strides);
  return graph;
}

// A graph that is built, which takes about half a second of compiling, and its workspace.
class Plan {
 public:
  explicit Plan(std::shared_ptr<Graph> graph) : graph_(std::move(graph)) {
    check(graph_->build(handle_.get(), {fe::HeurMode_t::A}), "Graph::build");
    std::int64_t bytes = 0;
    check(graph_->get_workspace_size(bytes), "Graph::get_workspace_size");
    if (bytes > 0) workspace_ = DeviceMemory(static_cast<std::size_t>(bytes));
  }

  void run(std::unordered_map<std::int64_t, void*> pointers, cudaStream_t stream) const {
    check(fe::detail::set_stream(handle_.get(), stream), "cudnnSetStream");
    check(graph_->execute(handle_.get(), pointers, workspace_.data()), "Graph::execute");
  }

 private:
  Handle handle_;  // first: the plan lives on it
  std::shared_ptr<Graph> graph_;
  DeviceMemory workspace_;
};

}  // namespace

struct CudnnAttention::State {
  LibraryAttention attention;
  DeviceMemory q, k, v, out, stats, dout, dq, dk, dv;
  DeviceBuffer<std::int64_t> seed, offset;
  std::unique_ptr<Plan> forward, backward;

  explicit State(const LibraryAttention& of) : attention(of), seed(std::vector<std::int64_t>{1}) {
    offset = DeviceBuffer<std::int64_t>(std::vector<std::int64_t>{0});
    const std::size_t elements = count(attention.heads);
    const std::size_t kv_elements = count(attention.kv_heads);
    q = tensor(elements, 11);
    k = tensor(kv_elements, 12);
    v = tensor(kv_elements, 13);
    out = tensor(elements, 14);
    if (keeps_stats(attention)) stats = DeviceMemory(rows() * sizeof(float));
    forward = std::make_unique<Plan>(forward_graph(attention));
    if (!attention.backward) return;
    dout = tensor(elements, 15);
    dq = tensor(elements, 16);
    dk = tensor(kv_elements, 17);
    dv = tensor(kv_elements, 18);
    backward = std::make_unique<Plan>(backward_graph(attention));
    run_forward(nullptr);
    PERFMODEL_CUDA(cudaDeviceSynchronize());
  }

  void run_forward(cudaStream_t stream) const { forward->run(pointers(), stream); }
  void run_backward(cudaStream_t stream) const {
    auto all = pointers();
    all.insert({{id_dout, dout.data()}, {id_dq, dq.data()}, {id_dk, dk.data()}, {id_dv, dv.data()}});
    backward->run(std::move(all), stream);
  }

 private:
  // Of the forward pass: only what the graph has.
  [[nodiscard]] std::unordered_map<std::int64_t, void*> pointers() const {
    std::unordered_map<std::int64_t, void*> all{
        {id_q, q.data()}, {id_k, k.data()}, {id_v, v.data()}, {id_out, out.data()}};
    if (keeps_stats(attention)) all.insert({id_stats, stats.data()});
    if (attention.dropout > 0) all.insert({{id_seed, seed.data()}, {id_offset, offset.data()}});
    return all;
  }
  [[nodiscard]] std::size_t rows() const {
    return static_cast<std::size_t>(std::int64_t{attention.batch} * attention.heads * attention.sequence);
  }
  [[nodiscard]] std::size_t count(int heads) const {
    return static_cast<std::size_t>(std::int64_t{attention.batch} * heads * attention.sequence * attention.head_dim);
  }
  [[nodiscard]] DeviceMemory tensor(std::size_t elements, std::uint64_t content) const {
    DeviceMemory memory(elements * sizeof(std::uint16_t));
    fill_operand(memory.data(), {.elements = elements, .data = attention.data, .seed = content}, nullptr);
    PERFMODEL_CUDA(cudaStreamSynchronize(nullptr));
    return memory;
  }
};

CudnnAttention::CudnnAttention(const LibraryAttention& attention) : state_(std::make_unique<State>(attention)) {}
CudnnAttention::CudnnAttention(CudnnAttention&&) noexcept = default;
CudnnAttention::~CudnnAttention() = default;

Launch CudnnAttention::launch() const {
  return [state = state_.get()](cudaStream_t stream) {
    state->attention.backward ? state->run_backward(stream) : state->run_forward(stream);
  };
}

double CudnnAttention::check(const Stream& stream) {
  const LibraryAttention& attention = state_->attention;
  if (attention.backward || attention.dropout > 0) {
    throw DeviceError("cuDNN attention is checked forward and without dropout only");
  }
  PERFMODEL_CUDA(cudaMemsetAsync(state_->out.data(), 0xff, state_->out.bytes(), stream.get()));
  state_->run_forward(stream.get());
  stream.wait();
  return attention_error({.q = state_->q.data(),
                          .k = state_->k.data(),
                          .v = state_->v.data(),
                          .out = state_->out.data(),
                          .batch = attention.batch,
                          .heads = attention.heads,
                          .kv_heads = attention.kv_heads,
                          .sequence = attention.sequence,
                          .head_dim = attention.head_dim,
                          .causal = attention.causal});
}

}  // namespace perfmodel
