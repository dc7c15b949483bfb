"""Nodes on one machine: network, host name, /sys and, on request, processes of their own.

Nothing outside of their directory, their namespaces and their bridge is changed: the hosts file, /sys and /run/wattest
are private mounts. Needs root on Linux.
"""
import os
import subprocess
import time


def sh(command, check=True, timeout=60, env=None):
    done = subprocess.run(command, shell=isinstance(command, str), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, text=True, env=env)
    if check and done.returncode != 0:
        raise RuntimeError(f"{command}: status {done.returncode}: {done.stderr.strip()[-800:]}")
    return done.stdout


class Nodes:
    def __init__(self, work, count, prefix, net, own_processes=False):
        self.work, self.prefix, self.net, self.own_processes = work, prefix, net, own_processes
        self.nodes = [f"{prefix}{i}" for i in range(1, count + 1)]
        self.host_ip = net + ".1"
        self.processes, self.holders = [], {}
        self.env = dict(os.environ, LC_ALL="C")
        os.makedirs(f"{work}/log", exist_ok=True)
        os.makedirs(f"{work}/etc", exist_ok=True)

    def ip(self, node):
        return f"{self.net}.{10 + int(node[len(self.prefix):])}"

    def make_network(self):
        bridge = self.prefix + "br"
        sh(f"ip link add {bridge} type bridge && ip addr add {self.host_ip}/24 dev {bridge} && ip link set {bridge} up")
        hosts = ["127.0.0.1 localhost", f"{self.host_ip} {self.prefix}ctl"]
        for node in self.nodes:
            sh(f"ip netns add {node} && ip link add v{node} type veth peer name eth0 netns {node} && "
               f"ip link set v{node} master {bridge} up && ip -n {node} addr add {self.ip(node)}/24 dev eth0 && "
               f"ip -n {node} link set eth0 up && ip -n {node} link set lo up")
            hosts.append(f"{self.ip(node)} {node}")
        with open(f"{self.work}/etc/hosts", "w") as file:
            file.write("\n".join(hosts) + "\n")
        self.control = self.hold("unshare --mount --uts --propagation private",
                                 f"hostname {self.prefix}ctl; mount --bind {self.work}/etc/hosts /etc/hosts")
        own = " --pid --fork --kill-child" if self.own_processes else ""
        proc = "mount -t proc proc /proc; " if self.own_processes else ""
        for node in self.nodes:
            os.makedirs(f"{self.work}/pm/{node}", exist_ok=True)
            os.makedirs(f"{self.work}/real/{node}", exist_ok=True)
            self.holders[node] = self.hold(
                f"nsenter --net=/run/netns/{node} unshare --mount --uts --propagation private" + own,
                f"{proc}hostname {node}; mount --bind {self.work}/etc/hosts /etc/hosts; "
                f"mkdir -p /run/wattest; mount -t tmpfs tmpfs /run/wattest; mkdir /run/wattest/hooks; "
                # A private /sys with counters of its own.
                f"mount --rbind /sys {self.work}/real/{node}; mount -t tmpfs tmpfs /sys; "
                f"for d in fs devices bus class dev kernel module firmware block power; do mkdir -p /sys/$d; "
                f"mount --rbind {self.work}/real/{node}/$d /sys/$d 2>/dev/null; done; "
                f"mkdir -p /sys/cray/pm_counters; mount --bind {self.work}/pm/{node} /sys/cray/pm_counters")

    def hold(self, unshare, setup):
        """A process that keeps namespaces alive; its pid."""
        ready = f"{self.work}/log/holder.{len(self.processes)}"
        process = self.spawn(f"exec {unshare} sh -c '{setup}; touch {ready}; exec sleep 100000'", "holder")
        self.wait("namespaces", lambda: os.path.exists(ready), 10)
        if "--fork" not in unshare:
            return process.pid
        return int(open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()[0])

    def inside(self, node, command):
        """A command line that runs in a node's namespaces."""
        return f"nsenter -t {self.holders[node]} -m -u -n {'-p ' if self.own_processes else ''}{command}"

    def spawn(self, command, log, env=None):
        with open(f"{self.work}/log/{log}", "ab") as out:
            process = subprocess.Popen(command, shell=True, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       env=env or self.env, start_new_session=True)
        self.processes.append(process)
        return process

    def quiet(self, command):
        return subprocess.run(command, shell=True, env=self.env, timeout=20, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    @staticmethod
    def wait(what, condition, seconds):
        end = time.time() + seconds
        while not condition():
            if time.time() > end:
                raise RuntimeError(f"timed out after {seconds} s: {what}")
            time.sleep(0.1)

    @staticmethod
    def end(process, seconds=15):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stop(self):
        for process in reversed(self.processes):
            self.end(process)
        for node in self.nodes:
            sh(f"ip netns del {node}; ip link del v{node}", check=False)
        sh(f"ip link del {self.prefix}br", check=False)
