#!/usr/bin/env bash
# The tests of models/training, where a Python with torch is: EMC2_PYTHON, models/training/.venv, or python3.
# Skips, and says so, where there is none: nothing of the Rust side needs it.
set -euo pipefail
cd "$(dirname "$0")/../models/training"
for python in "${EMC2_PYTHON:-}" .venv/bin/python python3; do
  [ -n "$python" ] && "$python" -c 'import torch, onnx, onnxruntime, numpy, PIL' 2>/dev/null || continue
  exec "$python" -W ignore -m unittest discover -s tests -t .
done
echo "skipped: tests of models/training (no Python with torch; set EMC2_PYTHON, or see models/training/README.md)"
