#!/usr/bin/env bash
# Makes all model folders anew: reproduce.sh DATA LABELS. Interrupted, it goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")"
data=${1:?folder with data/kitti ...} labels=${2:?folder with kitti_labels}
[ -x .venv/bin/python ] || { python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt; }
.venv/bin/python -m emc2_training.train_bev --shared "$data" --unpacked "$labels" --out runs/bev --minutes "${BEV_MINUTES:-58}"
.venv/bin/python -m emc2_training.train_experts --shared "$data" --unpacked "$labels" --bev runs/bev/checkpoint.pt \
  --out runs/experts --minutes "${EXPERT_MINUTES:-11}"
.venv/bin/python -m emc2_training.export --bev runs/bev/checkpoint.pt --experts runs/experts/checkpoint.pt --out ..
.venv/bin/python -m emc2_training.export --bev runs/bev/checkpoint.pt --out .. --quantize "$data/data/kitti"
