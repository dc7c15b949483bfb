# shellcheck shell=bash
# Sourced by the scripts of deploy/: what they start, they stop. Bash. Needs $work.

declare -A process_of=()
: "${work:=}"

# start_process NAME COMMAND…: in the background, its output in $work/log/NAME.
start_process() {
    local name=$1
    shift
    "$@" >"$work/log/$name" 2>&1 </dev/null &
    process_of[$name]=$!
}

is_running() { kill -0 "${process_of[$1]:-0}" 2>/dev/null && [ -n "${process_of[$1]:-}" ]; }

# How many of the processes run whose names begin with the argument.
running_processes() {
    local name count=0
    for name in "${!process_of[@]}"; do
        case $name in "$1"*) ! is_running "$name" || count=$((count + 1)) ;; esac
    done
    printf '%s\n' "$count"
}

# Waits for the end of a process; its exit status.
end_process() {
    local pid=${process_of[$1]}
    unset "process_of[$1]"
    wait "$pid"
}

# wait_for_file FILE PROCESS SECONDS
wait_for_file() {
    local tenths=0
    until [ -s "$1" ]; do
        is_running "$2" || { complain "deploy: $2 ended before it was ready"; return 1; }
        [ $tenths -lt $(($3 * 10)) ] || { complain "deploy: $2 is not ready after $3 s"; return 1; }
        sleep 0.1
        tenths=$((tenths + 1))
    done
}

# Asks all to end, the aggregator after the agents, and ends what does not within 20 s.
stop_processes() {
    local name
    for name in "${!process_of[@]}"; do [ "$name" = aggregator ] || end_by_signal "$name"; done
    end_by_signal aggregator
}

end_by_signal() {
    local name=$1 pid=${process_of[$1]:-} tenths=0
    [ -n "$pid" ] || return 0
    unset "process_of[$name]"
    kill -TERM "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do
        if [ $tenths -ge 200 ]; then
            complain "deploy: $name does not end; killing it"
            kill -KILL "$pid" 2>/dev/null || true
            break
        fi
        sleep 0.1
        tenths=$((tenths + 1))
    done
    wait "$pid" 2>/dev/null || true
}

# A private PostgreSQL outlives an aggregator that was killed.
stop_postgresql() {
    local file pid tenths
    for file in "$1"/postgres/postmaster.pid "$1"/postgres/*/postmaster.pid; do
        [ -f "$file" ] || continue
        pid=$(head -n 1 "$file" 2>/dev/null || true)
        [ -n "$pid" ] || continue
        kill -INT "$pid" 2>/dev/null || continue
        tenths=0
        while kill -0 "$pid" 2>/dev/null && [ $tenths -lt 100 ]; do
            sleep 0.1
            tenths=$((tenths + 1))
        done
    done
}
