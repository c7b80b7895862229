"""Two machines that were seen, held against each other: is the kernel's state the same, and who is answered by whom."""

from nsgen.comparing.compare import Comparison, compare

__all__ = ["Comparison", "compare"]
