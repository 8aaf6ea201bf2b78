"""Other programs, asked with a time limit."""

from __future__ import annotations

import shutil
import subprocess


def output_of(*command: str, within_s: float = 2.0) -> str:
    """What a program prints; empty where it is not installed, fails or takes too long."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=within_s, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
