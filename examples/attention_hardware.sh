# Which change of the GPU helps attention most? Causal attention of 32 heads and 4096 tokens, with dropout and without,
# steady; each line doubles one thing (halves it where it is a latency).
set -euo pipefail

attention() { printf 'op: attention\nbatch: 1\nheads: 32\nseq_q: 4096\nhead_dim: 128\ncausal: true\ndtype: bf16\nregime: sustained\n%s\n' "$1"; }

changes='machine.tensor.*=*2 machine.pipes.xu.rate=*2 machine.pipes.alu.rate=*2 machine.pipes.issue.rate=*2
machine.pipes.smem.rate=*2 machine.l2.bandwidth=*2 machine.dram.bandwidth=*2 machine.power.limit=*2 machine.sms=*2'

for machine in h100-sxm b200; do
  for dropout in 0 0.1; do
    for pass in fwd bwd; do
      echo "== $machine, cuDNN, $pass, dropout $dropout"
      for change in $changes; do
        attention "$(printf 'dropout: %s\npass: %s\nname: attention' $dropout $pass)" |
          perfmodel whatif - --arch $machine --set "$change" --json |
          awk -v change="$change" '/"time"/ { time[++n] = $2 }
            END { printf "%-28s %.3fx\n", change, time[1] / time[2] }'
      done | LC_ALL=C sort -k2,2nr -s
    done
  done
done
