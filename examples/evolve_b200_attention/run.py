"""The whole demonstration: searches, comparison with operators that know nothing of kernels, and results.md.

    python3 run.py [--seeds 5] [--evaluations 300]

Everything in results/ and results.md is written by this script. Published figures are those of arXiv 2603.24517, figure 3.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SEARCHES = ("mha_full", "mha_causal", "gqa4_full", "gqa4_causal", "gqa8_full", "gqa8_causal")
BASELINES = "rules,random,de,cmaes"
SEQUENCES = (4096, 8192, 16384, 32768)
PUBLISHED = {  # TFLOPS at those sequences on a B200, bf16, head dimension 128, 32768 tokens
    "mha_full": {"FA4": (1577.6, 1614.3, 1636.8, 1651.0), "AVO": (1573.4, 1615.2, 1664.4, 1667.6)},
    "mha_causal": {"FA4": (1259.4, 1411.8, 1501.8, 1549.8), "AVO": (1391.8, 1482.5, 1582.1, 1637.3)},
}
PROGRAMS = {"full": ("fa4_forward_2cta", "fa4_forward", "avo_forward_2cta", "avo_forward"),
            "causal": ("fa4_forward", "avo_forward")}
DISCOVERIES = ("query_tiles", "lazy", "separate", "branchless", "overlap", "early", "emulated", "packed", "three_input",
               "bitmask", "pair", "persistent", "order", "kv_slots", "key_blocks", "softmax_registers",
               "correction_registers", "other_registers")


def perfmodel(arguments, options, **kinds):
    return subprocess.run([options.perfmodel, *arguments], check=True, text=True, capture_output=True, cwd=HERE, **kinds)


def search(name, options):
    folder = os.path.join("results", name)
    shutil.rmtree(os.path.join(HERE, folder), ignore_errors=True)
    began = time.monotonic()
    perfmodel(["evolve", f"{name}.yaml", "--out", folder, "--quiet"], options)
    seconds = time.monotonic() - began
    perfmodel(["evolve", "report", folder, "--html", os.path.join("results", f"{name}.html")], options)
    report = perfmodel(["evolve", "report", folder, "--json"], options).stdout
    with open(os.path.join(HERE, "results", f"{name}.json"), "w") as file:
        file.write(report)
    return json.loads(report)["versions"], seconds


def shipped(name, options):
    """What the oracle says of the published kernels' programs on the same suite."""
    with open(os.path.join(HERE, f"{name}.csv")) as file:
        header, *rows = [line.strip().split(",") for line in file if line.strip()]
    configurations = [{key: int(value) if value.isdigit() else value for key, value in zip(header, row)} for row in rows]
    for row in configurations:
        row["causal"] = bool(row["causal"])
    programs = PROGRAMS[name.split("_")[1]]
    lines = [json.dumps({"id": program, "program": program, "configurations": configurations}) for program in programs]
    answer = perfmodel(["oracle", "--arch", "b200"], options, input="\n".join(lines) + "\n").stdout
    return {line["id"]: line for line in map(json.loads, answer.splitlines())}


def without_rules(source, name, options):
    """The same search by a knowledge base from which the rules of one source are taken."""
    root = os.path.abspath(os.path.join(HERE, "../.."))
    with tempfile.TemporaryDirectory() as folder:
        for data in ("arch", "workloads"):
            os.symlink(os.path.join(root, data), os.path.join(folder, data))
        rules = os.path.join(folder, "search", "knowledge")
        os.makedirs(rules)
        taken = []
        for file in sorted(os.listdir(os.path.join(root, "search", "knowledge"))):
            with open(os.path.join(root, "search", "knowledge", file)) as text:
                head, *blocks = re.split(r"(?m)^(?=  - name: |repairs:)", text.read())
            taken += [re.search("name: (.*)", block).group(1) for block in blocks if source in block]
            with open(os.path.join(rules, file), "w") as text:
                text.write(head + "".join(block for block in blocks if source not in block))
        out = os.path.join(folder, "out")
        data = {"env": {**os.environ, "PERFMODEL_DATA": folder}}
        perfmodel(["evolve", f"{name}.yaml", "--out", out, "--quiet"], options, **data)
        return taken, json.loads(perfmodel(["evolve", "report", out, "--json"], options, **data).stdout)["versions"]


