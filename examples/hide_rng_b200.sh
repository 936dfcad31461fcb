# Hiding dropout's random numbers on a B200: which generators stay free there, and why?
#
# A B200 multiplies fp8 more than twice as fast as an H100 and draws random numbers hardly faster, since integer pipes
# and SMs have not grown with its tensor cores. Its accumulators lie in tensor memory, so that registers leave room for
# the mask kernel. Nothing of this was measured on a B200 by this project: see `perfmodel arch show b200` for sources.
set -euo pipefail

block() { perfmodel whatif llama2_block.yaml --arch b200 "$@"; }

echo '== Llama 2 7B, sequence 4096, fp8, steady: every way to make the mask'
perfmodel predict llama2_block.yaml --arch b200 --compare dropout_mode

echo
echo '== Hidden instead of fused, by generator'
block --set dropout_mode=overlapped --sweep rng_rounds=3,5,7,10 --sweep rng_bits=8,16,32

echo
echo '== The same where the mask kernel draws only what causality leaves'
block --given rng_triangle=1 --set dropout_mode=overlapped --sweep rng_rounds=3,5,7,10 --sweep rng_bits=8,16,32

echo
echo '== The mask in its turn beside the GEMMs that could hide it, without dropout'
for machine in h100-sxm b200; do
  perfmodel predict llama2_block.yaml --arch $machine --set dropout_mode=sequential --format csv | awk -F, -v machine=$machine '
    $1 == "dropout_mask" { mask = $4 }
    $1 == "qkv" || $1 == "proj" || $1 == "ffn_up" || $1 == "ffn_down" { gemms += $4 }
    END { printf "%-8s  mask %4.0f us, GEMMs %4.0f us: %.0f %%\n", machine, mask, gemms, 100 * mask / gemms }'
done

echo
echo '== What would make it free: twice the ALU rate'
block --given dropout_mode=overlapped --set 'machine.pipes.alu.rate=*2' --sweep rng_rounds=3,7,10
