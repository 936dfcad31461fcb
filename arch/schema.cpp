#include "arch/schema.hpp"

#include <fmt/core.h>

#include <string_view>

#include "arch/fields.hpp"

namespace perfmodel {

namespace {

constexpr std::string_view introduction =
    R"(<!-- Written by `perfmodel arch schema`; a test compares. Edit arch/field_table.hpp and arch/schema.cpp instead. -->
# Machine files

A machine is one YAML file, `arch/<name>.yaml`. A new GPU is a new file and no C++. `perfmodel arch list` names the
shipped ones, `arch show NAME` prints every constant of one, and `arch check FILE...` reports every fault of yours.

```yaml
name: NVIDIA H200 SXM 141GB
based-on: h100-sxm
dram:
  capacity:  {value: 141 GB, source: datasheet, ref: "NVIDIA H200 datasheet"}
  bandwidth: {value: 4.8 TB/s, source: datasheet, ref: "NVIDIA H200 datasheet"}
```

Every constant is a map of three keys:

| key | meaning |
|---|---|
| `value` | the number with its unit; counts and ratios are plain numbers |
| `source` | `datasheet`, `measured`, `derived` (by arithmetic from others), `published` (measured by others), `assumed` or `fitted`; required |
| `ref` | the document, probe or reasoning behind the value; `arch check` warns if it is missing |

Units: `B KiB MiB GiB kB MB GB TB`, `Hz`, `s`, `clk`, `FLOP`, `J`, `W` with SI prefixes, and quotients of them.
`GB` is 10^9 bytes, `GiB` 2^30.

## Keys of the file

| key | meaning |
|---|---|
| `name` | the GPU's name in reports; required, unless the file is only a base for others |
| `based-on` | another machine file, beside this one or shipped: its constants hold where this file is silent |
| `description` | free text |
| `tensor.generation` | how warps reach the tensor cores: `mma`, `wgmma` or `tcgen05`; decides which constants apply |
| `shared_memory.carveouts` | list of sizes that an SM's shared memory can be set to, rising; an SM changes it only while idle |
| `pipes` | execution ports and data paths of an SM, see below |
| `instructions` | instruction classes, see below |
| `code` | counts of code families, see below |

`absent` in place of a constant or of an instruction class drops an inherited one.

## Constants

A value outside the plausible range is refused, here and in a fitted overlay. "Needed by" says which machines must have
the constant; it is refused elsewhere. The same keys, with `machine.` before them, are what `--set` and `--sweep` take
(`--set machine.dram.bandwidth='4.8 TB/s'`).

| key | plausible range | needed by | meaning |
|---|---|---|---|
)";

constexpr std::string_view pipes_section = R"(
## Pipes

A pipe is an execution port or a data path of one SM. Kernels and machines may add pipes of any name; `issue`, `alu`
and `smem` must exist. Rates are sums over the sub-partitions, in thread-level slots (an instruction of a warp is 32 of
them); on the data paths `smem`, `tmem_read` and `tmem_write` a slot is a byte.

```yaml
pipes:
  alu: {rate: 64 /clk, source: measured, ref: "..."}
```

| pipe | what it is |
|---|---|
| `issue` | the warp schedulers |
| `fma` | both halves of the FP32 pipe together |
| `fma_heavy` | the half that also multiplies integers |
| `alu` | logic, shifts, compares, integer additions, packed conversions |
| `xu` | special functions: exponential, reciprocal, logarithm, population count |
| `fp64` | double precision |
| `lsu` | issue of memory instructions and shuffles |
| `smem` | bytes between shared memory or L1 and the SM; tensor operands from shared memory take it too |
| `tmem_read`, `tmem_write` | bytes out of and into tensor memory |

An instruction that either half of a pipe can run occupies the pair (`fma`); one that only one half can run occupies
the half as well (`fma` and `fma_heavy`). The busiest of the two then gives the exact time of any mix.

## Instruction classes

Kernels say what they do by the name of a class; the machine says what that costs: the slots that one thread's share
takes on each pipe, all taken together, the latency until a dependent instruction may issue, and the energy. Every
instruction takes one `issue` slot unless the class says otherwise.

```yaml
instructions:
  imad_wide: {occupies: {fma: 1, fma_heavy: 1, alu: 1}, source: measured, ref: "...", latency: {value: 5 clk, source: assumed, ref: "..."}}
  exp2:      {occupies: {xu: 1}, latency: 18 clk, source: published, ref: "..."}   # one source for both
```

| key | plausible range | meaning |
|---|---|---|
)";

constexpr std::string_view code_section = R"(
## Code families

What a family of attention kernels does beyond what its program states (`docs/program-schema.md`), under the name that the
program's `code` gives. Physical counts of the code on this machine, never of a shape.

```yaml
code:
  cudnn_fwd:
    softmax: {value: 11.8, source: fitted}
```

| key | plausible range | meaning |
|---|---|---|
)";

constexpr std::string_view overlay_section = R"(
## Fitted overlays

`arch/fitted/<name>.yaml` lies over the machine of that name and over those based on it that have no overlay of their
own; what a derived machine states itself wins over its base's overlay. `perfmodel fit` writes it, and
`--calibration FILE` puts another one in its place.

| key | meaning |
|---|---|
| `machine` | the machine that was fitted |
| `fit.date`, `fit.command` | when and how |
| `fit.tables` | the tables it was fitted on, each with its hash |
| `constants` | dotted keys of this page with their values; the source of each is `fitted` |
| `residuals` | list of `{operator, regime, limiter, n, q05, q50, q95}`: quantiles of measured / predicted - 1 on shape families left out of the fit |
)";

std::string range_text(const Field& field) {
  return fmt::format("{} to {}", format_constant(field, field.low), format_constant(field, field.high));
}

}  // namespace

std::string schema_page() {
  std::string page(introduction);
  for (const Field& field : fields()) {
    if (field.access != nullptr) {
      page += fmt::format("| `{}` | {} | {} | {} |\n", field.key, range_text(field), need_name(field.need), field.doc);
    }
  }
  page += pipes_section;
  for (const Field* field : {&pipe_rate_field(), &occupies_field(), &latency_field(), &energy_field()}) {
    page += fmt::format("| `{}` | {} | {} |\n", field->key, range_text(*field), field->doc);
  }
  page += code_section;
  for (const Field& field : fields()) {
    if (field.key.starts_with("code.")) {
      page += fmt::format("| `{}` | {} | {} |\n", field.key, range_text(field), field.doc);
    }
  }
  page += overlay_section;
  return page;
}

}  // namespace perfmodel
