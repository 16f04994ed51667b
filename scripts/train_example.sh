#!/usr/bin/env bash
# Continues the training of SmolLM2-135M on a CPU: Hugging Face -> training -> Hugging Face.
#
#   scripts/train_example.sh
#
# The text is The Devil's Dictionary by Ambrose Bierce (1911, in the public domain), which Debian has
# as the package dict-devil; its last part is held out. The run is interrupted once and goes on.
# Exit 1 unless the loss falls: the mean of the last ten steps to at most 0.9 of that of the first
# five, and transformers' loss of the held-out text by at least 3 %.
set -euo pipefail
if (($# > 0)); then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  [[ $1 == --help || $1 == -h ]] && exit 0
  exit 2
fi
cd "$(dirname "$0")/.."
example=$PWD/build/example
model=$example/SmolLM2-135M-Instruct
text=$example/devils_dictionary.txt
data=$example/devils_dictionary
run=$example/training
trained=$example/SmolLM2-135M-devil
steps=${STEPS:-60}
python=.venv/bin/python

step() { printf '\n== %s\n' "$*"; }

step 'Packages'
scripts/install_packages.sh --build-only
scripts/python_env.sh

step 'Build (release, and the engine)'
cmake --preset release
cmake --build --preset release
cmake --preset engine
cmake --build build/engine --target bascule_engine

step 'Model'
[[ -f $model/config.json ]] || scripts/example_model.sh "$model"

step 'Text'
if [[ ! -f $text ]]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  (cd "$folder" && apt-get download -qq dict-devil && dpkg -x dict-devil_*.deb .)
  gzip -dc <"$folder/usr/share/dictd/devil.dict.dz" >"$text.partial"
  mv "$text.partial" "$text"
fi
"$python" tools/tokenize_text.py "$text" "$model" "$data" --held-out 5
build/release/bascule data check "$data"

step "Training, $steps steps"
rm -rf "$run" "$trained"
train=(
  build/release/bascule train smollm2_135m
  "checkpoint.pretrained_checkpoint=$model" "checkpoint.save=$run" "checkpoint.load=$run"
  "dataset.blend=$data" model.seq_length=128
  train.micro_batch_size=4 train.global_batch_size=8 "train.train_iters=$steps"
  optimizer.lr=4.0e-4 optimizer.min_lr=2.0e-5
  scheduler.lr_warmup_iters=8 "scheduler.lr_decay_iters=$steps"
  validation.eval_iters=0 logger.log_interval=5 mixed_precision=null
)
"${train[@]}" &
pid=$!
done_steps() { cat "$run/metrics.jsonl" 2>/dev/null | wc -l; }
while kill -0 "$pid" 2>/dev/null && (($(done_steps) < steps / 2)); do
  sleep 0.5
done
echo "interrupting it ..."
kill -TERM "$pid"
wait "$pid"
"${train[@]}"

step 'Export'
build/release/bascule export "$run" "$trained"

step 'Verdict'
before=$("$python" tools/held_out_loss.py "$model" "$data.held_out.txt")
after=$("$python" tools/held_out_loss.py "$trained" "$data.held_out.txt")
"$python" - "$run/metrics.jsonl" "$before" "$after" <<'PYTHON'
import json
import sys

losses = [json.loads(line)["loss"] for line in open(sys.argv[1])]
before, after = map(float, sys.argv[2:])
first, last = sum(losses[:5]) / 5, sum(losses[-10:]) / 10
print(f"training loss, mean of the first 5 steps   {first:.3f}")
print(f"training loss, mean of the last 10 steps   {last:.3f}   ({last / first:.2f} times; at most 0.9)")
print(f"transformers' loss of the held-out text    {before:.3f} before, {after:.3f} after "
      f"({(1 - after / before) * 100:.1f} % lower; at least 3 %)")
sys.exit(not (last <= 0.9 * first and after <= 0.97 * before))
PYTHON
