"""A rank of a job: meets the others, then stays until it is told to end.

    rank.py WORK NAME [fail]      with `fail`, rank 0 of the first start fails when it is told to
"""
import os
import sys
import time

import torch
import torch.distributed

work, name, is_failing = sys.argv[1], sys.argv[2], sys.argv[3:] == ["fail"]
torch.distributed.init_process_group("gloo")
rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()
sum_ = torch.ones(1)
torch.distributed.all_reduce(sum_)
assert sum_.item() == world
start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
open(f"{work}/{name}.met.{start}.{rank}", "w").close()
while not os.path.exists(f"{work}/{name}.end"):
    if is_failing and start == "0" and rank == 0 and os.path.exists(f"{work}/{name}.fail"):
        sys.exit(3)
    time.sleep(0.1)
