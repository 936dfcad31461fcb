#!/usr/bin/env bash
# bundle.sh BINARY FOLDER: a build with all it needs to run on another machine; the CUDA build wants an NVIDIA driver there.
#     FOLDER/perfmodel          starts the binary with its data
#     FOLDER/bin/perfmodel      the binary
#     FOLDER/bin/lib/           libraries that a bare system lacks, CUPTI among them
#     FOLDER/share/perfmodel/   arch/ workloads/ validate/ search/knowledge/
# And FOLDER.tar.gz, the same in one small file. cuBLAS and cuDNN are not in it; they are looked for on that machine.
set -euo pipefail
binary=$1 folder=$2
root=$(cd "$(dirname "$0")/.." && pwd)

rm -rf "$folder" "$folder.tar.gz"
mkdir -p "$folder/bin/lib" "$folder/share/perfmodel"
cp "$binary" "$folder/bin/perfmodel"
strip --strip-unneeded "$folder/bin/perfmodel"

# What the system's own C and C++ runtime does not bring.
ldd "$binary" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' \
  | grep -vE '/(libc|libstdc\+\+|libm|libdl|librt|libpthread|libutil|libgcc_s|ld-linux[^/]*)\.so' \
  | xargs -I{} cp -L {} "$folder/bin/lib/"
# CUPTI loads these by name.
cupti=$(dirname "$(ldd "$binary" | awk '/libcupti/ { print $3 }')")
for name in libnvperf_host.so libnvperf_target.so; do
  if [ -e "$cupti/$name" ]; then cp -L "$cupti/$name" "$folder/bin/lib/"; fi
done

cp -r "$root/arch" "$root/workloads" "$root/validate" "$folder/share/perfmodel/"
mkdir -p "$folder/share/perfmodel/search"
cp -r "$root/search/knowledge" "$folder/share/perfmodel/search/"
find "$folder/share" -type f ! -name '*.yaml' ! -name '*.csv' ! -name '*.md' -delete
find "$folder/share" -type d -empty -delete

cat > "$folder/perfmodel" <<'START'
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/bin/perfmodel" "$@"
START
chmod +x "$folder/perfmodel"
tar -C "$(dirname "$folder")" -cf - "$(basename "$folder")" | gzip -6 > "$folder.tar.gz"
du -sh "$folder" "$folder.tar.gz"
