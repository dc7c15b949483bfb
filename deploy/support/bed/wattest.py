"""The programs on a bed of nodes: one aggregator on the host, an agent on each node."""
import base64
import hashlib
import json
import os
import signal
import time

from nodes import sh


class Wattest:
    """One aggregator and its agents. `options` are words for each agent."""

    def __init__(self, cluster, programs, options=""):
        self.cluster, self.agents, self.bin, self.options = cluster, {}, programs, options
        self.work = cluster.work
        data = f"{self.work}/aggregator"
        sh([f"{self.bin}/wattest-aggregator", "init", "--data-dir", data, "--organization", "Acme AI", "--site", "test"])
        ready = f"{self.work}/aggregator.ready"
        self.aggregator = cluster.spawn(
            f"exec {self.bin}/wattest-aggregator serve --data-dir {data} --http {cluster.host_ip}:0 "
            f"--ingest {cluster.host_ip}:0 --ready-file {ready} --checkpoint-seconds 1 --interval-seconds 5", "aggregator")
        cluster.wait("the aggregator", lambda: os.path.exists(ready) and os.path.getsize(ready) > 0, 60)
        self.server = json.load(open(ready))["server"]
        self.env = dict(os.environ, WATTEST_SERVER=self.server, WATTEST_CA_FILE=f"{data}/ca.pem",
                        WATTEST_TOKEN_FILE=f"{data}/admin.token", WATTEST_ORG="acme-ai")
        self.token = json.loads(self.run("token", "create", "--uses", "9", "--ttl", "600", "--json"))

    def run(self, *words, check=True):
        return sh([f"{self.bin}/wattest", *words], check=check, env=self.env, timeout=60)

    def share(self, node, name, slug):
        """Another organization, whose jobs run on a node; its settings for `wattest`."""
        made = json.loads(self.run("org", "create", name, "--json"))
        token = f"{self.work}/{slug}.token"
        with open(os.open(token, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(made["token"])
        env = dict(self.env, WATTEST_TOKEN_FILE=token, WATTEST_ORG=slug)
        self.run("node", "share", node, "--with", slug)
        join = json.loads(sh([f"{self.bin}/wattest", "token", "create", "--json"], env=env, timeout=60))
        sh([f"{self.bin}/wattest-agent", "enroll", "--ca-sha256", join["ca_sha256"], "--token", join["token"],
            "--server", self.server, "--tenant", slug, "--data-dir", f"{self.work}/agents/{node}"])
        return env

    def enroll(self, node):
        sh([f"{self.bin}/wattest-agent", "enroll", "--server", self.server, "--ca-sha256", self.token["ca_sha256"],
            "--token", self.token["token"], "--node", node, "--data-dir", f"{self.work}/agents/{node}"])
        record = json.load(open(f"{self.work}/agents/{node}/agent.json"))
        self.salt = base64.b64decode(record["job_salt"])

    def start(self, node):
        ready = f"{self.work}/{node}.ready"
        if os.path.exists(ready):
            os.remove(ready)
        self.agents[node] = self.cluster.spawn(
            "exec " + self.cluster.inside(
                node, f"{self.bin}/wattest-agent run --data-dir {self.work}/agents/{node} --interval-seconds 5 "
                f"--metrics 127.0.0.1:0 --socket {self.work}/{node}.sock {self.options} "
                f"--ready-file {ready}"), f"agent.{node}")
        self.cluster.wait(f"agent of {node}", lambda: os.path.exists(ready), 30)

    def kill(self, node):
        self.agents[node].send_signal(signal.SIGKILL)
        self.agents[node].wait()

    def stop(self, node):
        """Ends an agent as a service manager does, also where it has processes of its own to count."""
        pid = json.load(open(f"{self.work}/{node}.ready"))["pid"]
        sh(self.cluster.inside(node, f"kill -TERM {pid}"))
        self.agents[node].wait(30)

    def pseudonym(self, key):
        digest = hashlib.sha256(self.salt + key.encode()).digest()[:16]
        return base64.b32encode(digest).decode().rstrip("=").lower()

    def jobs(self):
        """The newest row of each Slurm job id, and all rows."""
        listed, after = [], None
        while True:
            page = json.loads(self.run("job", "list", "--json", *(["--after", after] if after else [])))
            listed += page["items"]
            after = page.get("next")
            if not after:
                return listed

    def show(self, job, seconds=40, until=lambda row: True):
        """The job's row as soon as it satisfies a condition; the last one seen otherwise."""
        end, row = time.time() + seconds, None
        while time.time() < end:
            text = self.run("job", "show", job, "--json", check=False)
            row = json.loads(text) if text.startswith("{") else row
            if row and until(row):
                return row
            time.sleep(0.5)
        return row


def node_energy(row, node):
    return next((int(n["energy_uj"]) for n in row["by_node"] if n["node"] == node and n["energy_uj"]), 0)


def finished(row):
    return row["stop"] is not None and row["by_node"] != []
