#include "calibrate/device/experiments/side_by_side.hpp"

#include <algorithm>

#include "calibrate/device/experiments/gates.hpp"

namespace perfmodel {
namespace {

constexpr Seconds delay{30e-6};

// CTAs that can have begun at once: those beyond wait for the first ones to end.
unsigned resident_ctas(const RngMask& rng) {
  int device = 0;
  int sms = 0;
  PERFMODEL_CUDA(cudaGetDevice(&device));
  PERFMODEL_CUDA(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, device));
  return static_cast<unsigned>(std::min(rng.ctas, sms * rng_mask_resources(rng).ctas_per_sm));
}

}  // namespace

SideBySide::SideBySide() : started_(1) {}

Launch SideBySide::launch(const RngMask& rng, std::uint32_t* mask, const Launch& work, Order order, Seconds gate) {
  const Launch make_mask = rng_mask_launch(rng, mask, started_.data());
  const unsigned awaited = resident_ctas(rng);
  return [this, make_mask, work, order, gate, awaited](cudaStream_t stream) {
    const cudaStream_t beside = second_.get();
    PERFMODEL_CUDA(cudaMemsetAsync(started_.data(), 0, sizeof(unsigned), stream));
    if (gate > Seconds(0)) hold_stream(stream, gate);
    PERFMODEL_CUDA(cudaEventRecord(opened_.get(), stream));
    PERFMODEL_CUDA(cudaStreamWaitEvent(beside, opened_.get()));
    if (order == Order::work_first) hold_stream(beside, delay);
    make_mask(beside);
    if (order == Order::rng_first) await_counter(stream, started_.data(), awaited);
    work(stream);
    PERFMODEL_CUDA(cudaEventRecord(made_.get(), beside));
    PERFMODEL_CUDA(cudaStreamWaitEvent(stream, made_.get()));
  };
}

}  // namespace perfmodel
