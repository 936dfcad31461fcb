#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "calibrate/device/probes/occupants.hpp"
#include "calibrate/device/probes/timing.cuh"

namespace perfmodel {
namespace {

constexpr int capacity = 8192;               // CTAs of a kernel
constexpr unsigned together = 300'000;       // nanoseconds that the two stay together
constexpr long long stay_limit = 8'000'000;  // clocks, about 4 ms
constexpr int attempts = 4;
constexpr int highest_priority = -5;  // the driver takes the nearest that it has
constexpr auto launch_in_time = std::chrono::microseconds(120);
constexpr auto there_in_time = std::chrono::milliseconds(10);

// The words of the meeting.
enum MeetingWord : unsigned { arrived, until, tickets, meeting_words };

struct Stay {
  CtaRecord* records;
  unsigned long long* meeting;
  volatile unsigned* there;  // told when the expected CTAs have started
  unsigned expected;         // 0: does not take part in the meeting
  unsigned length;           // nanoseconds, 0: until the meeting ends
  unsigned more;
};

__device__ __forceinline__ unsigned warp_slot() {
  unsigned slot;
  asm volatile("mov.u32 %0, %%warpid;" : "=r"(slot));
  return slot;
}

__device__ void arrive(const Stay& stay) {
  if (stay.expected == 0 || atomicAdd(stay.meeting + arrived, 1ULL) + 1 != stay.expected) return;
  atomicExch(stay.meeting + until, global_nanoseconds() + together);
  __threadfence_system();
  *stay.there = 1;
  __threadfence_system();
}

// Whether the wait ended by itself.
__device__ bool wait(const Stay& stay, unsigned long long start) {
  const auto more = static_cast<unsigned>(static_cast<float>(blockIdx.x * 2654435761U >> 16U) *
                                          (static_cast<float>(stay.more) / 65536.0F));
  const unsigned long long own = start + stay.length + more;
  volatile unsigned long long* end = stay.meeting + until;
  const long long begin = clock64();
  while (clock64() - begin < stay_limit) {
    const unsigned long long leave = stay.length > 0 ? own : *end;
    if (leave != 0 && global_nanoseconds() >= leave) return true;
  }
  return false;
}

// With a setmaxnreg that never runs, the kernel has exactly the registers that it may have; that takes 24 at least, and
// alone it needs 16.
template <int registers, int role>
__global__ void __maxnreg__(registers < 24 ? 24 : registers) occupant_kernel(Stay stay) {
  if constexpr (registers >= 24) {
    if (stay.records == nullptr) asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
  }
  CtaRecord& record = stay.records[blockIdx.x];
  if (threadIdx.x % 32 == 0) atomicOr(&record.warps, 1ULL << warp_slot());
  if (threadIdx.x == 0) {
    const unsigned long long start = global_nanoseconds();
    record.start = start;
    record.first_warp = warp_slot();
    record.sm = sm_index();
    record.ticket = static_cast<unsigned>(atomicAdd(stay.meeting + tickets, 1ULL));
    arrive(stay);
    record.ran_out = wait(stay, start) ? 0 : 1;
    record.end = global_nanoseconds();
  }
  __syncthreads();
}

__global__ void carveout_kernel() {}

using Kernel = void (*)(Stay);

template <int role, const auto& counts, std::size_t... index>
Kernel kernel_of(int registers, std::index_sequence<index...> /*all*/) {
  Kernel result = nullptr;
  static_cast<void>(((counts[index] == registers && ((result = occupant_kernel<counts[index], role>), true)) || ...));
  if (result == nullptr) {
    throw DeviceError("occupant: not compiled for " + std::to_string(registers) +
                      " registers; add it to occupants.hpp");
  }
  return result;
}

Kernel first_kernel(int registers) {
  return kernel_of<0, first_registers>(registers, std::make_index_sequence<std::size(first_registers)>());
}
Kernel second_kernel(int registers) {
  return kernel_of<1, second_registers>(registers, std::make_index_sequence<std::size(second_registers)>());
}

int registers_of(Kernel kernel) {
  cudaFuncAttributes attributes{};
  PERFMODEL_CUDA(cudaFuncGetAttributes(&attributes, kernel));
  return attributes.numRegs;
}

// Also has the kernel loaded, which a launch beside another one would have to wait for.
void prepare(Kernel kernel, const Occupant& occupant) {
  if (occupant.ctas > capacity) throw DeviceError("occupant: too many CTAs; raise the capacity");
  static_cast<void>(registers_of(kernel));
  PERFMODEL_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      static_cast<int>(occupant.shared_bytes)));
  PERFMODEL_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, occupant.carveout));
}

