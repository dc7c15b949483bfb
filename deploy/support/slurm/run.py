"""Jobs of a real Slurm cluster through the whole of Wattest, against a plan of what each node draws.

    run.py WORK BIN HOOK      called by deploy/slurm-test
"""
import datetime
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster import HOST_IP, PREFIX, Cluster, sh  # noqa: E402
from counters import Counters  # noqa: E402
from oracle import Log  # noqa: E402
from wattest import Wattest, finished, node_energy  # noqa: E402

WORK, BIN, HOOK = sys.argv[1:4]
STILL = 2.2  # seconds of still counters around each edge
N1, N2, N3, N4 = (f"{PREFIX}{i}" for i in (1, 2, 3, 4))
begin = time.time()
failures = []


def say(text):
    print(f"[{time.time() - begin:5.0f} s] {text}", flush=True)


def check(what, is_right, detail=""):
    say(f"{'ok  ' if is_right else 'FAIL'}  {what}{': ' + str(detail) if detail != '' else ''}")
    if not is_right:
        failures.append(what)


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Scenarios:
    def __init__(self, cluster, counters, wattest):
        self.cluster, self.counters, self.wattest = cluster, counters, wattest
        self.table = []
        self.expected = {}
        self.wanted, self.tenant_energy = [], 0

    def key(self, job):
        submit = self.cluster.slurm(f"scontrol -o show job {job}", check=False)
        value = submit.split(" SubmitTime=")[1].split(" ")[0]
        return f"{PREFIX}/slurm/{job}@{value}"

    def rest(self):
        time.sleep(STILL)

    def feed(self, seconds, **watts):
        amounts = {f"{PREFIX}{name[1:]}": int(value * seconds) for name, value in watts.items()}
        self.counters.feed(amounts, seconds)
        return amounts

    def begin(self, script, options):
        """Submits and waits until it holds its nodes; the counters are still."""
        self.rest()
        job = self.cluster.submit(script, options)
        self.cluster.wait_state(job, "RUNNING")
        self.rest()
        return job, self.key(job)

    def until_file(self, name):
        return f"while [ ! -e {WORK}/{name} ]; do sleep 0.1; done\n"

    def finish(self, job, name):
        self.rest()
        open(f"{WORK}/{name}", "w").close()
        self.cluster.wait_state(job, "COMPLETED")
        self.rest()

    # 1: two overlapping heterogeneous jobs, one shared node

    def overlapping(self):
        say("== two overlapping jobs, each alone on one node, together on a third")
        def script(name, node):
            return (f"#SBATCH -A acme -J {name} --comment=model={name},class=development\n"
                    f"#SBATCH -N1 -n1 --exclusive -w {node}\n#SBATCH hetjob\n"
                    f"#SBATCH -N1 -n1 -w {N2} --gres=gpu:1\n" + self.until_file(name + ".end"))
        self.feed(2, n1=100, n2=100, n3=100)
        self.rest()
        a, key_a = self.begin(script("alpha", N1), "")
        fed = [self.feed(4, n1=500, n2=600, n3=70)]
        self.rest()
        b, key_b = self.begin(script("beta", N3), "")
        fed.append(self.feed(5, n1=500, n2=600, n3=700))
        self.finish(a, "alpha.end")
        fed.append(self.feed(4, n1=90, n2=600, n3=700))
        self.finish(b, "beta.end")
        self.feed(2, n1=100, n2=100, n3=100)
        for job, key, node, parts in ((a, key_a, N1, fed[:2]), (b, key_b, N3, fed[1:])):
            row = self.wattest.show(key, until=finished)
            fed_there = sum(part[node] for part in parts) * 1_000_000
            check(f"job {job} on {node}, alone", node_energy(row, node) == fed_there,
                  f"{node_energy(row, node)} µJ, fed {fed_there}")
            check(f"job {job} is one row over {N2} and {node}", {n["node"] for n in row["by_node"]} == {N2, node}
                  and row["nodes_expected"] == 2, [n["node"] for n in row["by_node"]])
            self.table.append((job, key))
            self.expected[key] = {node: fed_there}

    # 2: ranks

    def ranks(self):
        say("== 1, 2, 4 and 8 ranks a node")
        totals = []
        for count in (1, 2, 4, 8):
            name = f"ranks{count}.end"
            job, key = self.begin(
                f"#SBATCH -A acme -N2 -w {N1},{N3} --exclusive\n"
                f"srun -n {2 * count} --overcommit --overlap sleep 2\n" + self.until_file(name), "")
            fed = self.feed(2, n1=300, n3=400)
            self.finish(job, name)
            row = self.wattest.show(key, until=finished)
            totals.append(int(row["energy_uj"]))
            check(f"{count} ranks a node", totals[-1] == sum(fed.values()) * 1_000_000, f"{totals[-1]} µJ")
            self.table.append((job, key))
        check("the same total whatever the ranks", len(set(totals)) == 1)

    # 3: agents that are away

    def away(self):
        say(f"== the agent of {N2} down for the middle third, {N3} cut off, {N4} without an agent")
        # Before the job begins: on a busy machine its first batch would come through otherwise.
        cut = f"iptables -A OUTPUT -p tcp -d {HOST_IP} --dport {self.port()} -j REJECT"
        sh(self.cluster.inside(N3, cut))
        job, key = self.begin(
            f"#SBATCH -A acme -N4 --exclusive -w {N1},{N2},{N3},{N4}\n" + self.until_file("away.end"), "")
        self.feed(3, n1=300, n2=300, n3=300, n4=300)
        self.rest()
        self.wattest.kill(N2)
        # Longer than the five seconds within which readings count as measured.
        self.feed(6, n1=150, n2=150, n3=150, n4=150)
        self.wattest.start(N2)
        self.feed(3, n1=300, n2=300, n3=300, n4=300)
        self.finish(job, "away.end")
        row = self.wattest.show(key, until=lambda r: finished(r) and node_energy(r, N2) == 2_700_000_000)
        check("with one node cut off and one unknown, a lower bound", row["lower_bound"]
              and row["nodes_expected"] == 4 and row["nodes_reporting"] == 2,
              f"{row['nodes_reporting']} of {row['nodes_expected']}, coverage {row['coverage']}")
        check("no joule is lost in the outage", node_energy(row, N2) == 2_700_000_000, node_energy(row, N2))
        bridged = [n["bridged_ms"] for n in row["by_node"] if n["node"] == N2]
        check("the outage is bridged, not measured", bridged and int(bridged[0]) > 2000, f"{bridged} ms")
        sh(self.cluster.inside(N3, cut.replace("-A", "-D")))
        row = self.wattest.show(key, until=lambda r: node_energy(r, N3) == 2_700_000_000)
        check("the spool of the cut-off node comes in", node_energy(row, N3) == 2_700_000_000
              and row["nodes_reporting"] == 3, node_energy(row, N3))
        check("the node without an agent keeps it a lower bound",
              row["lower_bound"] and int(row["energy_uj"]) == 3 * 2_700_000_000, row["energy_uj"])

    def port(self):
        return json.load(open(f"{WORK}/aggregator.ready"))["ingest"].rsplit(":", 1)[1]

    # A node that another organization's jobs share, by their account

    def tenants(self):
        say(f"== jobs of another organization on {N1}")
        self.rest()
        self.cluster.end(self.wattest.agents[N1], 30)
        env = self.wattest.share(N1, "Initech", "initech")
        self.wattest.start(N1)
        own, own_key = self.begin(f"#SBATCH -A acme -N1 -n1 -w {N1} -J ownersecret\n" + self.until_file("own.end"), "")
        guest, guest_key = self.begin(
            f"#SBATCH -A initech -N1 -n1 -w {N1} -J guestsecret\n" + self.until_file("guest.end"), "")
        self.feed(5, n1=600)
        open(f"{WORK}/own.end", "w").close()
        self.finish(guest, "guest.end")
        whole, whole_key = self.begin(
            f"#SBATCH -A Initech -N1 -w {N1} --exclusive -J wholesecret\n" + self.until_file("whole.end"), "")
        fed = self.feed(4, n1=500)[N1] * 1_000_000
        self.finish(whole, "whole.end")
        home, self.wattest.env = self.wattest.env, env
        try:
            theirs = self.wattest.show(whole_key, until=lambda r: finished(r) and int(r["energy_uj"]) == fed)
            shared = self.wattest.show(guest_key, until=finished)
            listed = self.wattest.run("job", "list", "--json")
        finally:
            self.wattest.env = home
        check("an exclusive job of another organization has all that was fed", int(theirs["energy_uj"]) == fed,
              f"{theirs['energy_uj']} µJ, fed {fed}")
        check("a tenant's share of a shared node is in its own log", int(shared["energy_uj"]) > 0, shared["energy_uj"])
        ours = self.wattest.run("job", "list", "--json")
        check("neither list names the other's jobs", "ownersecret" in ours and "guestsecret" in listed
              and not any(word in ours for word in ("guestsecret", "wholesecret", guest_key, whole_key))
              and "ownersecret" not in listed and own_key not in listed)
        self.tenant_energy = int(shared["energy_uj"])

    # 4: ends of every kind

    def ends(self):
        say("== requeue, scancel, a failing node")
        job, key = self.begin(f"#SBATCH -A acme -N1 -w {N1} --exclusive --requeue\nsleep 300\n", "")
        fed = self.feed(1, n1=200)[N1]
        self.rest()
        self.cluster.slurm(f"scontrol requeue {job}")
        self.cluster.wait_state(job, "PENDING")
        self.rest()
        self.feed(1, n1=333)
        self.rest()
        self.cluster.slurm(f"scontrol update job={job} StartTime=now")
        self.cluster.wait_state(job, "RUNNING")
        self.rest()
        fed += self.feed(1, n1=250)[N1]
        self.rest()
        self.cluster.slurm(f"scancel {job}")
        self.cluster.wait_state(job, "CANCELLED")
        self.rest()
        row = self.wattest.show(key, until=lambda r: finished(r) and int(r["energy_uj"]) == fed * 1_000_000)
        check("a requeued and cancelled job is one job of two attempts", row["attempts"] == 2
              and int(row["energy_uj"]) == fed * 1_000_000, f"{row['energy_uj']} µJ, fed {fed} J, {row['attempts']}")
        job, key = self.begin(f"#SBATCH -A acme -N1 -w {N3} --exclusive --no-requeue\nsleep 300\n", "")
        fed = self.feed(1, n3=210)[N3]
        self.rest()
        self.cluster.kill_node(N3)
        self.cluster.wait_state(job, "NODE_FAIL", "FAILED", "CANCELLED", seconds=60)
        self.cluster.start_node(N3)
        self.cluster.slurm(f"scontrol update node={N3} state=resume", check=False)
        self.cluster.wait(f"{N3} back", lambda: "idle" in self.cluster.slurm(f"sinfo -h -n {N3} -o %t"), 40)
        row = self.wattest.show(key, seconds=80, until=finished)
        check("a job whose node failed", int(row["energy_uj"]) == fed * 1_000_000, f"{row['energy_uj']} µJ")

    # An agent that is away while jobs end, begin and are requeued

    def restarts(self):
        say(f"== the agent of {N1} away while jobs end, begin and are requeued")
        job = lambda name: f"#SBATCH -A acme -N1 -w {N1} --exclusive --requeue\n" + self.until_file(name)
        signed = 8  # seconds after which what was measured is signed and in the spool
        first, key_first = self.begin(job("first.end"), "")
        fed_first = self.feed(3, n1=400)[N1] * 1_000_000
        time.sleep(signed)
        self.wattest.kill(N1)
        open(f"{WORK}/first.end", "w").close()
        self.cluster.wait_state(first, "COMPLETED")
        ended = time.time()
        second, key_second = self.begin(job("second.end"), "")
        began = time.time()
        self.feed(3, n1=300)
        self.rest()
        self.wattest.start(N1)
        self.rest()
        fed_second = self.feed(3, n1=500)[N1] * 1_000_000
        time.sleep(signed)
        held = json.loads(sh([f"{BIN}/wattest-agent", "status", "--socket", f"{WORK}/{N1}.sock", "--json"]))["jobs"]
        check("status names the job that began while the agent was away",
              [(j["key"], j["told_by"], j["before_start"]) for j in held] == [(key_second, "slurm", True)], held)
        # An update of the agent in the middle of the job.
        self.cluster.end(self.wattest.agents[N1], 30)
        fed_second += self.feed(3, n1=250)[N1] * 1_000_000
        self.wattest.start(N1)
        self.finish(second, "second.end")
        row = self.wattest.show(key_first, until=lambda r: finished(r) and int(r["energy_uj"]) == fed_first)
        check("a job that ended while the agent was away has what was measured of it",
              int(row["energy_uj"]) == fed_first, f"{row['energy_uj']} µJ, fed {fed_first}")
        check("its end is the epilog's", row["stop"] and abs(seconds(row["stop"]) - ended) < 3, row["stop"])
        row = self.wattest.show(key_second, until=lambda r: finished(r) and int(r["energy_uj"]) == fed_second)
        check("a job that began meanwhile has what is proven to be its own, an update included",
              int(row["energy_uj"]) == fed_second and row["lower_bound"], f"{row['energy_uj']} µJ, fed {fed_second}")
        check("its start is the prolog's", seconds(row["start"]) < began, row["start"])
        third, key_third = self.begin(f"#SBATCH -A acme -N1 -w {N1} --exclusive --requeue\nsleep 300\n", "")
        fed_third = self.feed(3, n1=200)[N1] * 1_000_000
        time.sleep(signed)
        self.wattest.kill(N1)
        self.cluster.slurm(f"scontrol requeue {third}")
        self.cluster.wait_state(third, "PENDING")
        # While the first attempt completes, Slurm still sets the time before which it does not start again.
        self.rest()
        self.feed(1, n1=333)
        self.rest()
        self.cluster.slurm(f"scontrol update job={third} StartTime=now")
        self.cluster.wait_state(third, "RUNNING")
        self.feed(2, n1=300)
        self.rest()
        self.wattest.start(N1)
        self.rest()
        fed_third += self.feed(3, n1=250)[N1] * 1_000_000
        self.rest()
        self.cluster.slurm(f"scancel {third}")
        self.cluster.wait_state(third, "CANCELLED")
        self.rest()
        row = self.wattest.show(key_third, until=lambda r: finished(r) and int(r["energy_uj"]) == fed_third)
        check("a job requeued while the agent was away is two attempts, and the time between is nobody's",
              int(row["energy_uj"]) == fed_third and row["attempts"] == 2 and row["lower_bound"],
              f"{row['energy_uj']} µJ, fed {fed_third}, {row['attempts']} attempts")

    def reuse(self):
        say("== 200 short jobs, and job ids that are used again after a reset of the controller")
        array = self.cluster.submit(f"#SBATCH -A globex -n1 -x {N4}\ntrue\n", "--array=1-200")
        feeder = threading.Thread(target=lambda: self.feed(20, n1=200, n2=200, n3=200))
        feeder.start()
        self.cluster.wait("200 short jobs", lambda: not self.cluster.slurm(f"squeue -h -j {array}", check=False).strip(),
                          150)
        feeder.join()
        self.rest()
        old = self.wattest.run("job", "show", f"{PREFIX}/slurm/1@", "--json", check=False)
        self.cluster.reset_controller()
        job, key = self.begin(f"#SBATCH -A globex -N1 -w {N1} --exclusive\n" + self.until_file("reuse.end"), "")
        fed = self.feed(1, n1=440)[N1]
        self.finish(job, "reuse.end")
        row = self.wattest.show(key, until=finished)
        check(f"id {job} used again is another job", int(row["energy_uj"]) == fed * 1_000_000,
              f"{key}: {row['energy_uj']} µJ")
        return array, old

    # The whole

    def audit(self, array):
        say("== every joule once")
        from_, to = time.strftime("%Y-%m-%dT%H:00Z", time.gmtime(begin)), time.strftime(
            "%Y-%m-%dT%H:00Z", time.gmtime(time.time() + 3600))
        for node in (N1, N2, N3):
            self.cluster.end(self.wattest.agents[node], 30)
        report = json.loads(self.wattest.run("report", "--org", "acme-ai", "--from", from_, "--to", to, "--format",
                                             "json"))
        sh([f"{BIN}/wattest", "evidence", "export", "--org", "acme-ai", "--from", from_, "--to", to, "-o",
            f"{WORK}/bundle"], env=self.wattest.env)
        log, energy = Log(f"{WORK}/bundle"), report["energy"]
        jobs = sum(int(j["energy_uj"]) for j in report["jobs"])
        rest = sum(int(energy[name]) for name in ("idle_uj", "unattributed_uj", "gap_uj"))
        others = int(energy["tenant_uj"])
        if "tenants" in self.wanted:
            # The extracts round each split for themselves.
            off = abs(others - self.tenant_energy)
            check("what is the tenant's here is the tenant's there", off <= 200,
                  f"{others} µJ, its log {self.tenant_energy}")
        fed = sum(self.counters.reading(n) for n in (N1, N2, N3)) * 1_000_000
        check("Σ accounts = Σ root counters",
              jobs + rest + others == log.root_energy() == int(energy["it_uj"]) + others,
              f"{jobs} + {rest} + {others} = {log.root_energy()} µJ; the plan fed {fed}")
        short = [j for j in report["jobs"] if j["scheduler"] == "slurm"
                 and array <= int(j["scheduler_job_id"]) < array + 200]
        check("200 short jobs are 200 jobs", len(short) == 200, len(short))
        for job, key in self.table:
            row = next(j for j in report["jobs"] if j["key"] == key)
            for part in row["by_node"]:
                exact, roundings = log.share(self.wattest.pseudonym(key), part["node"])
                off = abs(int(part["energy_uj"]) - exact)
                check(f"job {job} on {part['node']} as the oracle computes it", off <= roundings,
                      f"{part['energy_uj']} µJ, {float(off):.2f} µJ off")
        self.compare(report)

    def compare(self, report):
        print("\njob      Wattest [J]   Slurm ConsumedEnergyRaw [J]   sum of its sacct rows [J]")
        for job, key in self.table:
            row = next(j for j in report["jobs"] if j["key"] == key)
            rows = self.cluster.slurm(f"sacct -n -P -j {job} -o JobIDRaw,ConsumedEnergyRaw", check=False)
            values = [line.split("|") for line in rows.split("\n") if "|" in line]
            whole = ", ".join(v[1] or "-" for v in values if "." not in v[0])
            total = sum(int(v[1] or 0) for v in values)
            print(f"{job:<6} {int(row['energy_uj']) / 1e6:13.1f}   {whole:>27}   {total:>25}")
        print(flush=True)


