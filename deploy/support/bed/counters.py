"""Counter files of simulated HPE Cray nodes, fed by a plan: integer joules, and still wherever the plan says nothing."""
import os
import threading
import time

PARTS = {"cpu_energy": 20, "memory_energy": 4, "accel0_energy": 40, "accel1_energy": 26}  # percent of the node's
START = 1_000_000  # seven digits, so that a file never changes its length
# Boards draw from so many seconds before the rest of their node until so many after it: more than the second between two
# readings. Else a batch that ends between the reading of a board and that of its node holds energy of the node and none
# of a board, and nothing says whose the rest is.
LEAD = 1.5


class Counters:
    def __init__(self, directory, nodes, parts=PARTS, boards=0):
        """`boards` are accelerators outside of the counter files: gpu0 and so on, in mJ, for a stub of a driver."""
        self.parts, self.boards = parts, boards
        self.lock = threading.Lock()
        self.joules = {node: 0 for node in nodes}
        self.board_joules = dict(self.joules)
        self.files = {}
        for node in nodes:
            for name in ["energy", "power", "freshness", "generation", *parts, *self.board_names()]:
                path = f"{directory}/{node}/{name}"
                os.makedirs(os.path.dirname(path), exist_ok=True)
                self.files[node, name] = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            self.write(node, "generation", "1\n")
        self.scan = 0
        self.stopped = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.refresh()
        self.thread.start()

    def board_names(self):
        return [f"gpu{i}" for i in range(self.boards)]

    def write(self, node, name, text):
        os.pwrite(self.files[node, name], text.encode(), 0)

    def refresh(self):
        with self.lock:
            joules, board_joules = dict(self.joules), dict(self.board_joules)
        self.scan += 1
        for node, value in joules.items():
            stamp = int(time.time() * 1e6)
            self.write(node, "energy", f"{START + value} J {stamp} us\n")
            self.write(node, "power", f"{100:7d} W {stamp} us\n")
            for part, percent in self.parts.items():
                self.write(node, part, f"{START + value * percent // 100} J {stamp} us\n")
            for board in self.board_names():
                self.write(node, board, f"{START * 1000 + board_joules[node] * 800 // self.boards:12d}\n")
            self.write(node, "freshness", f"{self.scan:9d}\n")

    def run(self):
        while not self.stopped:
            self.refresh()
            time.sleep(0.1)

    def feed(self, amounts, seconds):
        """Adds so many joules to each node, evenly over the time; its boards' part evenly over LEAD more on both sides."""
        lead = LEAD if self.boards else 0
        begin = time.time()
        before = {node: (self.joules[node], self.board_joules[node]) for node in amounts}
        while True:
            elapsed = time.time() - begin
            share = min(1.0, max(0.0, elapsed - lead) / seconds)
            board_share = min(1.0, elapsed / (seconds + 2 * lead))
            with self.lock:
                for node, amount in amounts.items():
                    joules, board_joules = before[node]
                    self.joules[node] = joules + int(amount * share)
                    self.board_joules[node] = board_joules + int(amount * board_share)
            if board_share >= 1.0:
                return
            time.sleep(0.05)

    def reading(self, node):
        with self.lock:
            return self.joules[node]

    def stop(self):
        self.stopped = True
        self.thread.join()
