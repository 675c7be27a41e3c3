#!/usr/bin/env bash
# Makes all model folders anew: DEVICE=cuda reproduce.sh DATA LABELS. Interrupted, it goes on where it stopped.
#
# What is committed grew in stages, each from the weights before it, some of them by code that has changed since: the cards
# (../*/CARD.md) tell them all. This script runs the last ones, from the models of commit 069eb92: `bev`, the experts, APE alone and
# `bev-fast` on a GPU (minutes by the clock), then LPE and VEE once more on a processor (minutes of processor
# time; APE is trained beside them, but as it was before, with more pictures, it tells people better on drives held out). `bev-fast` is
# committed in 8 bits alone, so it is shrunk and trained anew first.
#
# FROM_NOTHING=1 trains everything from nothing with the scenes of today: not the committed weights, but the way to make such models in one
# go. DEVICE=cpu runs the same on a processor: give it about fifty times the minutes (BEV_MINUTES, EXPERT_MINUTES, APE_MINUTES, FAST_MINUTES).
# QAT_MINUTES=5 trains the 8-bit model with its rounding in the loop; what is committed does not. Contracts keep the calibration that they
# have: `calibrate` learned it on drives held out (the same trainings with --hold-out fold, then export, then calibrate --write).
set -euo pipefail
cd "$(dirname "$0")"
data=${1:?folder with data/kitti ...} labels=${2:?folder with kitti_labels}
[ -x .venv/bin/python ] || { python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt; }
python=.venv/bin/python
[ "${DEVICE:=cpu}" = cpu ] || python=${PYTHON:-$python} # a PyTorch that sees the GPU
step() { local module=$1; shift; "$python" -m "emc2_training.$module" "$@"; }
where=(--shared "$data" --unpacked "$labels" --threads "${THREADS:-1}")
fast=("${where[@]}" --device "$DEVICE" --workers "${WORKERS:-7}" --pool "${POOL:-2048}")
before=runs/before
if [ -n "${FROM_NOTHING:-}" ]; then
  bev_start=() expert_start=()
else
  for model in bev lpe vee ape image; do
    mkdir -p "$before/$model"
    git show "069eb92:models/$model/model.onnx" > "$before/$model/model.onnx"
  done
  bev_start=(--init "$before/bev/model.onnx") expert_start=(--init "$before")
fi
bev=runs/bev/checkpoint.pt
step train_bev "${fast[@]}" --out runs/bev "${bev_start[@]}" --batch 32 --reuse 4 --lr 3e-3 --seed 11 --minutes "${BEV_MINUTES:-5.2}"
step export --bev "$bev" --out ..
step export --bev "$bev" --out .. --quantize "$data/data/kitti"
step train_experts "${fast[@]}" --bev "$bev" --out runs/experts "${expert_start[@]}" --batch 16 --reuse 4 --lr 2e-3 --seed 12 \
  --minutes "${EXPERT_MINUTES:-2.9}"
step train_experts "${fast[@]}" --bev "$bev" --out runs/ape --start runs/experts/checkpoint.pt --only ape --image-share 0.7 --batch 16 --reuse 4 \
  --lr 1e-3 --seed 13 --minutes "${APE_MINUTES:-1}"
step train_experts "${where[@]}" --bev "$bev" --out runs/last --start runs/ape/checkpoint.pt --image-share 0.45 --batch 4 --reuse 4 --lr 1.2e-3 \
  --seed 21 --minutes "${LAST_MINUTES:-30}"
step export --experts runs/last/checkpoint.pt --names lpe vee --out ..
step export --experts runs/ape/checkpoint.pt --names ape image --out ..
step classifier --shared "$data" --unpacked "$labels" --bev ../bev/model.onnx --out ..
step shrink --model ../bev/model.onnx --width 0.5 --shared "$data" --out runs/bev-fast/start.pt
step train_bev "${where[@]}" --start runs/bev-fast/start.pt --width 0.5 --seed 5 --out runs/bev-fast/first --minutes "${SHRUNK_MINUTES:-30}"
step train_bev "${fast[@]}" --start runs/bev-fast/first/checkpoint.pt --width 0.5 --batch 32 --reuse 8 --lr 3e-3 --seed 14 --out runs/bev-fast/run \
  --minutes "${FAST_MINUTES:-4}"
step export --bev runs/bev-fast/run/checkpoint.pt --bev-name bev-fast --keep-float stem merge --out .. --quantize "$data/data/kitti"
if [ -n "${QAT_MINUTES:-}" ]; then
  step qat "${where[@]}" --bev "$bev" --out runs/bev-u8 --minutes "$QAT_MINUTES"
  step export --bev runs/bev-u8/checkpoint.pt --out .. --quantize "$data/data/kitti"
fi
