# What folds.sh and reproduce.sh begin with; sourced in this folder, with their words: data, labels, PYTHON (an interpreter of one's own, or the
# environment, made where there is none), and `step MODULE WORDS...`.
data=${1:?folder with data/kitti ...} labels=${2:?folder with kitti_labels}
if [ -z "${PYTHON:-}" ]; then
  PYTHON=.venv/bin/python
  [ -x "$PYTHON" ] || { python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt; }
fi
step() { local module=$1; shift; "$PYTHON" -m "emc2_training.$module" "$@"; }
