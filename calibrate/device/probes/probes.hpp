// The probes, one file a theme. Each reports its findings to the bench, and skips itself where it is not wanted.
#pragma once

#include "calibrate/device/bench.hpp"

namespace perfmodel {

// Machine constants.
void probe_instructions(Bench& bench);   // throughput and latency of every instruction class, alone
void probe_port_sharing(Bench& bench);   // mixes of two classes: do they share a port? the issue limit
void probe_shared_memory(Bench& bench);  // load, store, ldmatrix: bandwidth and latency; L1 too
void probe_l2(Bench& bench);             // footprint sweep, near and far latency, bandwidth, an SM's port
void probe_dram(Bench& bench);           // read, write, mixes, ramp with size, latency
void probe_tma(Bench& bench);            // loads and stores by box size, multicast, mbarrier round trip
void probe_cluster(Bench& bench);        // distributed shared memory, cluster barrier
void probe_wgmma(Bench& bench);          // issue interval and latency by N, type and place of the operands
void probe_launch(Bench& bench);         // empty kernels, gaps in streams, graphs, dependent launches

// Rules.
void probe_residency(Bench& bench);    // which CTAs fit beside 384 x 168 registers
void probe_carveout(Bench& bench);     // when a CTA waits for an SM to drain
void probe_dispatch(Bench& bench);     // order of CTAs over SMs, for one kernel and for two
void probe_arbitration(Bench& bench);  // ALU and Philox warps beside a wgmma loop: who slows whom
void probe_clock(Bench& bench);        // how fast the clock falls and recovers, the limit of tensor activity
void probe_energy(Bench& bench);       // joules per tensor FLOP, byte and instruction; idle

}  // namespace perfmodel
