#!/usr/bin/env bash
# Makes models from nothing that did not see the drives of `fold`, and others that did not see those of `others` (data.NAMED): folds.sh DATA LABELS.
# What the router, the calibration and the cards are judged with. Interrupted, it goes on where it stopped.
#
#     tune_router --models runs/fold-models --drives fold --also others runs/others-models ...
#
# RUNS (runs): gets fold-models and others-models, and the runs in folds/. MINUTES (22): of each of the three trainings (BEV_MINUTES, EXPERT_MINUTES,
# APE_MINUTES: of one), of processor time, or by the clock with DEVICE=cuda. FOLDS ("fold others"): which to make. PYTHON: an interpreter of your own.
set -euo pipefail
cd "$(dirname "$0")"
. ./common.sh
: "${RUNS:=runs}" "${MINUTES:=22}" "${DEVICE:=cpu}"
where=(--shared "$data" --unpacked "$labels")
how=(--device "$DEVICE" --threads "${THREADS:-1}" --workers "${WORKERS:-1}" --pool "${POOL:-64}" --batch "${BATCH:-4}" --reuse 4)
for fold in ${FOLDS:-fold others}; do
  run=$RUNS/folds/$fold models=$RUNS/$fold-models
  bev=$run/bev/checkpoint.pt
  echo "$fold: runs in $run, models into $models"
  step train_bev "${where[@]}" "${how[@]}" --hold-out "$fold" --out "$run/bev" --seed 31 --minutes "${BEV_MINUTES:-$MINUTES}"
  step train_experts "${where[@]}" "${how[@]}" --hold-out "$fold" --bev "$bev" --out "$run/experts" --image-share 0.45 --seed 32 \
    --minutes "${EXPERT_MINUTES:-$MINUTES}"
  step train_experts "${where[@]}" "${how[@]}" --hold-out "$fold" --bev "$bev" --out "$run/ape" --start "$run/experts/checkpoint.pt" --only ape \
    --image-share 0.7 --lr 1e-3 --seed 33 --minutes "${APE_MINUTES:-$MINUTES}"
  step export --bev "$bev" --experts "$run/ape/checkpoint.pt" --out "$models"
  step classifier "${where[@]}" --hold-out "$fold" --bev "$bev" --out "$models"
done
