# shellcheck shell=bash
# Sourced by deploy/demo: our integers beside figures that others computed. Bash; energies are whole µJ, no rounding.

# Joules with decimals as µJ.
microjoules() {
    local whole=${1%%.*} fraction=000000
    case $1 in *.*) fraction=${1#*.}000000 ;; esac
    printf '%s\n' $((whole * 1000000 + 10#${fraction:0:6}))
}

# column FILE NAME ROW: of a table with a heading; rows from 1.
column() {
    awk -F, -v name="$2" -v row="$3" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } NR == row + 1 { print $c }' "$1"
}

kilojoules() { printf "%'d.%03d kJ" $(($1 / 1000000000)) $(($1 / 1000000 % 1000)); }

# share PART WHOLE: signed, in per cent with three decimals.
share() {
    local thousandths=$(($1 * 100000 / $2)) sign=
    [ $thousandths -ge 0 ] || { sign=-; thousandths=$((-thousandths)); }
    printf '%s%d.%03d %%' "$sign" $((thousandths / 1000)) $((thousandths % 1000))
}

# compare JOB.json NODES.csv RUNS.csv
compare() {
    local n ours theirs nodes=0 switches total published held
    for n in 1 2 3 4 5 6 7 8; do
        ours=$(awk -F'"' -v node="node_$n" '$2 == "node" { at = $4 } $2 == "energy_uj" && at == node { print $4; exit }' "$1")
        theirs=$(microjoules "$(column "$2" trap_J "$n")")
        if [ "$ours" != "$theirs" ]; then
            complain "node_$n: $ours µJ here, $theirs µJ computed independently"
            return 1
        fi
        nodes=$((nodes + ours))
    done
    say "Nodes:    each equals, to the microjoule, the trapezoid over its own readings inside the run's window as computed"
    say "          independently of Wattest; together $(kilojoules $nodes)"
    switches=$(microjoules "$(column "$3" switch_J 1)")
    total=$(field energy_uj <"$1")
    if [ "$total" != $((nodes + switches)) ]; then
        complain "the job: $total µJ here, $((nodes + switches)) µJ expected with the switches"
        return 1
    fi
    say "Switches: $(kilojoules "$switches"), 16,100 W over the run, an estimate and marked so; the job: $(kilojoules "$total")"
    published=$(microjoules "$(column "$3" job_mlperf_J 1)")
    held=$(microjoules "$(column "$3" nodes_hold_J 1)")
    say "Published scoring rule for this run: $(kilojoules "$published"). Ours differs by $(share $((total - published)) "$published"), because"
    say "  - the rule is mean logged power times time to train; ours is the integral of the readings over the run's window;"
    say "  - the logs begin about 1 s after the run and end about 1 s before it: Wattest reports those seconds as missing and"
    say "    does not fill them. Held out to the edges the nodes would come to $(kilojoules "$held"), $(share $((held - nodes)) "$published") more."
    say "The submission's score (20,644,275 J) is a mean of ten runs times a scaling factor: another quantity than one run's energy."
}
