# How many Philox rounds are free? The share of the mask kernel's own time that disappears beside the GEMMs, by rounds and
# sequence length, on an H100 and a B200; 8 bits a decision. A GEMM's work grows with the sequence, a mask with its
# square: at some length no GEMM is long enough.
set -euo pipefail

for machine in h100-sxm b200; do
  for regime in cold sustained; do
    echo "== $machine, $regime"
    perfmodel whatif llama2_block.yaml --arch $machine --given regime=$regime --set dropout_mode=overlapped \
      --sweep 'seq=512..16384*2' --sweep rng_rounds=3..10+1 | sed -n '/^share of/,/^$/p'
  done
done
