# When is hiding the numbers worse than drawing them in the attention kernel, or in their turn?
#
# Three ways to lose. Attention that reads a mask pays for reading it, and a whole mask has twice the numbers that causality
# needs. A GEMM that leaves room is slower than the library's. And under the power limit, numbers cost their energy
# wherever they are drawn.
set -euo pipefail

block() { perfmodel whatif llama2_block.yaml --arch h100-sxm "$@"; }

echo '== Hidden instead of fused, whole masks: by sequence length and rounds'
block --set dropout_mode=overlapped --sweep 'seq=1024..32768*2' --sweep rng_rounds=3,7,10 | sed -n '1,/^$/p;/^speedup/,/^$/p'

echo '== The same against FlashAttention-2, which fuses more cheaply'
block --given attention_impl=flash2 --set dropout_mode=overlapped --sweep 'seq=1024..32768*2' --sweep rng_rounds=3,7,10 |
  sed -n '/^speedup/,/^$/p'

echo '== Hidden instead of in sequence, each GEMM as the only host, 7 rounds'
for host in qkv previous.proj previous.ffn_up previous.ffn_down; do
  block --given dropout_mode=sequential --set dropout_mode=overlapped --sweep rng_rounds=7 \
    --given "operators.dropout_mask.under=[$host]" --csv |
    awk -F, -v host=$host 'NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
      { printf "%-18s speedup %.3f, hidden %.0f %%\n", host, $at["speedup"], 100 * $at["mask_hidden"] }'
done
