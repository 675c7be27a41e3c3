#!/usr/bin/env bash
# Makes all model folders anew: reproduce.sh DATA LABELS. Interrupted, it goes on where it stopped.
#
# What is committed grew in stages, each from the weights before it, some of them by code that has changed since: the cards
# (../*/CARD.md) tell them all. This script runs the last ones: the experts from those of commit 7080e1e on the proposals of `bev`, then
# APE and its image branch alone with more pictures, and `bev-fast` from a shrunk `bev`. `bev` itself stays as it is: its last stage
# (commit 2e44e52, 46 minutes from the weights of bc8fa7e) was trained by code that made each window in numpy.
#
# FROM_NOTHING=1 trains everything from nothing with the scenes of today: not the committed weights, but the way to make such models in one
# go. With a GPU add DEVICE=cuda WORKERS=15 BATCH=32 (no committed model was trained on one). QAT_MINUTES=5 trains the 8-bit model with its
# rounding in the loop; what is committed does not. Contracts keep the calibration that they have: `calibrate` learned it on drives held
# out (train_bev and train_experts with --hold-out fold, then export, then calibrate --write).
set -euo pipefail
cd "$(dirname "$0")"
data=${1:?folder with data/kitti ...} labels=${2:?folder with kitti_labels}
[ -x .venv/bin/python ] || { python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt; }
step() { local module=$1; shift; .venv/bin/python -m "emc2_training.$module" "$@"; }
where=(--shared "$data" --unpacked "$labels" --device "${DEVICE:-cpu}" --workers "${WORKERS:-1}" --threads "${THREADS:-1}")
if [ -n "${FROM_NOTHING:-}" ]; then
  step train_bev "${where[@]}" --out runs/bev --batch "${BATCH:-4}" --minutes "${BEV_MINUTES:-200}"
  bev=runs/bev/checkpoint.pt start=()
  step export --bev "$bev" --out ..
else
  mkdir -p runs/before/{lpe,vee,ape,image}
  for model in lpe vee ape image; do git show "7080e1e:models/$model/model.onnx" > "runs/before/$model/model.onnx"; done
  step from_models --models .. --backbone "$data/models/fastestdet/FastestDet.onnx" --out runs/from
  bev=runs/from/bev/checkpoint.pt start=(--init runs/before --lr 1.5e-3 --seed 3)
fi
step train_experts "${where[@]}" --bev "$bev" --out runs/experts "${start[@]}" --minutes "${EXPERT_MINUTES:-25}"
step train_experts "${where[@]}" --bev "$bev" --out runs/ape --start runs/experts/checkpoint.pt --only ape --image-share 0.7 --lr 1e-3 \
  --seed 4 --minutes "${APE_MINUTES:-12}"
step export --experts runs/ape/checkpoint.pt --out ..
step shrink --model ../bev/model.onnx --width 0.5 --shared "$data" --out runs/bev-fast/start.pt
step train_bev "${where[@]}" --start runs/bev-fast/start.pt --width 0.5 --seed 5 --out runs/bev-fast/run --minutes "${FAST_MINUTES:-30}"
step export --bev runs/bev-fast/run/checkpoint.pt --bev-name bev-fast --keep-float stem merge --out .. --quantize "$data/data/kitti"
if [ -n "${QAT_MINUTES:-}" ]; then
  step qat "${where[@]}" --bev "$bev" --out runs/bev-u8 --minutes "$QAT_MINUTES"
  step export --bev runs/bev-u8/checkpoint.pt --out .. --quantize "$data/data/kitti"
elif [ -n "${FROM_NOTHING:-}" ]; then
  step export --bev "$bev" --out .. --quantize "$data/data/kitti"
fi
