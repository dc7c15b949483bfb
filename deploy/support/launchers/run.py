"""Jobs of real launchers, without a scheduler, through the whole of Wattest, against a plan of what each node draws.

    run.py WORK BIN PYTHON TOOLS      called by deploy/launcher-test; TOOLS are words of: torch openmpi mpich
"""
import glob
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bed"))
from counters import Counters  # noqa: E402
from nodes import Nodes, sh  # noqa: E402
from wattest import Wattest, finished, node_energy  # noqa: E402

WORK, BIN, PYTHON = sys.argv[1:4]
TOOLS = sys.argv[4:]
HERE = os.path.dirname(os.path.abspath(__file__))
PREFIX, NET = "wlaun", "10.79.84"
N1, N2, N3 = (f"{PREFIX}{i}" for i in (1, 2, 3))
STILL = 2  # seconds of still counters behind the last word that a job holds its nodes
begin = time.time()
failures = []


def say(text):
    print(f"[{time.time() - begin:5.0f} s] {text}", flush=True)


def check(what, is_right, detail=""):
    say(f"{'ok  ' if is_right else 'FAIL'}  {what}{': ' + str(detail) if detail != '' else ''}")
    if not is_right:
        failures.append(what)


class Launchers:
    def __init__(self, nodes, counters, wattest):
        self.nodes, self.counters, self.wattest = nodes, counters, wattest
        self.runs = []

    # Starting

    def boards(self, node):
        number = int(node[len(PREFIX):])
        return ",".join(f"GPU-00000000-0000-4000-8000-{number:06d}{board:06d}" for board in (1, 2))

    def torchrun(self, node, name, words, rank_words=""):
        command = (f"env OMP_NUM_THREADS=1 CUDA_VISIBLE_DEVICES={self.boards(node)} GLOO_SOCKET_IFNAME=eth0 "
                   f"WATTEST_MODEL={name} WATTEST_CLASS=development "
                   f"{PYTHON} {HERE}/torchrun.py {words} {HERE}/rank.py {WORK} {name} {rank_words}")
        self.runs.append(self.nodes.spawn("exec " + self.nodes.inside(node, command), f"{name}.{node}"))

    def write_tools(self):
        """How mpirun reaches a node, and what it starts there: the node's own devices are set on the node."""
        enter = "".join(f"{node}) shift; exec nsenter -t {pid} -m -u -n -p -- sh -c \"$*\";;\n"
                        for node, pid in self.nodes.holders.items())
        self.script("enter", f"#!/bin/sh\nwhile [ \"${{1#-}}\" != \"$1\" ]; do shift; done\ncase $1 in\n{enter}esac\n")
        devices = "".join(f"{node}) CUDA_VISIBLE_DEVICES={self.boards(node)};;\n" for node in self.nodes.nodes)
        self.script("rank", f"#!/bin/sh\ncase $(hostname) in\n{devices}esac\nexport CUDA_VISIBLE_DEVICES\n"
                    "exec sh -c 'touch $0/$1.met.0.${OMPI_COMM_WORLD_RANK:-$PMI_RANK}; "
                    "while [ ! -e $0/$1.end ]; do sleep 0.2; done' \"$@\"\n")

    @staticmethod
    def script(name, text):
        with open(f"{WORK}/{name}", "w") as file:
            file.write(text)
        os.chmod(f"{WORK}/{name}", 0o755)

    # Waiting

    def rows(self):
        return self.wattest.jobs()

    def met(self, name, count, start=0):
        self.nodes.wait(f"{count} ranks of {name}", lambda: len(glob.glob(f"{WORK}/{name}.met.{start}.*")) == count, 180)

    def holding(self, key, nodes):
        """Until every node has told the log that it is the job's; the counters are still."""
        row = self.wattest.show(key, 90, lambda row: {n["node"] for n in row["by_node"]} >= set(nodes))
        if row is None or not {n["node"] for n in row["by_node"]} >= set(nodes):
            raise RuntimeError(f"{key} does not hold {nodes}: {row and row['by_node']}")
        time.sleep(STILL)

    def holding_again(self, key, nodes):
        """Until every node has told that it holds the job in its second attempt."""
        def holds(row):
            if row["attempts"] < 2:
                return False
            start = row["attempt_windows"][1]["start"].rstrip("Z")
            return all(node["held"]["end"].rstrip("Z") > start for node in row["by_node"] if node["node"] in nodes)
        if not holds(self.wattest.show(key, 90, holds)):
            raise RuntimeError(f"{key} is not in its second attempt on {nodes}")
        time.sleep(STILL)

    def counted(self, key, fed):
        """Until what was fed is the job's: a machine that is busy reads late, and the job must not end before."""
        self.wattest.show(key, 60, lambda row: int(row["energy_uj"]) == sum(fed.values()))

    def end(self, name):
        open(f"{WORK}/{name}.end", "w").close()
        for run in self.runs:
            run.wait(60)
        self.runs = []

    def feed(self, seconds, **watts):
        amounts = {f"{PREFIX}{name[1:]}": int(value * seconds) for name, value in watts.items()}
        self.counters.feed(amounts, seconds)
        return {node: joules * 1_000_000 for node, joules in amounts.items()}

    def row(self, key, fed):
        """The job's row when it has ended and holds what was fed, or as it stands after a while."""
        return self.wattest.show(key, 60, lambda row: finished(row) and not row["lower_bound"]
                                 and int(row["energy_uj"]) == sum(fed.values()))

    def compare(self, what, row, fed, expected):
        by_node = {n["node"]: node_energy(row, n["node"]) for n in row["by_node"]}
        check(f"{what}: each node's energy is what was fed", by_node == fed, f"{by_node}, fed {fed}")
        check(f"{what}: one row, {len(fed)} of {expected} nodes", row["nodes_expected"] == expected
              and row["nodes_reporting"] == len(fed) and row["lower_bound"] is False, (
                  row["key"], row["nodes_expected"], row["coverage"]))

    # What is tried

    def torch(self):
        say("== torchrun: 1, 2, 4 and 8 ranks on each of two nodes")
        totals = []
        for count in (1, 2, 4, 8):
            name = f"ranks{count}"
            for node in (N1, N2):
                self.torchrun(node, name, f"--nnodes 2 --nproc_per_node {count} --rdzv_backend c10d "
                              f"--rdzv_endpoint {N1}:29511 --rdzv_id {name}")
            self.met(name, 2 * count)
            key = f"test/torchrun/{name}@-"
            self.holding(key, [N1, N2])
            fed = self.feed(2, n1=400, n2=500)
            self.counted(key, fed)
            self.end(name)
            row = self.row(key, fed)
            self.compare(f"{count} ranks a node", row, fed, 2)
            check(f"{count} ranks a node: labels of the environment", row["model"] == name
                  and row["class"] == "development", f"{row['model']}, {row['class']}")
            totals.append(int(row["energy_uj"]))
        check("the same total whatever the ranks", len(set(totals)) == 1, totals)

        say("== torchrun: a rank fails, the launcher starts all of them again")
        name = "elastic"
        for node in (N1, N2):
            self.torchrun(node, name, f"--nnodes 2 --nproc_per_node 1 --max_restarts 2 --rdzv_backend c10d "
                          f"--rdzv_endpoint {N1}:29512 --rdzv_id {name}", "fail")
        self.met(name, 2)
        key = f"test/torchrun/{name}@-"
        self.holding(key, [N1, N2])
        first = self.feed(2, n1=300, n2=200)
        self.counted(key, first)
        open(f"{WORK}/{name}.fail", "w").close()
        self.nodes.wait("the second start", lambda: glob.glob(f"{WORK}/{name}.met.[1-9].*"), 120)
        self.holding_again(key, [N1, N2])
        second = self.feed(2, n1=100, n2=350)
        fed = {node: first[node] + second[node] for node in first}
        self.counted(key, fed)
        self.end(name)
        row = self.row(key, fed)
        by_node = {n["node"]: node_energy(row, n["node"]) for n in row["by_node"]}
        check("an elastic restart is an attempt of the same job", by_node == fed and row["attempts"] == 2,
              f"{by_node}, fed {fed}, {row['attempts']} attempts")

        say("== torchrun without a run id: two nodes that meet at an address, one alone on loopback")
        name = "static"
        for rank, node in enumerate((N1, N2)):
            self.torchrun(node, name, f"--nnodes 2 --node_rank {rank} --nproc_per_node 2 "
                          f"--master_addr {self.nodes.ip(N1)} --master_port 29500")
        self.torchrun(N3, "alone", "--nproc_per_node 2")
        self.met(name, 4)
        self.met("alone", 2)
        keys = {name: f"test/torch/{self.nodes.ip(N1)}%3A29500%3A4@-", "alone": f"test/torch/127.0.0.1%3A29500%3A2%40{N3}@-"}
        self.holding(keys[name], [N1, N2])
        self.holding(keys["alone"], [N3])
        fed = self.feed(2, n1=210, n2=220, n3=230)
        alone = {N3: fed.pop(N3)}
        self.counted(keys[name], fed)
        self.counted(keys["alone"], alone)
        open(f"{WORK}/alone.end", "w").close()
        self.end(name)
        self.compare("where ranks meet", self.row(keys[name], fed), fed, 2)
        self.compare("ranks on loopback", self.row(keys["alone"], alone), alone, 1)

    def mpi(self, name, command, expected):
        known = {row["key"] for row in self.rows()}
        self.runs.append(self.nodes.spawn(f"exec {command} {WORK}/rank {WORK} {name}", name, dict(
            self.nodes.env, WATTEST_MODEL=name)))
        self.met(name, 6)
        self.nodes.wait(f"the job of {name}", lambda: {row["key"] for row in self.rows()} - known, 60)
        key = ({row["key"] for row in self.rows()} - known).pop()
        self.holding(key, [N1, N2, N3])
        fed = self.feed(2, n1=310, n2=320, n3=330)
        self.counted(key, fed)
        self.end(name)
        check(f"{name}: one job", len({row["key"] for row in self.rows()} - known) == 1)
        row = self.row(key, fed)
        if expected:
            return self.compare(name, row, fed, expected)
        by_node = {n["node"]: node_energy(row, n["node"]) for n in row["by_node"]}
        check(f"{name}: each node's energy is what was fed", by_node == fed, f"{by_node}, fed {fed}")
        check(f"{name}: nobody tells how many nodes there are, so coverage is unknown",
              row["nodes_expected"] is None and row["coverage"] is None, row["key"])

    def openmpi(self):
        say("== mpirun of Open MPI: two ranks on each of three nodes")
        hosts = ",".join(f"{node}:2" for node in (N1, N2, N3))
        self.mpi("openmpi", f"mpirun.openmpi --allow-run-as-root --mca plm_rsh_agent {WORK}/enter "
                 f"--mca oob_tcp_if_include {NET}.0/24 --oversubscribe --host {hosts} -n 6", 3)

    def mpich(self):
        say("== mpiexec of MPICH: two ranks on each of three nodes")
        hosts = ",".join(f"{node}:2" for node in (N1, N2, N3))
        self.mpi("mpich", f"nsenter -t {self.nodes.control} -m -u mpiexec.hydra -launcher ssh -launcher-exec {WORK}/enter "
                 f"-hosts {hosts} -n 6", None)

    def audit(self):
        say("== every joule once")
        for node in self.nodes.nodes:
            self.wattest.stop(node)
        from_, to = (time.strftime("%Y-%m-%dT%H:00Z", time.gmtime(t)) for t in (begin, time.time() + 3600))
        report = json.loads(self.wattest.run("report", "--org", "acme-ai", "--from", from_, "--to", to, "--format", "json"))
        jobs = sum(int(job["energy_uj"]) for job in report["jobs"])
        fed = sum(self.counters.reading(node) for node in self.nodes.nodes) * 1_000_000
        energy = report["energy"]
        rest = sum(int(energy[name]) for name in ("idle_uj", "unattributed_uj", "gap_uj"))
        check("Σ jobs = what was fed, and nothing is left over", jobs == fed and rest == 0, f"{jobs} + {rest}, fed {fed}")


def main():
    nodes, counters = Nodes(WORK, 3, PREFIX, NET, own_processes=True), None
    try:
        sh(["cc", "-shared", "-fPIC", "-O1", "-o", f"{WORK}/boards.so", f"{HERE}/boards.c"])
        counters = Counters(f"{WORK}/pm", nodes.nodes, parts={}, boards=2)
        nodes.make_network()
        with open(f"{WORK}/agent.yaml", "w") as file:
            file.write(f"nvml-library: {WORK}/boards.so\n")
        wattest = Wattest(nodes, BIN, f"--config {WORK}/agent.yaml")
        for node in nodes.nodes:
            wattest.enroll(node)
            wattest.start(node)
        launchers = Launchers(nodes, counters, wattest)
        launchers.write_tools()
        for tool in TOOLS:
            getattr(launchers, tool)()
        launchers.audit()
    except Exception as error:  # The logs are wanted, whatever it was.
        failures.append(str(error))
        say(f"FAIL  {type(error).__name__}: {error}")
    finally:
        if counters:
            counters.stop()
        nodes.stop()
    say(f"{len(failures)} failures" if failures else "passed")
    sys.exit(1 if failures else 0)


main()
