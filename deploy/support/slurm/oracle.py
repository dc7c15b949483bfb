"""Who pays for which microjoule, computed once more from the signed notes by code that shares nothing with the product:
the bundle's entry tiles, the grammar of proto/batch.md, and the attribution rule in rational numbers."""
import os
from fractions import Fraction


def entries(bundle):
    """Every entry of a bundle: tiles of a big-endian 16-bit length and its bytes each."""
    found = {}
    for directory, _, names in os.walk(f"{bundle}/tile/entries"):
        for name in names:
            data, at = open(f"{directory}/{name}", "rb").read(), 0
            while at < len(data):
                length = int.from_bytes(data[at:at + 2], "big")
                found[data[at + 2:at + 2 + length]] = None
                at += 2 + length
    return [note.decode().split("\n\n")[0] for note in found]


def integer(word):
    return None if word == "-" else int(word)


class Batch:
    def __init__(self, text):
        self.sensors, self.allocations = [], []
        for line in text.split("\n"):
            words = line.split(" ")
            if words[0] == "node":
                self.node = words[1]
            elif words[0] == "chain":
                self.chain = (int(words[1]), int(words[2]))
            elif words[0] == "mono":
                self.duration = int(words[2]) - int(words[1])
            elif words[0] == "state":
                self.is_outage = words[1] == "outage"
            elif words[0] == "host":
                # Of a node that a tenant has alone nothing is told here.
                self.millicores, self.unheld = (0, 0) if words[1] == "-" else (int(words[1]), int(words[2]))
            elif words[0] == "sensor":
                self.sensors.append({
                    "id": words[1], "layer": words[3], "within": words[4], "energy": int(words[8]) - int(words[7]),
                    "idle": int(words[14])})
            elif words[0] == "alloc":
                devices = [] if words[3] == "-" else [w.split("=")[0] for w in words[3].split(",")]
                self.allocations.append({
                    "job": words[1], "mode": words[2], "devices": devices, "cpu": int(words[4]), "cores": int(words[5]),
                    "held": integer(words[6]), "active": words[10] == "1"})

    def root_energy(self):
        return sum(s["energy"] for s in self.sensors if s["within"] == "-")

    def held(self, line):
        return min(self.duration, line["held"] if line["held"] is not None else self.duration)

    def shares(self):
        """Exact rational share of each job in the batch, and of nobody under None."""
        total = {}
        exclusive = [a for a in self.allocations if a["mode"] == "exclusive"]
        leaves = [s for s in self.sensors if s["layer"] in ("gpu", "package", "dram")]
        accelerators, packages = {}, {}
        for sensor in leaves:
            if exclusive:
                parts = self.by_time(exclusive, sensor["energy"])
            elif sensor["layer"] == "gpu":
                parts = self.accelerator(sensor)
            else:
                parts = self.processor(sensor)
            for job, amount in parts.items():
                total[job] = total.get(job, 0) + amount
                if sensor["layer"] == "gpu":
                    accelerators[job] = accelerators.get(job, 0) + amount
                if sensor["layer"] == "package":
                    packages[job] = packages.get(job, 0) + amount
        rest = self.root_energy() - sum(s["energy"] for s in leaves)
        if exclusive:
            parts = self.by_time(exclusive, rest)
        else:
            parts = self.split(accelerators, rest) or self.split(packages, rest) or {None: rest}
        for job, amount in parts.items():
            total[job] = total.get(job, 0) + amount
        return total

    @staticmethod
    def split(weights, amount):
        whole = sum(weights.values())
        if whole <= 0:
            return None
        return {key: Fraction(amount) * weight / whole for key, weight in weights.items()}

    def by_time(self, lines, amount):
        weights = {}
        for line in lines:
            weights[line["job"]] = weights.get(line["job"], 0) + Fraction(self.held(line))
        weights[None] = max(Fraction(0), self.duration - sum(weights.values()))
        return self.split(weights, amount) or {None: Fraction(amount)}

    def accelerator(self, sensor):
        lines = [a for a in self.allocations if sensor["id"] in a["devices"]]
        if len(lines) == 1:
            return self.by_time(lines, sensor["energy"])
        return self.split({a["job"]: Fraction(1) for a in lines}, sensor["energy"]) or {None: Fraction(sensor["energy"])}

    def processor(self, sensor):
        reserved = {}
        for line in self.allocations:
            reserved[line["job"]] = reserved.get(line["job"], 0) + Fraction(line["cores"] * self.held(line))
        reserved[None] = max(Fraction(0), self.millicores * self.duration - sum(reserved.values()))
        idle = min(Fraction(sensor["energy"]), Fraction(sensor["idle"] * self.duration, 1_000_000))
        busy = {None: Fraction(self.unheld)}
        for line in self.allocations:
            busy[line["job"]] = busy.get(line["job"], 0) + line["cpu"]
        parts = dict(self.split(reserved, idle) or {None: idle})
        active = sensor["energy"] - idle
        for job, amount in (self.split(busy, active) or self.split(reserved, active) or {None: active}).items():
            parts[job] = parts.get(job, 0) + amount
        return parts


class Log:
    def __init__(self, bundle):
        self.notes = entries(bundle)
        self.batches = [Batch(n) for n in self.notes if n.startswith("wattest/batch/v1")]

    def root_energy(self):
        return sum(b.root_energy() for b in self.batches)

    def share(self, job, node):
        """Exact share of a job on a node, and how many roundings of a microjoule the product may have made."""
        exact, roundings = Fraction(0), 0
        for batch in self.batches:
            if batch.node == node and any(a["job"] == job for a in batch.allocations):
                exact += batch.shares().get(job, 0)
                # The idle and the active part of two sensors, two accelerators, the rest, and an hour's split.
                roundings += 14
        return exact, roundings
