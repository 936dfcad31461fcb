#include "model/clock.hpp"

#include <doctest/doctest.h>

#include "tests/model/machines.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

// So many cycles, whatever the clock.
TimeAt cycles(double count) {
  return [count](Hertz clock) { return Cycles(count) / clock; };
}

Load matrix_load(double core, double cycles_all_sms) {
  Load load;
  load.core = Joules(core);
  load.tensor = load.activity = Cycles(cycles_all_sms);
  return load;
}

TEST_CASE("light work without tensor cores holds the top clock") {
  const Machine& machine = test::h100();
  const ClockState state = steady_clock(machine, Load{}, cycles(1e6));
  CHECK(state.clock == machine.clock.maximum.value);
  CHECK(state.limit == ClockLimit::top);
  CHECK(state.power.si() == Approx((machine.power.idle.value + machine.power.active.value).si()));
}

TEST_CASE("tensor work runs at the tensor clock and tools still report the top clock") {
  const Machine& machine = test::h100();
  const ClockState state = steady_clock(machine, matrix_load(0.01, 1e6), cycles(1e6));
  CHECK(state.clock == machine.clock.datasheet.value);
  CHECK(state.limit == ClockLimit::tensor);
  CHECK(reported_clock(machine, state) == machine.clock.maximum.value);
}

TEST_CASE("a load over the limit settles where its power meets the limit") {
  const Machine& machine = test::h100();
  // 1.8 MW-cycles: 1 J in a million cycles is 1 kW and more at 1.83 GHz.
  const ClockState state = steady_clock(machine, matrix_load(1.0, 50e6), cycles(1e6));
  CHECK(state.limit == ClockLimit::power);
  const double limit = (machine.power.held.value * machine.power.limit.value).si();
  CHECK(state.power.si() == Approx(limit).epsilon(2e-3));
  CHECK(state.clock < machine.clock.datasheet.value);
  CHECK(reported_clock(machine, state) == state.clock);
}

TEST_CASE("tools show more than a tensor load gets above four fifths of the top clock, by hand") {
  const Machine& machine = test::h100();
  const auto shown = [&](double mhz, bool tensor) {
    return reported_clock(machine, {Hertz(mhz * 1e6), ClockLimit::power, Watts(680), tensor}).si() * 1e-6;
  };
  CHECK(shown(1400, true) == Approx(1400));
  CHECK(shown(1584, true) == Approx(1584));
  // 196 of the 246 MHz between 1584 and 1830, which tools show as 1584 to 1980.
  CHECK(shown(1780, true) == Approx(1584 + 196.0 / 246 * 396));
  CHECK(shown(1830, true) == Approx(1980));
  CHECK(shown(1780, false) == Approx(1780));
}

TEST_CASE("a card that shows more of a limited clock than tensor cores get, up to the top clock") {
  Machine machine = test::h100();
  machine.clock.shown.value = 1.1;
  const auto shown = [&](double mhz, ClockLimit limit, bool tensor) {
    return reported_clock(machine, {Hertz(mhz * 1e6), limit, Watts(680), tensor}).si() * 1e-6;
  };
  CHECK(shown(1400, ClockLimit::power, true) == Approx(1540));
  CHECK(shown(1400, ClockLimit::activity, true) == Approx(1540));
  CHECK(shown(1830, ClockLimit::power, true) == Approx(1980));
  CHECK(shown(1400, ClockLimit::power, false) == Approx(1400));
}

TEST_CASE("the activity limit shows as any other, and a tensor load below it too") {
  Machine machine = test::h100();
  machine.clock.shown.value = 1.05;
  // Tensor cores of all SMs busy for 0.95 of a million cycles.
  const ClockState limited = steady_clock(machine, matrix_load(0.01, 0.95e6 * 132), cycles(1e6));
  REQUIRE(limited.limit == ClockLimit::activity);
  CHECK(reported_clock(machine, limited).si() == Approx(1.05 * limited.clock.si()));
}

TEST_CASE("the FMA pipe counts towards the activity limit of tensor work") {
  const Machine& machine = test::h100();
  Kernel kernel;
  KernelWork work;
  work.busy[Resource::tensor] = Cycles(1000);
  const Load alone = kernel_load(machine, kernel, work, DataKind::random);
  work.busy[Resource::fma] = Cycles(200);
  const Load beside = kernel_load(machine, kernel, work, DataKind::random);
  CHECK(beside.tensor == alone.tensor);
  CHECK(beside.activity.si() - alone.activity.si() == Approx(0.35 * 200));
}

TEST_CASE("the L2's energy falls with the core's voltage, DRAM's does not") {
  const Machine& machine = test::h100();
  Kernel kernel;
  kernel.l2_read = Bytes(1e9);
  KernelWork work;
  work.memory.dram_read = Bytes(1e9);
  const Load load = kernel_load(machine, kernel, work, DataKind::random);
  CHECK(load.core.si() == Approx(1e9 * machine.power.l2_byte.value.si()));
  CHECK(load.memory.si() == Approx(1e9 * machine.power.dram_byte.value.si()));
  const Load sparse = kernel_load(machine, kernel, work, DataKind::sparse90);
  CHECK(sparse.memory.si() == Approx(machine.power.memory_sparse.value * load.memory.si()));
  CHECK(sparse.core.si() == Approx(machine.power.memory_sparse.value * load.core.si()));
}

