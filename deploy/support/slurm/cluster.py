"""A real Slurm cluster on one machine: controller, accounting, and nodes with network, host name and /sys of their own.

Nothing outside of its directory, its namespaces and its bridge is changed: the hosts file, /sys and /run/wattest are
private mounts. Needs root on Linux and Debian's packages of Slurm, munge and MariaDB.
"""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bed"))
from nodes import Nodes, sh  # noqa: E402

PREFIX, NET = "wtest", "10.79.83"
HOST_IP = NET + ".1"


class Cluster(Nodes):
    def __init__(self, work, count, hook):
        super().__init__(work, count, PREFIX, NET)
        self.hook = hook
        self.env["SLURM_CONF"] = f"{work}/etc/slurm.conf"

    def start(self):
        for name in ("etc", "log", "state", "spool", "munge", "mysql"):
            os.makedirs(f"{self.work}/{name}", exist_ok=True)
        self.make_network()
        self.write_configuration()
        self.start_munge()
        self.start_accounting()
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)
        self.wait("all nodes idle", lambda: len(self.slurm("sinfo -h -N -t idle -o %N").split()) == len(self.nodes), 60)

    # Daemons

    def write_configuration(self):
        work = self.work
        plugin = "cgroup/v2" if sh("stat -f -c %T /sys/fs/cgroup").strip() == "cgroup2fs" else "cgroup/v1"
        lines = [
            f"ClusterName={PREFIX}", f"SlurmctldHost={PREFIX}ctl({HOST_IP})", "SlurmUser=root", "AuthType=auth/munge",
            "CredType=cred/munge", f"AuthInfo=socket={work}/munge/socket", "SlurmctldPort=27817", "SlurmdPort=27818",
            f"StateSaveLocation={work}/state", f"SlurmdSpoolDir={work}/spool/%n",
            f"SlurmctldPidFile={work}/slurmctld.pid", f"SlurmdPidFile={work}/slurmd.%n.pid",
            f"SlurmctldLogFile={work}/log/slurmctld", f"SlurmdLogFile={work}/log/slurmd.%n",
            "ProctrackType=proctrack/cgroup", "TaskPlugin=task/none", "JobAcctGatherType=jobacct_gather/linux",
            "JobAcctGatherFrequency=task=1,energy=1", "AcctGatherEnergyType=acct_gather_energy/pm_counters",
            "AcctGatherNodeFreq=1", "SelectType=select/cons_tres", "SelectTypeParameters=CR_Core",
            "SchedulerType=sched/backfill", "SchedulerParameters=bf_interval=1,bf_continue,sched_min_interval=200000",
            "MpiDefault=none", "ReturnToService=2", "SlurmdTimeout=8", "InactiveLimit=0", "KillWait=2", "MinJobAge=600",
            "GresTypes=gpu", f"Prolog={self.hook}", f"Epilog={self.hook}", "PrologFlags=Alloc,Contain",
            "AccountingStorageType=accounting_storage/slurmdbd", f"AccountingStorageHost={PREFIX}ctl",
            "AccountingStoragePort=27819", f"AccountingStoragePass={work}/munge/socket", "MaxArraySize=2001", "MaxJobCount=20000"]
        os.makedirs(f"{work}/gpu", exist_ok=True)
        for number in (0, 1):
            if not os.path.exists(f"{work}/gpu/nvidia{number}"):
                os.mknod(f"{work}/gpu/nvidia{number}", 0o20666, os.makedev(1, 3))
        for node in self.nodes:
            lines.append(f"NodeName={node} NodeAddr={self.ip(node)} CPUs=2 CoresPerSocket=2 RealMemory=4000 "
                         "Gres=gpu:h100:2 State=UNKNOWN")
        lines.append(f"PartitionName=main Nodes={','.join(self.nodes)} Default=YES MaxTime=60 State=UP")
        files = {
            "slurm.conf": lines,
            "cgroup.conf": ["CgroupMountpoint=/sys/fs/cgroup", f"CgroupPlugin={plugin}", "CgroupAutomount=no",
                            "ConstrainCores=no", "ConstrainRAMSpace=no", "ConstrainDevices=no"],
            "gres.conf": [f"Name=gpu Type=h100 File={work}/gpu/nvidia[0-1]"],
            "slurmdbd.conf": ["AuthType=auth/munge", f"AuthInfo=socket={work}/munge/socket", f"DbdHost={PREFIX}ctl",
                              f"DbdAddr={HOST_IP}", "DbdPort=27819", "SlurmUser=root",
                              "StorageType=accounting_storage/mysql", "StorageHost=localhost", "StorageUser=root",
                              "StorageLoc=slurm_acct_db", f"LogFile={work}/log/slurmdbd",
                              f"PidFile={work}/slurmdbd.pid"]}
        for name, content in files.items():
            path = f"{work}/etc/{name}"
            with open(path, "w") as file:
                file.write("\n".join(content) + "\n")
            os.chmod(path, 0o600 if name == "slurmdbd.conf" else 0o644)

    def start_munge(self):
        key = f"{self.work}/munge/key"
        with open(key, "wb") as file:
            file.write(os.urandom(1024))
        os.chmod(key, 0o400)
        os.chmod(f"{self.work}/munge", 0o755)
        self.spawn(f"exec munged --foreground --force --key-file={key} --socket={self.work}/munge/socket "
                   f"--pid-file={self.work}/munge/pid --seed-file={self.work}/munge/seed "
                   f"--log-file={self.work}/munge/log", "munged")
        self.wait("munge", lambda: os.path.exists(f"{self.work}/munge/socket"), 10)

    def start_accounting(self):
        data = f"{self.work}/mysql"
        # As root, with a place for its temporary files: TMPDIR, where all of this is, may be root's alone.
        own = dict(self.env, TMPDIR=f"{data}/tmp")
        sh(f"mkdir {data}/tmp && mysql_install_db --no-defaults --user=root "
           f"--datadir={data}/data --tmpdir={data}/tmp --auth-root-authentication-method=normal", timeout=90, env=own)
        self.spawn(f"exec mysqld --no-defaults --user=root --datadir={data}/data --socket={data}/socket "
                   f"--tmpdir={data}/tmp --skip-networking --pid-file={data}/pid --innodb-buffer-pool-size=64M "
                   "--innodb-flush-log-at-trx-commit=0", "mysqld", own)
        self.wait("MariaDB", lambda: self.quiet(f"mysqladmin -S {data}/socket -uroot ping"), 40)
        sh(f"mysql -S {data}/socket -uroot -e 'create database slurm_acct_db'")
        self.spawn(f"exec nsenter -t {self.control} -m -u slurmdbd -D", "slurmdbd",
                   dict(self.env, MYSQL_UNIX_PORT=f"{data}/socket"))
        add = "sacctmgr -i add"
        self.wait("slurmdbd", lambda: self.quiet(self.at_control(f"{add} cluster {PREFIX}")), 40)
        for account in ("acme", "globex", "initech"):
            sh(self.at_control(f"{add} account {account} Cluster={PREFIX}"), env=self.env)
            sh(self.at_control(f"{add} user root Account={account}"), env=self.env)

    def start_controller(self):
        self.controller = self.spawn(f"exec nsenter -t {self.control} -m -u slurmctld -D", "slurmctld.out")
        self.wait("slurmctld", lambda: self.quiet(self.at_control("scontrol ping")), 30)

    def reset_controller(self):
        """The controller loses its state: job ids begin at 1 again."""
        self.end(self.controller)
        sh(f"rm -rf {self.work}/state && mkdir {self.work}/state")
        self.start_controller()
        self.wait("nodes after the reset",
                  lambda: len(self.slurm("sinfo -h -N -t idle -o %N").split()) == len(self.nodes), 60)

    def start_node(self, node):
        self.daemons = getattr(self, "daemons", {})
        self.daemons[node] = self.spawn("exec " + self.inside(node, f"slurmd -D -N {node}"), f"slurmd.{node}.out")

    def kill_node(self, node):
        """The node fails: its slurmd and everything that it started die at once."""
        self.daemons[node].send_signal(signal.SIGKILL)
        try:
            os.kill(int(open(f"{self.work}/slurmd.{node}.pid").read()), signal.SIGKILL)
        except (OSError, ValueError):
            pass
        for root in ("/sys/fs/cgroup/freezer", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
            for base in (f"{root}/slurm_{node}", f"{root}/system.slice/{node}_slurmstepd.scope"):
                for directory, _, files in os.walk(base):
                    if "cgroup.procs" not in files:
                        continue
                    try:
                        pids = open(f"{directory}/cgroup.procs").read().split()
                    except OSError:
                        continue
                    for pid in pids:
                        try:
                            os.kill(int(pid), signal.SIGKILL)
                        except ProcessLookupError:
                            pass
        # What a health check does, and the controller by itself after SlurmdTimeout.
        self.slurm(f"scontrol update node={node} state=down reason=failed")

    # Commands

    def at_control(self, command):
        return f"nsenter -t {self.control} -m -u {command}"

    def slurm(self, command, check=True):
        return sh(self.at_control(command), check=check, env=self.env, timeout=90)

    def submit(self, script, options=""):
        path = f"{self.work}/job.sh"
        with open(path, "w") as file:
            file.write("#!/bin/bash\n" + script)
        return int(self.slurm(f"sbatch --parsable -o /dev/null {options} {path}").split(";")[0])

    def state(self, job):
        return self.slurm(f"squeue -h -t all -j {job} -o %T", check=False).split("\n")[0].strip()

    def wait_state(self, job, *states, seconds=60):
        self.wait(f"job {job} in {'/'.join(states)}", lambda: self.state(job) in states, seconds)

    # The end

    def stop(self):
        super().stop()
        for node in self.nodes:
            # Namespaces are gone, so their mounts are; control groups stay.
            sh(f"find /sys/fs/cgroup -depth -type d -path '*{node}*' -exec rmdir {{}} +", check=False)
