"""What the trainings share: their arguments, the device, the clock, the learning rate, averaged weights, checkpoints."""

import math
import time

import torch

from . import settings, sources
from .machine import fast_bfloat16


def add_arguments(parser, out, minutes, batch, lr):
    sources.add_arguments(parser)
    parser.add_argument("--out", default=out)
    parser.add_argument("--minutes", type=float, default=minutes, help="of processor time, so that a busy machine changes nothing; on a GPU, by the clock")
    parser.add_argument("--batch", type=int, default=batch, help="scenes a step")
    parser.add_argument("--lr", type=float, default=lr)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=1, help="processes that compose scenes")
    parser.add_argument("--reuse", type=int, default=2, help="how often a composed scene is seen, each time augmented anew (divides --batch)")
    parser.add_argument("--pool", type=int, default=64, help="composed scenes kept at hand, to draw from")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--settings", default=settings.DEFAULT, metavar="FILE", help="weights of the losses (default: settings.yaml)")
    parser.add_argument("--hold-out", nargs="*", default=[], metavar="DRIVE",
                        help="drives to keep away and to judge on, or `fold`, `others` or `people` (data.NAMED)")
    add_trust(parser)


def add_trust(parser):
    parser.add_argument("--trust-start", action="store_true",
                        help="vouch for networks whose file does not say which drives they were trained on (made before files said it; given as "
                             "--start, --init, --bev, --model or --experts, or gone on with): that neither they nor those before them saw a drive of --hold-out")


def begin(a):
    """The device, after threads and seeds are set."""
    if a.batch % a.reuse:
        raise SystemExit(f"--reuse {a.reuse} must divide --batch {a.batch}")
    if a.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("--device cuda: this PyTorch sees no GPU; train with --device cpu, or look at `nvidia-smi`")
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    return torch.device(a.device)


def mixed(device):
    """bfloat16 where the device multiplies it itself."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda" or fast_bfloat16())


class Clock:
    """Time spent of so many minutes: of this process on a processor, on the wall for a GPU."""

    def __init__(self, minutes, device, spent=0.0):
        self.read = time.monotonic if device.type == "cuda" else time.process_time
        self.total, self.before, self.since = minutes * 60, spent, self.read()

    @property
    def spent(self):
        return self.before + self.read() - self.since

    @property
    def share(self):
        return min(1.0, self.spent / self.total)

    @property
    def over(self):
        return self.spent >= self.total


def set_rate(optimizer, lr, step, share, warm_up):
    """A short rise, then half a cosine down to a hundredth."""
    for group in optimizer.param_groups:
        group["lr"] = lr * min(1.0, (step + 1) / warm_up) * (0.5 * (1 + math.cos(math.pi * share)) * 0.99 + 0.01)
    return optimizer.param_groups[0]["lr"]


@torch.no_grad()
def follow(ema, net, step, most=0.998):
    """Moves the averaged weights towards the present ones."""
    keep = min(most, (1 + step) / (10 + step))
    mine, its = list(ema.state_dict().values()), list(net.state_dict().values())
    real = [(e, v) for e, v in zip(mine, its) if e.dtype.is_floating_point]
    torch._foreach_lerp_([e for e, _ in real], [v for _, v in real], 1 - keep)
    for e, v in zip(mine, its):
        if not e.dtype.is_floating_point:
            e.copy_(v)


class Means:
    """Running means of what is logged; read only when they are written, so that a GPU need not wait."""

    def __init__(self):
        self.values = {}

    def add(self, parts):
        for key, value in parts.items():
            value = value.detach()
            self.values[key] = value.clone() if key not in self.values else self.values[key] * 0.98 + value * 0.02

    def read(self):
        return {key: round(float(value), 4) for key, value in self.values.items()}


def load(path):
    """What `save` wrote, on the processor wherever it was written; refuses a path at which there is no checkpoint."""
    try:
        return torch.load(path, weights_only=False, map_location="cpu")
    except FileNotFoundError:
        raise SystemExit(f"{path}: no such file; expected the checkpoint.pt that a training wrote (--out)") from None


def save(path, state):
    """Whole or not at all."""
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").rename(path)
