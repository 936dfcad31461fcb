#include "calibrate/device/probes/launch_kernels.cuh"
#include "calibrate/device/probes/launch_queue.hpp"

namespace perfmodel {
namespace {

constexpr int few = 20;
constexpr int many = 120;
constexpr int repetitions = 7;
constexpr long long longest_gate = 40'000'000;  // clocks, 20 ms

class Graph {
 public:
  Graph(cudaStream_t stream, const Launch& body) {
    cudaGraph_t graph = nullptr;
    PERFMODEL_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    try {
      body(stream);
    } catch (...) {
      if (cudaStreamEndCapture(stream, &graph) == cudaSuccess) cudaGraphDestroy(graph);
      throw;
    }
    PERFMODEL_CUDA(cudaStreamEndCapture(stream, &graph));
    const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
    cudaGraphDestroy(graph);
    check_cuda(status, "cudaGraphInstantiate");
    PERFMODEL_CUDA(cudaGraphUpload(executable_, stream));
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() { cudaGraphExecDestroy(executable_); }

  void launch(cudaStream_t stream) const { PERFMODEL_CUDA(cudaGraphLaunch(executable_, stream)); }

 private:
  cudaGraphExec_t executable_ = nullptr;
};

Launch repeat(const Launch& launch, int count) {
  return [launch, count](cudaStream_t stream) {
    for (int i = 0; i < count; ++i) launch(stream);
  };
}

// The way into and out of the row drops out of the difference of two.
template <class Few, class Many>
std::vector<double> difference(LaunchQueue& queue, const Few& shorter, const Many& longer) {
  static_cast<void>(queue.stretch(shorter));
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) {
    const double below = queue.stretch(shorter);
    seconds.push_back((queue.stretch(longer) - below) / (many - few));
  }
  return seconds;
}

}  // namespace

void LaunchQueue::queue(const Launch& body, Event& start) {
  const Stream& stream = bench_.stream();
  for (; gate_clocks_ <= longest_gate; gate_clocks_ *= 2) {
    stay_kernel<<<1, 1, 0, stream.get()>>>(gate_clocks_);
    PERFMODEL_CUDA(cudaGetLastError());
    start.record(stream);
    body(stream.get());
    const cudaError_t still_held = cudaEventQuery(start.get());
    stream.wait();
    if (still_held == cudaErrorNotReady) {
      static_cast<void>(cudaGetLastError());  // it is no error, but it stays recorded as one
      return;
    }
    PERFMODEL_CUDA(still_held);
  }
  throw DeviceError("cudaLaunchKernel: the host needs over 20 ms for a hundred launches; end what else runs on it");
}

double LaunchQueue::stretch(const Launch& body) {
  Event start;
  Event end;
  queue(
      [&](cudaStream_t stream) {
        body(stream);
        end.record(bench_.stream());
      },
      start);
  return end.since(start).si();
}

std::vector<double> LaunchQueue::period(const Launch& launch) {
  return difference(*this, repeat(launch, few), repeat(launch, many));
}

std::vector<double> LaunchQueue::graph_period(const Launch& launch) {
  const Graph shorter(bench_.stream().get(), repeat(launch, few));
  const Graph longer(bench_.stream().get(), repeat(launch, many));
  return difference(
      *this, [&](cudaStream_t stream) { shorter.launch(stream); }, [&](cudaStream_t stream) { longer.launch(stream); });
}

std::vector<double> LaunchQueue::between_events(const Launch& launch) {
  std::vector<Event> starts(few);
  std::vector<Event> ends(few);
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) {
    Event start;
    queue(
        [&](cudaStream_t stream) {
          for (int j = 0; j < few; ++j) {
            starts[j].record(bench_.stream());
            launch(stream);
            ends[j].record(bench_.stream());
          }
        },
        start);
    double sum = 0;
    for (int j = 0; j < few; ++j) sum += ends[j].since(starts[j]).si();
    seconds.push_back(sum / few);
  }
  return seconds;
}

}  // namespace perfmodel