def settings(version):
    candidate = version["candidate"]
    return {**candidate.get("set", {}), **{move["move"]: move["value"] for move in candidate.get("moves", [])}}


def gains(versions):
    """Versions that gained, by those who proposed them: rules of the knowledge base, single steps, chance."""
    best, counts, gained = 0, {}, {}
    for version in versions:
        value = version["fitness"]["geomean"]
        if best and value > 1.00001 * best:
            kind = "single steps of a variable" if version["rule"].startswith("neighbour") else "rules" if version["rule"] else "thrown anew"
            counts[kind] = counts.get(kind, 0) + 1
            gained[kind] = gained.get(kind, 1) * value / best
        best = max(best, value)
    return counts, gained


def discoveries(final, bare, taken):
    names = list(final)
    lines = ["\n## What was found, and by whom\n",
             "| setting | start | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    ends = {name: settings(versions[-1]) for name, versions in final.items()}
    start = settings(final[names[0]][0])
    for key in DISCOVERIES:
        lines.append(f"| {key} | {start.get(key, 0):g} | " + " | ".join(f"{ends[name].get(key, 0):g}" for name in names) + " |")
    lines.append("")
    for name in names[:2]:
        counts, gained = gains(final[name])
        lines.append(f"{name}: " + "; ".join(f"{counts[kind]} gains by {kind}, together {100 * (gained[kind] - 1):+.1f} %" for kind in counts)
                     + ".")
    lines += ["", "The rules are the published work of others, each with its source, and the program has a switch for each: the agent has not "
              "invented branchless rescaling, the overlap of the correction or the rebalanced registers. What it worked out is when they "
              "pay, in which order, how far to go, and which to take together although each alone gains nothing. To see what it finds when "
              "nobody tells it, the same searches without the rules that come from AVO (" + ", ".join(taken) + "), whose switches are then "
              "met by single steps alone:", "",
              "| search | with all rules | without AVO's | gains by | branchless | overlap | registers softmax / correction / other |",
              "|---|---|---|---|---|---|---|"]
    for name, versions in bare.items():
        best = max(version["fitness"]["geomean"] for version in versions)
        whole = max(version["fitness"]["geomean"] for version in final[name])
        end = settings(versions[-1])
        counts = ", ".join(f"{kind} {count}" for kind, count in gains(versions)[0].items())
        lines.append(f"| {name} | {whole:.1f} | {best:.1f} | {counts} | {end['branchless']:g} | {end['overlap']:g} | {end['softmax_registers']:g} / "
                     f"{end['correction_registers']:g} / {end['other_registers']:g} |")
    return lines


def trajectory(versions):
    lines = ["| version | evaluations | TFLOPS | gain | change | rule |", "|---|---|---|---|---|---|"]
    best = 0
    for version in versions:
        value = version["fitness"]["geomean"]
        gain = f"{100 * (value / best - 1):+.1f} %" if best else ""
        best = max(best, value)
        lines.append(f"| {version['version']} | {version['evaluations']} | {value:.1f} | {gain} | {version['change']} | "
                     f"{version['rule']} |")
    return lines


def section(name, versions, seconds, programs):
    last = versions[-1]
    values = " / ".join(f"{value:.0f}" for value in last["fitness"]["tflops"])
    best = max(versions, key=lambda version: version["fitness"]["geomean"])["fitness"]["geomean"]
    lines = [f"\n## {name}\n",
             f"{versions[0]['fitness']['geomean']:.1f} -> **{best:.1f} TFLOPS** in {versions[-1]['evaluations']} evaluations "
             f"to the last version, {seconds:.0f} s in all. At {' / '.join(map(str, SEQUENCES))}: {values}.\n",
             "| kernel | predicted, geomean | at each sequence | published |", "|---|---|---|---|"]
    for program, line in programs.items():
        published = PUBLISHED.get(name, {}).get("AVO" if program.startswith("avo") else "FA4")
        shown = " / ".join(f"{value:.0f}" for value in published) if published else ""
        lines.append(f"| {program} | {line['geomean']:.1f} | {' / '.join(f'{value:.0f}' for value in line['tflops'])} | {shown} |")
    lines += ["", *trajectory(versions)]
    return lines, best


def comparison(name, options):
    output = perfmodel(["evolve", "compare", f"{name}.yaml", "--operators", BASELINES, "--seeds", str(options.seeds),
                        "--evaluations", str(options.evaluations), "--quiet", "--json"], options).stdout
    result = json.loads(output)
    with open(os.path.join(HERE, "results", f"compare_{name}.json"), "w") as file:
        json.dump({**result, "operators": [{"operator": each["operator"], "runs": each["runs"]} for each in result["operators"]]},
                  file)
    return result


def at(run, evaluations):
    return max((value for count, value in run["steps"] if count <= evaluations), default=0)


def comparison_lines(name, result, reference):
    marks = [mark for mark in (25, 50, 100, 200) if mark < result["budget"]] + [result["budget"]]
    lines = [f"\n### {name}: best design after so many evaluations, TFLOPS, median of {len(result['operators'][0]['runs'])} seeds\n",
             "| operator | " + " | ".join(map(str, marks)) + f" | evaluations to {reference:.1f} TFLOPS (the best shipped program) |",
             "|---|" + "---|" * (len(marks) + 1)]
    for each in result["operators"]:
        medians = [sorted(at(run, mark) for run in each["runs"])[len(each["runs"]) // 2] for mark in marks]
        reached = sorted(next((count for count, value in run["steps"] if value >= reference), 10**9) for run in each["runs"])
        middle = reached[len(reached) // 2]
        lines.append(f"| {each['operator']} | " + " | ".join(f"{value:.1f}" for value in medians) +
                     f" | {middle if middle < 10**9 else 'not reached'} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--perfmodel", default=os.path.abspath(os.path.join(HERE, "../../build/release/perfmodel")))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=300)
    options = parser.parse_args()
    os.makedirs(os.path.join(HERE, "results"), exist_ok=True)

    text = ["# What the searches found\n", "Written by run.py. Throughputs are predictions of the model for a B200, geometric means"
            " over four sequences of 32768 tokens; published figures are arXiv 2603.24517's measurements."]
    overview = ["\n| search | start | end | best shipped program | seconds |", "|---|---|---|---|---|"]
    sections, compared, final, bare, taken = [], [], {}, {}, []
    for name in SEARCHES:
        versions, seconds = search(name, options)
        programs = shipped(name, options)
        lines, best = section(name, versions, seconds, programs)
        reference = max(line["geomean"] for line in programs.values())
        overview.append(f"| {name} | {versions[0]['fitness']['geomean']:.1f} | {best:.1f} | {reference:.1f} | {seconds:.0f} |")
        sections += lines
        final[name] = versions
        if name.startswith("mha"):
            compared += comparison_lines(name, comparison(name, options), reference)
            taken, bare[name] = without_rules("2603.24517", name, options)
    overview.append("\nSearches of grouped-query attention (gqa4: four heads of keys, gqa8: eight) start from the best multi-head design. Where start "
                    "and end are equal, carrying it over is all that the transfer took; no version gained on it.")
    text += [*overview, *discoveries(final, bare, taken), "\n## Against operators that know nothing of kernels", *compared, *sections]
    with open(os.path.join(HERE, "results.md"), "w") as file:
        file.write("\n".join(text) + "\n")
    print("\n".join(overview))


if __name__ == "__main__":
    main()