void launch(Kernel kernel, const Occupant& occupant, const Stay& stay, const Stream& stream) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {static_cast<unsigned>(occupant.cluster), 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(occupant.ctas));
  config.blockDim = dim3(static_cast<unsigned>(occupant.threads));
  config.dynamicSmemBytes = occupant.shared_bytes;
  config.stream = stream.get();
  config.attrs = &attribute;
  config.numAttrs = occupant.cluster > 1 ? 1 : 0;
  PERFMODEL_CUDA(cudaLaunchKernelEx(&config, kernel, stay));
}

}  // namespace

Occupants::Occupants(Bench& bench)
    : bench_(bench), urgent_(highest_priority), records_(2 * capacity), meeting_(meeting_words) {
  void* flag = nullptr;
  PERFMODEL_CUDA(cudaHostAlloc(&flag, sizeof(unsigned), cudaHostAllocMapped));
  there_ = static_cast<volatile unsigned*>(flag);
}

Occupants::~Occupants() { static_cast<void>(cudaFreeHost(const_cast<unsigned*>(there_))); }

int Occupants::first_registers_of(int registers) const { return registers_of(first_kernel(registers)); }
int Occupants::second_registers_of(int registers) const { return registers_of(second_kernel(registers)); }

// After the memory is cleared: that is done by kernels, which leave a carve-out of their own.
void Occupants::set_carveout() {
  if (!left_) return;
  PERFMODEL_CUDA(cudaFuncSetAttribute(carveout_kernel, cudaFuncAttributePreferredSharedMemoryCarveout, *left_));
  carveout_kernel<<<static_cast<unsigned>(4 * bench_.sms()), 256, 0, stream_.get()>>>();
  PERFMODEL_CUDA(cudaGetLastError());
  stream_.wait();
}

std::optional<Occupants::Records> Occupants::run(const Occupant& first, const Occupant& second, int there) {
  prepare(first_kernel(first.registers), first);
  if (second.ctas > 0) prepare(second_kernel(second.registers), second);
  for (int i = 0; i < attempts; ++i) {
    if (std::optional<Records> records = attempt(first, second, there)) return records;
  }
  return std::nullopt;
}

bool Occupants::wait_until_there() const {
  const auto begin = std::chrono::steady_clock::now();
  while (*there_ == 0) {
    if (std::chrono::steady_clock::now() - begin > there_in_time) return false;
  }
  return true;
}

std::optional<Occupants::Records> Occupants::attempt(const Occupant& first, const Occupant& second, int there) {
  *there_ = 0;
  PERFMODEL_CUDA(cudaMemsetAsync(records_.data(), 0, records_.size() * sizeof(CtaRecord), stream_.get()));
  PERFMODEL_CUDA(cudaMemsetAsync(meeting_.data(), 0, meeting_.size() * sizeof(unsigned long long), stream_.get()));
  set_carveout();
  Stay stay{
      records_.data(),        meeting_.data(),       there_, static_cast<unsigned>(there > 0 ? there : first.ctas),
      first.stay_nanoseconds, first.more_nanoseconds};
  launch(first_kernel(first.registers), first, stay, stream_);
  bool in_time = wait_until_there();
  if (in_time && second.ctas > 0) {
    const auto begin = std::chrono::steady_clock::now();
    stay = {records_.data() + capacity, meeting_.data(), there_, 0, second.stay_nanoseconds, second.more_nanoseconds};
    const Stream& beside = second.urgent ? urgent_ : beside_;
    launch(second_kernel(second.registers), second, stay, beside);
    in_time = std::chrono::steady_clock::now() - begin < launch_in_time;
    beside.wait();
  }
  stream_.wait();
  if (!in_time) return std::nullopt;
  const std::vector<CtaRecord> all = records_.download();
  Records records{{all.begin(), all.begin() + first.ctas}, {}, meeting_.download()[until]};
  records.second.assign(all.begin() + capacity, all.begin() + capacity + second.ctas);
  const auto ran_out = [](const CtaRecord& record) { return record.ran_out != 0; };
  if (std::any_of(all.begin(), all.end(), ran_out)) return std::nullopt;
  return records;
}

}  // namespace perfmodel
