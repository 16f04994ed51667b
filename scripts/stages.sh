# Runs named stages one after the other, for scripts/test.sh and scripts/nightly.sh (sourced).
#
# A stage is a function `stage_NAME`; it runs in a process of its own under a time limit, its output
# goes to build/logs/NAME.log, and the end of it is shown when it fails. The caller sets
#   stages=(name ...)        in order
#   limit_seconds=1200       for one stage
#   pattern_stages=(name ...)  those with names that -k PATTERN chooses from, unless --stage does
# and ends with `run_stages "$@"`.

usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2
  echo "Stages: ${stages[*]}" >&2
}

# Prints "passed failed": what the test runners in a log closed with.
count_tests() {
  awk '
    /^[0-9]+% tests passed, [0-9]+ tests? failed out of [0-9]+/ {  # ctest
      for (i = 1; i < NF; i++) if ($i == "passed,") { failed += $(i + 1); passed += $NF - $(i + 1) }
    }
    /^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3 }
    /^=+ .*(passed|failed|error).* in [0-9.:hms ()]+ =+$/ {  # pytest
      for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed/) passed += $(i - 1)
        if ($i ~ /^(failed|error)/) failed += $(i - 1)
      }
    }
    /^Ran [0-9]+ tests? in / { ran = $2 }  # unittest
    /^OK( |$)/ && ran { passed += ran; ran = 0 }
    /^FAILED \(/ && ran {
      bad = 0
      while (match($0, /(failures|errors)=[0-9]+/)) {
        split(substr($0, RSTART, RLENGTH), part, "=")
        bad += part[2]
        $0 = substr($0, RSTART + RLENGTH)
      }
      failed += bad; passed += ran > bad ? ran - bad : 0; ran = 0
    }
    END { print passed + 0, failed + 0 }' "$1"
}

# Runs one stage and adds its line to the table; the totals are in passed_all and failed_all.
run_stage() {
  local name=$1 log=build/logs/$1.log start=$SECONDS status=0 passed failed result=ok
  printf '%s  %s ...\n' "$(date +%H:%M:%S)" "$name"
  timeout --kill-after=30 "${limit_seconds:-1200}" \
    bash "$0" --inside "$name" "${pattern[@]}" </dev/null >"$log" 2>&1 || status=$?
  read -r passed failed < <(count_tests "$log")
  if ((status != 0)); then
    result="FAILED, exit $status"
    ((status == 124 || status == 137)) && result="FAILED, no end after ${limit_seconds:-1200} s"
    ((failed > 0)) || failed=1
    echo "----- the end of $log"
    tail -n 80 "$log"
    echo "-----"
  elif ((failed > 0)); then
    result="FAILED, though its exit status was 0"
  elif ((passed == 0 && ${#pattern[@]} == 0)); then
    passed=1  # a stage that counts nothing is one test
  fi
  passed_all=$((passed_all + passed))
  failed_all=$((failed_all + failed))
  table+=$(printf '%-12s %8d %8d %8d  %s' "$name" $((SECONDS - start)) "$passed" "$failed" "$result")
  table+=$'\n'
}

run_stages() {
  local chosen=() passed_all=0 failed_all=0 table=''
  pattern=()
  while (($# > 0)); do
    case $1 in
      --inside)
        pattern=("${@:3}")
        set -x
        "stage_$2"
        exit
        ;;
      --stage)
        [[ " ${stages[*]} " == *" ${2:-} "* ]] || { echo "no stage '${2:-}'" >&2; usage; exit 2; }
        chosen+=("$2")
        shift 2
        ;;
      -k)
        [[ -n ${2:-} ]] || { usage; exit 2; }
        pattern=(-k "$2")
        shift 2
        ;;
      --help | -h) usage; exit 0 ;;
      *) echo "unknown argument '$1'" >&2; usage; exit 2 ;;
    esac
  done
  if ((${#chosen[@]} == 0 && ${#pattern[@]} > 0)); then
    chosen=(${pattern_stages[@]+"${pattern_stages[@]}"})
  fi
  ((${#chosen[@]} > 0)) || chosen=("${stages[@]}")

  mkdir -p build/logs
  local start=$SECONDS name
  for name in "${chosen[@]}"; do
    run_stage "$name"
  done
  printf '\n%-12s %8s %8s %8s  %s\n' stage seconds passed failed result
  printf '%s' "$table"
  printf '%-12s %8d\n\n' total $((SECONDS - start))
  if ((passed_all + failed_all == 0)); then
    echo "no test matches '${pattern[1]}'" >&2
    failed_all=1
  fi
  printf '%d passed, %d failed\n' "$passed_all" "$failed_all"
  ((failed_all == 0))
}
