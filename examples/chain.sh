# A GEMM, a mask and an attention by every way of making the mask: predicted beside what an H100 was measured to take
# (validate/data/h100-sxm/calibration/chain.csv). The measured attention is a kernel of this project's own, which reads
# masks and fuses with a given number of rounds; predicted is cuDNN's with the same reading of the mask. So the ratios to
# the chain without dropout are what to compare. Measured is the best of the forms tried: for `hidden` over GEMMs and grids.
set -euo pipefail
here=$(dirname "$0")

# $1: dtype, $2: causal, $3: rounds, $4: column of the table, $5: what the form's name begins with
measured() {
  # A form's name with a comma is quoted.
  sed 's/^"\([^,"]*\), cublas"/\1 cublas/' "$here/../validate/data/h100-sxm/calibration/chain.csv" |
    awk -F, -v dtype="$1" -v causal="$2" -v rounds="$3" -v column="$4" -v form="$5" '
      NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
      index($1, form) == 1 && $2 == dtype && $3 == causal && $4 == rounds && (best == "" || $at[column] + 0 < best) {
        best = $at[column] + 0 }
      END { print best }'
}

predicted() { # $1: dtype, $2: causal, $3: rounds, $4: regime
  perfmodel whatif "$here/chain.yaml" --arch h100-sxm --given dtype="$1" --given causal="$2" --given rounds="$3" \
    --given regime="$4" --sweep dropout_mode=none,fused,sequential,overlapped --csv | awk -F, 'NR > 1 { print $2 }'
}

echo 'microseconds, and in brackets over the chain without dropout: measured | predicted'
for case in 'bf16 1 7' 'bf16 0 7' 'fp8 1 3' 'fp8 1 7' 'fp8 1 10'; do
  read -r dtype causal rounds <<< "$case"
  for regime in cold sustained; do
    column=$([ $regime = cold ] && echo cold_us || echo steady_us)
    {
      for form in 'no dropout' fused 'in sequence' hidden; do measured $dtype $causal $rounds $column "$form"; done
      predicted $dtype $causal $rounds $regime
    } | awk -v name="$dtype, $([ $causal = 1 ] && echo causal || echo 'not causal'), $rounds rounds, $regime" '
      { value[NR] = $1 }
      END {
        print name
        split("none fused sequence hidden", names, " ")
        for (i = 1; i <= 4; ++i)
          printf "  %-9s %6.0f (%.2f) | %6.0f (%.2f)\n", names[i], value[i], value[i] / value[1], value[i + 4],
                 value[i + 4] / value[5] }'
  done
done
