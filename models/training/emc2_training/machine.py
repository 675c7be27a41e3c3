"""What the processor can do."""

from pathlib import Path


def fast_bfloat16(cpuinfo="/proc/cpuinfo"):
    """Whether the processor multiplies bfloat16 itself; where it does not, emulation is twenty times slower than float32."""
    try:
        flags = Path(cpuinfo).read_text().split()
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags)
