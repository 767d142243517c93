"""What the compiler makes of each kernel, and the bound that its arithmetic and its memory traffic give. No GPU needed.

    python tools/kernel_report.py BUILD_FOLDER [--systems 32] [--kernel NAME]

Registers, spills and static shared memory are what `ptxas -v` says; threads and dynamic
shared memory are what the launch asks for. Occupancy is computed as NVIDIA's occupancy calculator does.

FLOP of one system, sample or star are counted, not estimated: the kernel's body runs on the host (kernels/block.h) for
draws of the prior under callgrind, which says how often each instruction ran, and objdump what it is. Additions, products,
quotients and roots in the kernel's precision count 1 for each lane, fused ones 2; what the C library's exp, pow, sin and cos do is included, which
is near to, but not, what the device's do. A quotient or root takes a device some ten instructions: their number is given.

The bound is the smaller of peak FLOP/s over FLOP and memory bandwidth over bytes: no kernel reaches it.

Exit status: 0; 1 when a kernel spills or has a stack; 3 where there is no nvcc or valgrind.
"""

import argparse
import json
import math
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

# Per multiprocessor: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability". Peak FLOP/s
# by bits, outside the tensor cores, and memory bandwidth: NVIDIA A100 80GB and H100 SXM data sheets.
DEVICES = {
    "sm_80": {"name": "A100", "shared": 164 * 1024, "flops": {64: 9.7e12, 32: 19.5e12}, "bandwidth": 2.0e12},
    "sm_90": {"name": "H100 SXM", "shared": 228 * 1024, "flops": {64: 34e12, 32: 67e12}, "bandwidth": 3.35e12},
}
WARPS, BLOCKS, REGISTERS, WARP = 64, 32, 65536, 32
REGISTER_UNIT, WARP_UNIT, SHARED_UNIT, SHARED_RESERVED = 256, 4, 128, 1024


def occupancy(registers, threads, shared, device):
    """(share of the warps that a multiprocessor can hold, what limits it)."""
    warps = math.ceil(threads / WARP)
    registers_a_warp = math.ceil(registers * WARP / REGISTER_UNIT) * REGISTER_UNIT
    shared_a_block = math.ceil((shared + SHARED_RESERVED) / SHARED_UNIT) * SHARED_UNIT
    limits = {
        "warps": WARPS // warps,
        "blocks": BLOCKS,
        "registers": REGISTERS // registers_a_warp // WARP_UNIT * WARP_UNIT // warps,
        "shared memory": device["shared"] // shared_a_block,
    }
    limit = min(limits, key=limits.get)
    return limits[limit] * warps / WARPS, limit


