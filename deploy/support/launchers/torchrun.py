"""torchrun, also where its PyTorch is older than its Python: since Python 3.11 a flag does not list its zero, and
PyTorch 1.13 looks there for "redirect nothing"."""
from torch.distributed import run
from torch.distributed.elastic.multiprocessing.api import Std

if Std.NONE not in list(Std):
    Std.from_str = classmethod(lambda flags, text: Std.NONE)
run.main()
