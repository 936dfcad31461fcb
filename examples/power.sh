# How much of the gain does the power limit take or give back? Fused dropout idles the tensor cores and lets the clock
# rise, so that the GEMMs around it run faster; hidden numbers cost their energy in the same milliseconds as the GEMMs.
set -euo pipefail

block() { perfmodel whatif llama2_block.yaml "$@"; }

for machine in h100-sxm b200; do
  echo "== $machine: hidden instead of fused, by power limit, steady"
  block --arch $machine --set dropout_mode=overlapped --sweep 'machine.power.limit=*0.7,*0.85,*1,*1.2,*1.5,*2'
  echo
  echo "== $machine: the same in a short run and in a steady one"
  block --arch $machine --set dropout_mode=overlapped --sweep regime=cold,warm,sustained
  echo
done
