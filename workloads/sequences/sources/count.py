#!/usr/bin/env python3
"""Counts the instructions behind workloads/sequences/*.yaml in compiled code: own SASS, no GPU needed.

    count.py mask       compiles mask_kernels.cu by nvcc and writes mask_counts.csv: instructions of a mask word by class, and
                        the clocks that the compiler has them wait (stalls)
    count.py gemm       compiles Triton GEMMs and writes gemm_counts.csv: a warp's instructions in the main loop and outside

`make sequences` installs what it needs and runs both. The disassembler is looked for beside this Python, then in PATH.
"""
import collections
import csv
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ARCHITECTURE = "compute_90a,code=sm_90a"
# Opcodes by the class that machine files price; every other opcode is counted under "other".
CLASSES = {
    "LOP3": "lop3", "PLOP3": "lop3", "SHF": "shf", "IADD3": "iadd3", "VIADD": "iadd3", "ISETP": "isetp", "SEL": "sel",
    "PRMT": "prmt", "LEA": "lea", "IMAD.WIDE": "imad_wide", "IMAD.HI": "imad_hi", "IMAD": "imad", "MOV": "mov",
    "VIMNMX": "fmnmx", "STG": "stg", "BRA": "bra", "P2R": "mov", "R2P": "mov", "SGXT": "shf", "BMSK": "shf",
    "VABSDIFF": "iadd3",
}


def disassembler():
    beside = sorted(pathlib.Path(sys.prefix).glob("lib/python3*/site-packages/nvidia/*/bin/nvdisasm"))
    found = str(beside[0]) if beside else shutil.which("nvdisasm")
    if not found:
        sys.exit("count.py: no nvdisasm beside this Python or in PATH; `make sequences` installs one")
    return found


# Instructions as texts, the clocks that the compiler has each of them wait for the next (bits 105 to 108 of its encoding),
# and the index that each label stands before.
Function = collections.namedtuple("Function", "lines stalls labels")


def functions(cubin):
    text = subprocess.run([disassembler(), "-c", "-hex", str(cubin)], capture_output=True, text=True, check=True).stdout
    result = {}
    rows = text.splitlines()
    for row, line in enumerate(rows):
        if match := re.match(r"\.text\.(\S+):", line):
            function = result.setdefault(match[1], Function([], [], {}))
        elif match := re.match(r"(\.L_x_\d+):", line):
            function.labels[match[1]] = len(function.lines)
        elif match := re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+(.*?);", line):
            function.lines.append(match[1].strip())
            control = int(re.search(r"0x([0-9a-f]{16})", rows[row + 1])[1], 16) >> 41
            function.stalls.append(control & 15)
    return result


def smallest_loop(function, wanted):
    """First and last instruction of the shortest loop with `wanted` in it."""
    lines, labels = function.lines, function.labels
    best = None
    for i, line in enumerate(lines):
        match = re.search(r"BRA(?:\.\S+)? `\((\.L_x_\d+)\)", line)
        start = labels.get(match[1], i + 1) if match else i + 1
        if start <= i and any(wanted in other for other in lines[start:i]):
            if best is None or i - start < best[1] - best[0]:
                best = (start, i)
    return best


def opcode(line):
    return re.sub(r"^@!?U?P\w+ +", "", line).split()[0]


def class_of(line):
    code = opcode(line)
    for length in (2, 1):
        name = CLASSES.get(".".join(code.split(".")[:length]))
        if name:
            return name
    return "uniform" if code.startswith("U") or code.startswith("R2UR") else "other"


def demangled(name):
    return subprocess.run(["c++filt", name], capture_output=True, text=True, check=True).stdout.strip()


def count_masks():
    with tempfile.TemporaryDirectory() as folder:
        cubin = pathlib.Path(folder) / "mask.cubin"
        subprocess.run(["nvcc", "-std=c++20", "-gencode=arch=" + ARCHITECTURE, "-cubin", "-o", str(cubin),
                        str(HERE / "mask_kernels.cu")], check=True)
        rows = []
        for name, function in functions(cubin).items():
            match = re.search(r"mask<(.*?)(?:::Rounds<(\d+)>)?, (\d+), (true|false)>", demangled(name))
            start, end = smallest_loop(function, "STG")
            classes = collections.Counter(class_of(line) for line in function.lines[start:end + 1])
            rows.append({"generator": match[1].lower(), "rounds": match[2] or "", "bits": int(match[3]),
                         "packed": int(match[4] == "true"), "total": sum(classes.values()),
                         "stalls": sum(function.stalls[start:end + 1]), **classes})
    names = ["generator", "rounds", "bits", "packed", "total", "stalls"]
    names += sorted({key for row in rows for key in row} - set(names))
    rows.sort(key=lambda row: (row["generator"], int(row["rounds"] or 0), row["packed"], row["bits"]))
    write("mask_counts.csv", names, rows)


def write(name, names, rows):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.DictWriter(file, names, restval=0, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"wrote {HERE / name}, {len(rows)} rows", file=sys.stderr)


def count_gemms():
    import triton_gemm

    rows = []
    for case, cubin in triton_gemm.compiled():
        function, = [body for name, body in functions(cubin).items() if "gemm" in name]
        start, end = smallest_loop(function, "GMMA")
        loop = function.lines[start:end + 1]
        last = max(i for i, line in enumerate(function.lines) if "EXIT" in line)
        rows.append({**case, "products": sum("GMMA" in line for line in loop),
                     "copies": sum("LDGSTS" in line for line in loop), "barriers": sum(opcode(line).startswith("BAR") for line in loop),
                     "loop": len(loop), "tile": last + 1 - len(loop)})
    write("gemm_counts.csv", list(rows[0]), rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["mask"]:
        count_masks()
    elif sys.argv[1:] == ["gemm"]:
        count_gemms()
    else:
        sys.exit(__doc__)