TEST_CASE("more energy never raises the clock") {
  const Machine& machine = test::h100();
  Hertz last = machine.clock.maximum.value;
  for (double joules = 0.05; joules < 4; joules *= 1.3) {
    const Hertz clock = steady_clock(machine, matrix_load(joules, 50e6), cycles(1e6)).clock;
    CHECK(clock <= last);
    last = clock;
  }
}

TEST_CASE("a burst starts at the top clock, drops below its plateau at once, and again in the dip") {
  const Machine& machine = test::h100();
  const auto mean = [&](double count) {
    return burst_clock(machine, matrix_load(count / 1e6, count * 120), cycles(count), /*from_start=*/true).clock;
  };
  const Hertz first = mean(1e3);    // some 0.6 us
  const Hertz dropped = mean(1e4);  // some 6 us
  const Hertz dipping = mean(2e5);  // over 100 us
  const Hertz settled = burst_clock(machine, matrix_load(1.0, 120e6), cycles(1e6), /*from_start=*/false).clock;
  CHECK(first > settled);
  CHECK(dropped < settled);
  CHECK(dipping < first);
  CHECK(dipping < settled);
}

TEST_CASE("a burst starts with a drop as deep as the dip, by hand") {
  const Machine& machine = test::h100();
  const Clock& clock = machine.clock;
  const Load load = matrix_load(0.02, 2e6);
  const Seconds time = clock.step_end.value;
  const TimeAt lasting = [&](Hertz) { return time; };
  const Hertz plateau = burst_clock(machine, load, lasting, /*from_start=*/false).clock;
  const double excess = (1.0 - plateau / clock.datasheet.value) / clock.plateau.value;
  REQUIRE(excess > 0);
  REQUIRE(excess < 1.5);
  // Half of the depth in the mean, and the ramp from the top clock.
  const Hertz depth = (clock.dip.value - clock.plateau.value) * excess * clock.datasheet.value;
  const Hertz ramp = (clock.ramp.value / (2.0 * time)) * (clock.maximum.value - plateau);
  CHECK(burst_clock(machine, load, lasting, /*from_start=*/true).clock.si() ==
        Approx((plateau + ramp - 0.5 * depth).si()).epsilon(1e-6));
}

TEST_CASE("a burst that goes on is brought down to the power limit") {
  const Machine& machine = test::h100();
  const Load load = matrix_load(1.0, 120e6);
  const Seconds response = machine.clock.response.value;
  const auto after = [&](double share) {
    return window_clock(machine, load, cycles(1e6), {share * response, 1e-3 * response}).clock;
  };
  const Hertz burst = burst_clock(machine, load, cycles(1e6), /*from_start=*/false).clock;
  const Hertz steady = steady_clock(machine, load, cycles(1e6)).clock;
  REQUIRE(steady < burst);
  CHECK(after(0).si() == Approx(burst.si()));
  CHECK(after(0.5).si() == Approx(burst.si()));
  CHECK(after(0.7) < after(0.5));
  CHECK(after(0.9) < after(0.7));
  CHECK(after(1.0).si() == Approx(steady.si()));
  CHECK(after(20).si() == Approx(steady.si()));
}

TEST_CASE("work that begins as a burst each time keeps that clock until the controller acts on the mean") {
  const Machine& machine = test::h100();
  // A kernel of 100 us at a load step, and as long again of something lighter.
  const Load kernel = matrix_load(0.1, 20e6);
  const ClockState burst = burst_clock(machine, kernel, cycles(0.183e6), /*from_start=*/true);
  const TimeAt both = [](Hertz clock) { return Cycles(0.183e6) / clock + Seconds(100e-6); };
  const ClockState soon = window_clock(machine, burst, kernel, both, {Seconds(0), Seconds(20e-3)});
  CHECK(soon.clock == burst.clock);
  CHECK(soon.clock < burst_clock(machine, kernel, cycles(0.183e6), /*from_start=*/false).clock);
  // Its own power is over the limit, the mean of both is not.
  CHECK(burst.power > machine.power.limit.value);
  CHECK(soon.power < machine.power.held.value * machine.power.limit.value);
  CHECK(window_clock(machine, burst, kernel, both, {Seconds(1), Seconds(1)}).clock == burst.clock);
}

TEST_CASE("a window over the whole way gives the mean, and a load under the limit is left alone") {
  const Machine& machine = test::h100();
  const Load load = matrix_load(1.0, 120e6);
  const Seconds response = machine.clock.response.value;
  const Hertz burst = burst_clock(machine, load, cycles(1e6), /*from_start=*/false).clock;
  const Hertz steady = steady_clock(machine, load, cycles(1e6)).clock;
  // All of the difference for 0.55 of the time, then a straight line down to nothing.
  const Hertz mean = window_clock(machine, load, cycles(1e6), {Seconds(0), response}).clock;
  CHECK(mean.si() == Approx((steady + (0.55 + 0.45 / 2) * (burst - steady)).si()).epsilon(1e-6));
  const Load light = matrix_load(0.01, 1e6);
  CHECK(window_clock(machine, light, cycles(1e6), {10 * response, response}).clock == machine.clock.datasheet.value);
}

}  // namespace
}  // namespace perfmodel
