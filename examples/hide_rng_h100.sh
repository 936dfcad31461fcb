# What does hiding dropout's random numbers under GEMMs buy a Llama block on an H100?
#
# "Reducing the Cost of Dropout in Flash-Attention by Hiding RNG with GEMM" (arXiv 2410.07531) gives, for GH100 with
# FP8: 1.14x for one Llama 2 block and up to 1.23x as workloads vary (v1), 1.26x over running in sequence and 1.22x over
# fused dropout for one Llama 3 block (v2). Its abstracts name neither the workloads nor the generator, nor the
# attention kernels, nor whether the clock was held. So the range over what is plausible is printed beside its figures:
# Philox of 3 to 10 rounds, 8 or 32 bits a decision, whole masks or only what causality leaves, cuDNN's attention and
# FlashAttention-2, in bf16 and fp8, short runs at full clock and steady ones at the power limit; GEMMs by today's cuBLAS,
# whose kernels leave an SM no room, and by a kernel that leaves room, whatever the mode (Triton, 128 x 128).
set -euo pipefail

block() { perfmodel whatif llama2_block.yaml --arch h100-sxm "$@"; }

echo '== Llama 2 7B, sequence 4096, fp8, steady: every way to make the mask'
perfmodel predict llama2_block.yaml --arch h100-sxm --compare dropout_mode

echo
echo '== Hidden instead of fused, by sequence length'
block --set dropout_mode=overlapped --sweep 'seq=1024..16384*2'

# Hidden against another mode, over generators. $1: the other mode; $2 to $5: regime, attention, its type, triangle;
# the rest: what else is given. A line a case: the assumptions and the speedup.
hidden_against() {
  local mode=$1 regime=$2 attention=$3 type=$4 triangle=$5
  shift 5
  block --given dropout_mode="$mode" --given regime="$regime" --given attention_impl="$attention" \
    --given operators.attention.dtype="$type" --given rng_triangle="$triangle" "$@" --set dropout_mode=overlapped \
    --sweep rng_rounds=3,5,7,10 --sweep rng_bits=8,32 --csv |
    awk -F, -v case="$regime, $attention in $type, $([ "$triangle" = 1 ] && echo 'half masks' || echo 'whole masks')" '
      NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
      { printf "%s, %s rounds, %s bits\t%s\n", case, $1, $2, $at["speedup"] }'
}

# GEMMs by a kernel that leaves an SM room for a mask's CTAs, fused and in sequence too.
roomy=()
for gemm in qkv proj ffn_up ffn_down; do
  for key in impl=triton cta_m=128 cta_n=128 cta_k=128 stages=3 warps=4 tma=1; do
    roomy+=(--given "operators.$gemm.$key")
  done
done

over_assumptions() {
  local mode=$1
  shift
  over_attention "$mode" "$@"
  over_attention "$mode" "${roomy[@]}" "$@" | sed 's/^/GEMMs that leave room, /'
}

over_attention() {
  local mode=$1
  shift
  for regime in cold sustained; do
    for attention in cudnn flash2; do
      for type in bf16 fp8; do
        for triangle in 0 1; do hidden_against "$mode" $regime $attention $type $triangle "$@"; done
      done
    done
  done
}

workloads() {
  for seq in 2048 4096 8192 16384; do over_assumptions fused --given seq=$seq "$@" | sed "s/^/sequence $seq, /"; done
}

# What stands in the paper, then the range of the cases on standard input.
beside() {
  awk -F'\t' -v name="$1" -v paper="$2" '
    { if (!n++ || $2 < least) { least = $2; low = $1 } if (n == 1 || $2 > most) { most = $2; high = $1 } }
    END { printf "%s: paper %s, predicted %.2f to %.2f\n  most:  %s\n  least: %s\n", name, paper, least, most, high, low }'
}

echo
echo '== Speedup of hidden over fused'
over_assumptions fused | beside 'Llama 2 7B, sequence 4096' 1.14
workloads | beside 'Llama 2 7B, sequence 2048 to 16384' 'up to 1.23'
over_assumptions fused --given model=llama3_8b | beside 'Llama 3 8B, sequence 4096' 1.22
over_assumptions fused --given model=llama3_8b --given seq=8192 | beside 'Llama 3 8B, sequence 8192' 1.22

echo
echo '== Speedup of hidden over in sequence'
over_assumptions sequential --given model=llama3_8b | beside 'Llama 3 8B, sequence 4096' 1.26
over_assumptions sequential --given model=llama3_8b --given seq=8192 | beside 'Llama 3 8B, sequence 8192' 1.26

echo
echo '== What fused dropout costs a steady block: measured and predicted, matmul operators'
table=$(dirname "$0")/../validate/data/h100-sxm/block.csv
perfmodel predict "$table" --arch h100-sxm | awk -F, '
  NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
  $at["seq"] == 4096 && $at["dtype"] == "fp8" {
    key = $at["model"] " " $at["attention_impl"]
    if (!(key in seen)) { seen[key] = 1; order[++n] = key }
    measured[key, $at["dropout"] > 0] = $at["measured_us"]
    predicted[key, $at["dropout"] > 0] = $at["predicted_us"]
  }
  END { for (i = 1; i <= n; ++i) { key = order[i]
    printf "%-20s measured %.3f, predicted %.3f\n", key, measured[key, 1] / measured[key, 0],
           predicted[key, 1] / predicted[key, 0] } }'
