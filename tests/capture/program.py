#!/usr/bin/env python3
"""A script that is none of a shell."""

import os

# ruff: noqa: S605 - what people write
for name in ("red", "blue"):
    os.system(f"ip netns add {name}")
os.system("ip link add r0 netns red type veth peer name b0 netns blue")
