#!/usr/bin/env bash
# Makes all model folders anew, beside the committed ones: DEVICE=cuda reproduce.sh DATA LABELS. Interrupted, it goes on where it stopped.
#
# What is committed grew in stages, each from the weights before it, some of them by code that has changed since: the cards
# (../*/CARD.md) tell them all. This script runs the last ones, from the models of commit 069eb92 (it needs the history for them): `bev`, the
# experts, APE alone and `bev-fast` on a GPU (minutes by the clock), then LPE and VEE once more on a processor (minutes of processor
# time; APE is trained beside them, but as it was before, with more pictures, it tells people better on drives held out). `bev-fast` is
# committed in 8 bits alone, so it is shrunk and trained anew first.
#
# FROM_NOTHING=1 trains everything from nothing with the scenes of today: not the committed weights, but the way to make such models in one
# go. QAT_MINUTES=5 trains the 8-bit model with its rounding in the loop; what is committed does not.
#
# RUNS: folder of its runs, one for each of the two modes (runs/reproduce-last, runs/reproduce-new); OUT: folder of the models that it makes
# (RUNS/models; OUT=.. writes over the committed ones).
# DEVICE=cpu (the default) runs the stages of the GPU on a processor, CPU_TIMES (50) times as long; BEV_MINUTES, EXPERT_MINUTES, APE_MINUTES and
# FAST_MINUTES set the minutes of each, LAST_MINUTES and SHRUNK_MINUTES those of the stages that always run on a processor. PYTHON: an interpreter of
# your own, as one that sees the GPU.
# Contracts keep the calibration that the committed models have (export --keep-calibration, from copies of their contracts): `calibrate` learned it on
# drives held out (folds.sh makes such models, then calibrate --write). Models made from nothing get none.
set -euo pipefail
cd "$(dirname "$0")"
. ./common.sh
mode=last
[ -z "${FROM_NOTHING:-}" ] || mode=new
runs=${RUNS:-runs/reproduce-$mode}
out=${OUT:-$runs/models}
: "${DEVICE:=cpu}"
# minutes NAME GPU_MINUTES: of a stage that ran on a GPU for so long; the variable NAME sets them.
minutes() {
  local name=$1 gpu=$2 given=${!1:-}
  if [ "$DEVICE" = cpu ]; then
    : "${given:=$(awk "BEGIN { print $gpu * ${CPU_TIMES:-50} }")}"
    echo "$name: the committed model had $gpu minutes of a GPU here; on a processor $given minutes (CPU_TIMES=${CPU_TIMES:-50} times as long, or what $name says)" >&2
  fi
  echo "${given:-$gpu}"
}
bev_minutes=$(minutes BEV_MINUTES 5.2) expert_minutes=$(minutes EXPERT_MINUTES 2.9)
ape_minutes=$(minutes APE_MINUTES 1) fast_minutes=$(minutes FAST_MINUTES 4)
echo "runs in $runs, models into $out$([ "$out" = .. ] || echo '; the committed ones stay as they are (OUT=.. writes over them)')"
where=(--shared "$data" --unpacked "$labels" --threads "${THREADS:-1}")
fast=("${where[@]}" --device "$DEVICE")
if [ "$DEVICE" = cpu ]; then
  fast+=(--workers "${WORKERS:-1}" --pool "${POOL:-256}")
else
  fast+=(--workers "${WORKERS:-7}" --pool "${POOL:-2048}")
fi
mkdir -p "$out"
if [ "$mode" = new ]; then
  bev_start=() expert_start=() keep=()
else
  before=$runs/before
  for model in bev lpe vee ape image; do
    git cat-file -e "069eb92:models/$model/model.onnx" 2>/dev/null || {
      echo "reproduce.sh: the last stages begin with models/$model/model.onnx of commit 069eb92, which this copy does not have: a shallow clone" \
        "(git fetch --unshallow gets the rest) or no clone at all. FROM_NOTHING=1 needs no history" >&2
      exit 1
    }
    mkdir -p "$before/$model"
    git show "069eb92:models/$model/model.onnx" > "$before/$model/model.onnx"
  done
  bev_start=(--init "$before/bev/model.onnx") expert_start=(--init "$before") keep=(--keep-calibration)
  for model in bev bev-u8 bev-fast lpe vee ape; do # for their calibration alone: all else is written anew
    [ -f "$out/$model/contract.yaml" ] || { mkdir -p "$out/$model" && cp "../$model/contract.yaml" "$out/$model/"; }
  done
fi
bev=$runs/bev/checkpoint.pt
step train_bev "${fast[@]}" --out "$runs/bev" "${bev_start[@]}" --batch 32 --reuse 4 --lr 3e-3 --seed 11 --minutes "$bev_minutes"
step export --bev "$bev" --out "$out" "${keep[@]}"
step export --bev "$bev" --out "$out" --quantize "$data/data/kitti" "${keep[@]}"
step train_experts "${fast[@]}" --bev "$bev" --out "$runs/experts" "${expert_start[@]}" --batch 16 --reuse 4 --lr 2e-3 --seed 12 \
  --minutes "$expert_minutes"
step train_experts "${fast[@]}" --bev "$bev" --out "$runs/ape" --start "$runs/experts/checkpoint.pt" --only ape --image-share 0.7 --batch 16 --reuse 4 \
  --lr 1e-3 --seed 13 --minutes "$ape_minutes"
step train_experts "${where[@]}" --bev "$bev" --out "$runs/last" --start "$runs/ape/checkpoint.pt" --image-share 0.45 --batch 4 --reuse 4 --lr 1.2e-3 \
  --seed 21 --minutes "${LAST_MINUTES:-30}"
step export --experts "$runs/last/checkpoint.pt" --names lpe vee --out "$out" "${keep[@]}"
step export --experts "$runs/ape/checkpoint.pt" --names ape image --out "$out" "${keep[@]}"
step classifier --shared "$data" --unpacked "$labels" --bev "$out/bev/model.onnx" --out "$out"
step shrink --model "$out/bev/model.onnx" --width 0.5 --shared "$data" --out "$runs/bev-fast/start.pt"
step train_bev "${where[@]}" --start "$runs/bev-fast/start.pt" --width 0.5 --seed 5 --out "$runs/bev-fast/first" --minutes "${SHRUNK_MINUTES:-30}"
step train_bev "${fast[@]}" --start "$runs/bev-fast/first/checkpoint.pt" --width 0.5 --batch 32 --reuse 8 --lr 3e-3 --seed 14 --out "$runs/bev-fast/run" \
  --minutes "$fast_minutes"
step export --bev "$runs/bev-fast/run/checkpoint.pt" --bev-name bev-fast --keep-float stem merge --out "$out" --quantize "$data/data/kitti" "${keep[@]}"
if [ -n "${QAT_MINUTES:-}" ]; then
  step qat "${where[@]}" --bev "$bev" --out "$runs/bev-u8" --minutes "$QAT_MINUTES"
  step export --bev "$runs/bev-u8/checkpoint.pt" --out "$out" --quantize "$data/data/kitti" "${keep[@]}"
fi