def compile_kernels(command, architecture):
    """{kernel: what ptxas says of it}. command: that of the build's compile_commands.json."""
    words = shlex.split(command)
    kept = [word for word in words[1:] if not word.startswith(("--generate-code", "-Xfatbin"))]
    output = kept.index("-o")
    del kept[output : output + 2]
    kept.remove("-c")
    source = next(word for word in words if word.endswith(".cu"))
    kept = [word for word in kept if word != source]
    with tempfile.TemporaryDirectory() as folder:
        call = [words[0], *kept, f"-arch={architecture}", "-cubin", "-Xptxas", "-v"]
        done = subprocess.run([*call, "-o", f"{folder}/out.cubin", source], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{shlex.join(call)}\n{done.stderr}")
    return parse_ptxas(done.stdout + done.stderr)


def parse_ptxas(text):
    kernels = {}
    for part in text.split("Compiling entry function '")[1:]:
        mangled = part.split("'")[0]
        numbers = dict((name, int(n)) for n, name in re.findall(r"(\d+) bytes (stack frame|spill stores|spill loads)", part))
        static = re.search(r"(\d+) bytes smem", part)
        kernels[re.search(r"\d([a-z_]+_kernel)E", mangled).group(1)] = {
            "registers": int(re.search(r"Used (\d+) registers", part).group(1)),
            "static": int(static.group(1)) if static else 0,
            "stack": numbers["stack frame"],
            "spills": numbers["spill stores"] + numbers["spill loads"],
        }
    return kernels


def flop_of(mnemonic, operands, bits):
    """Operations of one x86 instruction in that precision."""
    operation = r"v?(add|sub|mul|div|sqrt|addsub|hadd|hsub|fn?m(?:add|sub|addsub|subadd)\d+)([sp])"
    found = re.fullmatch(operation + {64: "d", 32: "s"}[bits], mnemonic)
    if found is None:
        return 0
    vector = 512 if "zmm" in operands else 256 if "ymm" in operands else 128
    lanes = 1 if found.group(2) == "s" else vector // bits
    return lanes * (2 if found.group(1).startswith("f") else 1)


def read_callgrind(path):
    """{object file: Counter of executions by address}."""
    objects, counts, skip = {}, None, False
    for line in Path(path).read_text().splitlines():
        if line.startswith("ob="):
            counts = objects.setdefault(line[3:], Counter())
        elif line.startswith("calls="):
            skip = True  # the next line is the cost of what is called
        elif line.startswith("0x"):
            if not skip:
                address, count = line.split()[:2]
                counts[int(address, 16)] += int(count)
            skip = False
    return objects


def count_flop(executable, work, bits, systems):
    """(FLOP, of which quotients and roots) of one system or sample."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/callgrind.out"
        # measured*: the compiler may make a clone of it for a caller.
        options = ["--dump-instr=yes", "--dump-line=no", "--compress-pos=no", "--compress-strings=no"]
        call = ["valgrind", "--tool=callgrind", *options, "--toggle-collect=measured*", f"--callgrind-out-file={out}"]
        call += [str(executable), work, str(systems), str(REPOSITORY / "data")]
        done = subprocess.run(call, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{shlex.join(call)}\n{done.stderr}")
        objects = read_callgrind(out)
    if not objects:
        sys.exit(f"callgrind saw no call of `measured` in {executable} {work}")
    flop = slow = 0
    for path, counts in objects.items():
        if not Path(path).exists():
            continue
        listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], capture_output=True, text=True).stdout
        for line in listing.splitlines():
            found = re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*(.*)", line)
            if found is None or not counts[int(found.group(1), 16)]:
                continue
            operations = counts[int(found.group(1), 16)] * flop_of(found.group(2), found.group(3), bits)
            flop += operations
            slow += operations if re.match(r"v?(div|sqrt)", found.group(2)) else 0
    return flop / systems, slow / systems


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in lines)


def report(build, systems, only):
    commands = json.loads((build / "compile_commands.json").read_text())
    commands = [entry for entry in commands if entry["file"].endswith(".cu")]
    if not commands or shutil.which(shlex.split(commands[0]["command"])[0]) is None:
        print("no nvcc: this build has no kernels to report on")
        return 3
    if shutil.which("valgrind") is None or shutil.which("objdump") is None:
        print("no valgrind or objdump: FLOP cannot be counted (Debian packages valgrind, binutils)")
        return 3
    executable = build / "bin/kernel_costs"
    if not executable.exists():
        sys.exit(f"{executable} is missing: build it first (cmake --build {build} --target kernel_costs)")
    described = [line.split() for line in subprocess.check_output([executable], text=True).splitlines()]
    works = [(work, kernel, int(bits), int(size)) for work, kernel, bits, size, *_ in described if only in (None, work)]
    # Of a block, by kernel and architecture.
    shapes = {(kernel, architecture): tuple(map(int, shape.split("/")))
              for _, kernel, _, _, *both in described for architecture, shape in zip(DEVICES, both, strict=True)}

    compiled = {}
    for entry in commands:
        source = Path(entry["file"]).read_text()
        if any(f" {kernel}(" in source for _, kernel, _, _ in works):
            for architecture in DEVICES:
                for kernel, found in compile_kernels(entry["command"], architecture).items():
                    compiled[kernel, architecture] = found
    rows = []
    for (kernel, architecture), found in compiled.items():
        threads, shared = shapes[kernel, architecture]
        share, limit = occupancy(found["registers"], threads, found["static"] + shared, DEVICES[architecture])
        spills = f"{found['spills']} / {found['stack']}"
        cells = [kernel, architecture, found["registers"], spills, found["static"], shared, threads]
        rows.append([*cells, f"{100 * share:.0f}%, {limit}"])
    header = ["kernel", "for", "registers", "spills / stack [B]", "static", "dynamic shared [B]", "threads", "occupancy"]
    print(table(header, rows), "\n")

    rows = []
    for work, _, bits, size in works:
        flop, slow = count_flop(executable, work, bits, systems)
        cells = [f"{work}, FP{bits}", f"{flop / 1e6:.3f}", f"{slow / 1e6:.3f}", f"{size / 1e3:.1f}"]
        for device in DEVICES.values():
            arithmetic = device["flops"][bits] / flop if flop else math.inf
            memory = device["bandwidth"] / size
            by = "arithmetic" if arithmetic < memory else "memory"
            cells.append(f"{min(arithmetic, memory) / 1e6:.2f}, {by}")
        rows.append(cells)
    header = ["one system or sample", "MFLOP", "of these / and sqrt", "kB"]
    print(table([*header, *(f"bound, {device['name']} [million/s]" for device in DEVICES.values())], rows))

    spilling = [key for key, found in compiled.items() if found["spills"] or found["stack"]]
    for kernel, architecture in spilling:
        print(f"{kernel} spills registers or has a stack on {architecture}", file=sys.stderr)
    return 1 if spilling else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="a folder that CMake has built in")
    parser.add_argument("--systems", type=int, default=32, help="draws of the prior to count FLOP over; a tile of stars is 32 [32]")
    parser.add_argument("--kernel",
                        help="one piece of work only: simulate, extinction, extinction-by-spectra, prior, flow-sample, "
                             "spectrum, schedule, pack, observe, starts, system, features, expand, judge")
    arguments = parser.parse_args()
    sys.exit(report(arguments.build.resolve(), arguments.systems, arguments.kernel))


if __name__ == "__main__":
    main()