def main():
    cluster = Cluster(WORK, 4, HOOK)
    counters = None
    try:
        cluster.env["SLURM_TIME_FORMAT"] = "%s"
        counters = Counters(f"{WORK}/pm", cluster.nodes)
        say("starting a Slurm cluster of four nodes")
        cluster.start()
        with open(f"{WORK}/accounts", "w") as file:
            file.write("slurm ACME acme-ai\nslurm globex acme-ai\nslurm initech initech\n")
        wattest = Wattest(cluster, BIN, f"--account-map {WORK}/accounts")
        for node in (N1, N2, N3):
            wattest.enroll(node)
            wattest.start(node)
        scenarios = Scenarios(cluster, counters, wattest)
        every = "overlapping ranks away tenants ends restarts"
        wanted = os.environ.get("WATTEST_SLURM_SCENARIOS", every).split()
        scenarios.wanted = wanted
        for name in wanted:
            getattr(scenarios, name)()
        array, _ = scenarios.reuse()
        scenarios.audit(array)
    except Exception as error:  # The logs are wanted, whatever it was.
        failures.append(str(error))
        say(f"FAIL  {type(error).__name__}: {error}")
    finally:
        if counters:
            counters.stop()
        cluster.stop()
    say(f"{len(failures)} failures" if failures else "passed")
    sys.exit(1 if failures else 0)


main()
