#!/bin/bash
# Trains on this machine's GPU, stops, resumes, and compares with training that never stopped, byte
# for byte; waiting for saves and saving beside training: tests/engine/gpu/resume.sh
#
# BASCULE_ENGINE_BUILD: where the preset `engine` was built (default build/engine); of it only
# bascule-engine and bascule are needed. PYTHON: one that has torch 2.11.0 for CUDA (default: python3).
set -euo pipefail
cd "$(dirname "$0")/../../.."
build=${BASCULE_ENGINE_BUILD:-build/engine}
LD_LIBRARY_PATH=$("${PYTHON:-python3}" python/bascule/torch_libraries.py)
export LD_LIBRARY_PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Sizes for which every kernel of a GPU is taken.
sizes=(model.num_layers=3 model.hidden_size=512 model.ffn_hidden_size=768 model.num_attention_heads=8
  model.num_query_groups=2 model.kv_channels=64 model.vocab_size=4096 model.seq_length=256
  train.micro_batch_size=2 train.global_batch_size=4 train.train_iters=6
  scheduler.lr_warmup_iters=1 checkpoint.save_interval=2 model.deterministic_mode=true)
experts=(model.num_moe_experts=8 model.moe_router_topk=2 model.moe_ffn_hidden_size=256)
declare -A recipes=([llama]=llama32_1b [mixture]=qwen3_30b_a3b)

train() {  # MODEL NAME SETTING...: trains into a folder of that name, from it where it is there
  local settings=("${sizes[@]}") model=$1 to=$work/$1.$2
  [[ $model != mixture ]] || settings+=("${experts[@]}")
  "$build/bascule-engine" train "${recipes[$model]}" "${settings[@]}" "checkpoint.save=$to" "checkpoint.load=$to" \
    "${@:3}" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}

same() {  # MODEL NAME: its last save is that of the run that never stopped
  local file
  for file in "$work/$1.whole/iter_0000006"/{*.distcp,.metadata,common.pt,train_state.pt}; do
    cmp "$file" "$work/$1.$2/iter_0000006/$(basename "$file")"
  done
  echo "ok     $1: $2"
}

for model in llama mixture; do
  train "$model" whole
  train "$model" 'stopped after 2' train.exit_interval=2
  train "$model" 'stopped after 2'
  same "$model" 'stopped after 2'
  train "$model" 'saved beside training' checkpoint.async_save=true
  same "$model" 'saved beside training'
  train "$model" 'stopped after 4, saved beside training' checkpoint.async_save=true train.exit_interval=4
  train "$model" 'stopped after 4, saved beside training' checkpoint.async_save=true
  same "$model" 'stopped after 4, saved beside training'
  "$build/bascule" export "$work/$model.whole" "$work/$model.hf" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  "$build/bascule" verify "$work/$model.whole" "$work/$model.hf" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  echo "ok     $model: exported"
  rm -r "$work/$model."*
done
