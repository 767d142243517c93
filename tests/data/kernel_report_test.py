"""tools/kernel_report.py: occupancy, counting, and a run on the extinction kernel (skipped without nvcc or a build)."""

import shutil
import subprocess
import sys
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tools"))

import kernel_report

BUILDS = [folder for folder in sorted(REPOSITORY.glob("build/*")) if (folder / "bin/kernel_costs").exists()]


class Report(unittest.TestCase):
    def test_occupancy(self):
        """NVIDIA's occupancy calculator: 128 threads with 40 registers fill 48 of 64 warps; and each other limit."""
        a100, h100 = kernel_report.DEVICES["sm_80"], kernel_report.DEVICES["sm_90"]
        self.assertEqual(kernel_report.occupancy(40, 128, 0, a100), (48 / 64, "registers"))
        self.assertEqual(kernel_report.occupancy(32, 1024, 0, a100), (1.0, "warps"))
        self.assertEqual(kernel_report.occupancy(32, 32, 0, a100), (32 / 64, "blocks"))
        self.assertEqual(kernel_report.occupancy(32, 64, 40 * 1024, a100), (8 / 64, "shared memory"))
        self.assertEqual(kernel_report.occupancy(32, 64, 40 * 1024, h100), (10 / 64, "shared memory"))

    def test_flop_of_instructions(self):
        for mnemonic, operands, flop in (
            ("addsd", "%xmm0,%xmm1", 1),
            ("vfmadd213sd", "%xmm0,%xmm1,%xmm2", 2),
            ("vmulpd", "%ymm0,%ymm1,%ymm2", 4),
            ("vfnmadd231pd", "%zmm0,%zmm1,%zmm2", 16),
            ("sqrtpd", "%xmm0,%xmm1", 2),
            ("movsd", "(%rax),%xmm0", 0),
            ("addq", "%rax,%rbx", 0),
            ("vandpd", "%xmm0,%xmm1,%xmm2", 0),
        ):
            self.assertEqual(kernel_report.flop_of(mnemonic, operands, 64), flop, mnemonic)
            self.assertEqual(kernel_report.flop_of(mnemonic, operands, 32), 0, mnemonic)
        self.assertEqual(kernel_report.flop_of("vfmadd231ps", "%ymm0,%ymm1,%ymm2", 32), 16)
        self.assertEqual(kernel_report.flop_of("mulss", "%xmm0,%xmm1", 32), 1)

    def test_a_spill_is_seen(self):
        text = """ptxas info    : Compiling entry function '_ZN1a6some_kernelEv' for 'sm_90'
    8 bytes stack frame, 16 bytes spill stores, 24 bytes spill loads
ptxas info    : Used 48 registers, used 1 barriers, 8 bytes cumulative stack size, 256 bytes smem"""
        found = kernel_report.parse_ptxas(text)["some_kernel"]
        self.assertEqual(found, {"registers": 48, "static": 256, "stack": 8, "spills": 40})

    @unittest.skipIf(not BUILDS, "nothing is built: cmake --build build/default")
    @unittest.skipIf(shutil.which("valgrind") is None, "no valgrind")
    def test_it_runs(self):
        command = [sys.executable, REPOSITORY / "tools/kernel_report.py", BUILDS[0], "--kernel=extinction", "--systems=2"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 3:
            self.skipTest(done.stdout.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        for architecture in kernel_report.DEVICES:
            self.assertRegex(done.stdout, rf"\| extinction_kernel \| {architecture} \| \d+ \| 0 / 0 \|")
        self.assertRegex(done.stdout, r"\| extinction, FP64 \| 0\.1\d\d \|")


if __name__ == "__main__":
    unittest.main()
