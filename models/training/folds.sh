#!/usr/bin/env bash
# Makes models from nothing that did not see the drives of `fold`, and others that did not see those of `others` (data.NAMED): folds.sh DATA LABELS.
# They are comparable with those that the router's table, the calibration and the cards were judged with, and give other figures: those grew in more
# stages, some of them on a GPU (REPRODUCTION.md, "Drives held out"). Interrupted, it goes on where it stopped.
#
#     tune_router --models runs/fold-models --drives fold --also others runs/others-models ...
#
# The folder `bev` of each holds the proposal network in 8 bits, as it is the default of emc2.yaml: that is what the committed tables were judged with. Its
# contract says `name: bev`, since a program asked for DIR/bev wants that name. No held-out frame sets its ranges. `fold-models-float` has the float one
# as its `bev`, and links to all else.
#
# RUNS (runs): gets fold-models, fold-models-float and the same of others, and the runs in folds/. MINUTES (22): of each of the three trainings
# (BEV_MINUTES, EXPERT_MINUTES, APE_MINUTES: of one), of processor time, or by the clock with DEVICE=cuda. FOLDS ("fold others"): which to make.
# PYTHON: an interpreter of your own.
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
  step export --experts "$run/ape/checkpoint.pt" --out "$models"
  step export --bev "$bev" --bev-name bev --quantize "$data/data/kitti" --hold-out "$fold" --out "$models"
  step classifier "${where[@]}" --hold-out "$fold" --bev "$bev" --out "$models"
  step export --bev "$bev" --out "$models-float"
  mkdir -p "$models-float"
  for name in lpe vee ape image classifier; do ln -sfn "../$fold-models/$name" "$models-float/$name"; done
done
