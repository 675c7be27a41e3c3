"""Many composed scenes at once, as tensors on the device that trains (processor or GPU): a pool of them, and their augmentation.

Workers compose scenes (scenes.py); the pool keeps the last ones on the device, and each batch is drawn from it and augmented
anew: turned, mirrored, scaled, tilted, thinned. So a scene that took 20 ms to compose is seen `reuse` times, never twice alike.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch

POINTS, BOXES = 22528, 80  # places for returns and objects in a scene
EMPTY = -99  # class of a place without an object


@dataclass
class Batch:
    """B scenes; frame and units as everywhere (LiDAR, metres, radians)."""

    points: torch.Tensor  # [B, POINTS, 4] x y z intensity
    valid: torch.Tensor  # [B, POINTS] bool: is there a return in this place?
    boxes: torch.Tensor  # [B, BOXES, 7]
    classes: torch.Tensor  # [B, BOXES] as in kitti.Scan; EMPTY: no object
    heading: torch.Tensor  # [B, BOXES] bool: is it known which end is ahead?
    known: torch.Tensor  # [B, 3] bool: classes that are labelled at all
    height: torch.Tensor  # [B] of the sensor above the ground
    image: torch.Tensor  # [B] number of the picture that shows the scene, -1: none. Such a scene stays where it is

    def __len__(self):
        return len(self.points)

    def map(self, function):
        return Batch(**{f.name: function(getattr(self, f.name)) for f in fields(self)})

    def pin_memory(self):
        """For the DataLoader."""
        return self.map(torch.Tensor.pin_memory)


def pack(rng, scan, points, boxes, classes, heading, image=-1):
    """One scene as {field: array} with every place filled; surplus returns are thinned by chance, surplus objects are an error."""
    if len(boxes) > BOXES:
        raise ValueError(f"{scan.id}: {len(boxes)} objects in a scene, room for {BOXES}")
    if len(points) > POINTS:
        points = points[np.sort(rng.choice(len(points), POINTS, replace=False))]
    n, k = len(points), len(boxes)
    out = {"points": np.zeros((POINTS, 4), np.float32), "valid": np.arange(POINTS) < n, "boxes": np.ones((BOXES, 7), np.float32),
           "classes": np.full(BOXES, EMPTY), "heading": np.zeros(BOXES, bool), "known": np.array(scan.known, bool),
           "height": np.float32(scan.origin_height), "image": np.int64(image)}
    out["points"][:n], out["boxes"][:k], out["classes"][:k], out["heading"][:k] = points, boxes, classes, heading
    return out


def collate(packed):
    return Batch(**{key: torch.from_numpy(np.stack([p[key] for p in packed])) for key in packed[0]})


class Pool:
    """The last `size` scenes of a loader of Batches, on the device."""

    def __init__(self, loader, size, device):
        self.loader, self.size, self.device = iter(loader), size, device
        self.scenes, self.filled, self.next = None, 0, 0

    def take(self):
        """Puts the loader's next scenes over the oldest ones."""
        new = next(self.loader).map(lambda t: t.to(self.device, non_blocking=True))
        if self.scenes is None:
            self.scenes = new.map(lambda t: t.new_zeros((self.size, *t.shape[1:])))
        at = (self.next + torch.arange(len(new), device=self.device)) % self.size
        for f in fields(Batch):
            getattr(self.scenes, f.name)[at] = getattr(new, f.name)
        self.next = (self.next + len(new)) % self.size
        self.filled = min(self.size, self.filled + len(new))

    def draw(self, count):
        """Scenes by chance, none twice; copies."""
        while self.filled < min(self.size, 2 * count):
            self.take()
        at = torch.randperm(self.filled, device=self.device)[:count]
        return self.scenes.map(lambda t: t[at])


def uniform(like, low, high, *shape):
    return torch.rand(len(like), *shape, device=like.points.device) * (high - low) + low


def normal(like, sigma, *shape):
    return torch.randn(len(like), *shape, device=like.points.device) * sigma


def choice(like, values):
    values = torch.tensor(values, device=like.points.device)
    return values[torch.randint(len(values), (len(like),), device=like.points.device)]


def augment(b):
    """Changes the batch: scenes are mirrored, turned, scaled and tilted (not those with a picture), returns thinned and blurred."""
    free = b.image < 0
    still = lambda value, rest: torch.where(free, value, torch.full_like(value, rest))
    points, boxes = b.points, b.boxes
    side = still(torch.where(uniform(b, 0, 1) < 0.5, -1.0, 1.0), 1.0)[:, None]
    points[..., 1] *= side
    boxes[..., 1] *= side
    boxes[..., 6] *= side
    turn = still(torch.where(uniform(b, 0, 1) < 0.5, uniform(b, -0.15, 0.15), uniform(b, -0.6, 0.6)), 0.0)[:, None]
    c, s = torch.cos(turn), torch.sin(turn)
    for t in (points, boxes):
        x, y = t[..., 0].clone(), t[..., 1].clone()
        t[..., 0], t[..., 1] = c * x - s * y, s * x + c * y
    boxes[..., 6] = wrap(boxes[..., 6] + turn)
    scale = still(uniform(b, 0.95, 1.05), 1.0)[:, None, None]
    points[..., :3] *= scale
    boxes[..., :6] *= scale
    # The sensor's height and tilt: a vehicle nods, and roads are not flat.
    dz, pitch, roll = (still(normal(b, sigma), 0.0)[:, None] for sigma in (0.1, 0.006, 0.006))
    for t in (points, boxes):
        t[..., 2] += dz + pitch * t[..., 0] + roll * t[..., 1]
    thin(b)
    # Another sensor's scale of intensities, now and then.
    gain = torch.where(uniform(b, 0, 1, 1) < 0.2, torch.exp(uniform(b, -1.9, 0.4, 1)), uniform(b, 0.7, 1.3, 1))
    points[..., 3] = (points[..., 3] * gain).clamp(max=1)
    points[..., :3] += torch.randn_like(points[..., :3]) * 0.01


def thin(b):
    """Takes returns out: some by chance, some rows of them (by elevation), or all but every second or third row, as a sensor with
    32 beams or fewer would (which turns faster as well: half of the returns of a row)."""
    row = beam_row(b.points)
    kind = uniform(b, 0, 1)[:, None]
    sparse = (kind >= 0.3) & (kind < 0.5)
    gone = torch.where(sparse, choice(b, [0, 0.15, 0.4, 0.5, 0.5])[:, None], choice(b, [0, 0, 0, 0.15, 0.4])[:, None])
    b.valid &= torch.rand_like(b.points[..., 0]) >= gone
    lost = (torch.rand(len(b), ROWS, device=row.device) < uniform(b, 0.05, 0.4, 1)).gather(1, row)
    step, phase = choice(b, [2, 3])[:, None], choice(b, list(range(6)))[:, None]
    b.valid &= ~(((kind < 0.3) & lost) | (sparse & ((row + phase) % step != 0)))


ROWS = 128


def beam_row(points):
    """[B, N]: number of the row of returns, by elevation in steps of 0.42 degrees, 0 to ROWS - 1."""
    elevation = torch.atan2(points[..., 2], torch.hypot(points[..., 0], points[..., 1]))
    return (torch.floor(elevation / float(np.deg2rad(0.42))).long() + ROWS // 2 + 24).clamp(0, ROWS - 1)


def wrap(angle):
    return torch.remainder(angle + torch.pi, 2 * torch.pi) - torch.pi


def to_local(points, boxes):
    """[..., B, N, 3]: points [B, N, >=3] in the frames of boxes [B, K, 7], for each box: [B, K, N, 3]."""
    d = points[:, None, :, :3] - boxes[:, :, None, :3]
    c, s = torch.cos(boxes[..., 6])[..., None], torch.sin(boxes[..., 6])[..., None]
    return torch.stack([c * d[..., 0] + s * d[..., 1], -s * d[..., 0] + c * d[..., 1], d[..., 2]], -1)


def inside(b, boxes, margin_xy=0.0, margin_z=0.0):
    """[B, K, N] bool: which returns lie in which (enlarged) box."""
    out = torch.empty(*boxes.shape[:2], b.points.shape[1], dtype=torch.bool, device=boxes.device)
    room = boxes[..., 3:6] / 2 + boxes.new_tensor([margin_xy, margin_xy, margin_z])
    for i in range(len(b)):  # scene by scene: all at once is gigabytes
        out[i] = (to_local(b.points[i:i + 1], boxes[i:i + 1])[0].abs() <= room[i][:, None]).all(-1)
    return out & b.valid[:, None]


def bev_intersection(a, b):
    """[...]: area that boxes a and b [..., 7] share from above.

    The border of what two convex shapes share is made of the pieces of each one's border inside the other (Green's theorem sums
    them). `a` is shrunk by 1e-4 of its size, so that two equal boxes do not share their borders as well.
    """
    origin = b[..., :2]
    return (border(a, b, origin, 1 - 1e-4) + border(b, a, origin, 1.0, 1 - 1e-4)).clamp(min=0)


def border(a, b, origin, shrink_a=1.0, shrink_b=1.0):
    """Sum of cross products along the pieces of a's border inside b, halved; about `origin`."""
    c, s = torch.cos(a[..., 6]), torch.sin(a[..., 6])
    half = a[..., 3:5] * (shrink_a / 2)
    signs = a.new_tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    local = half[..., None, :] * signs
    corner = torch.stack([c[..., None] * local[..., 0] - s[..., None] * local[..., 1],
                          s[..., None] * local[..., 0] + c[..., None] * local[..., 1]], -1) + (a[..., :2] - origin)[..., None, :]
    edge = corner.roll(-1, -2) - corner
    # Each edge as a segment in b's frame, cut to b by slabs.
    c, s = torch.cos(b[..., 6])[..., None], torch.sin(b[..., 6])[..., None]
    turn = lambda v: torch.stack([c * v[..., 0] + s * v[..., 1], -s * v[..., 0] + c * v[..., 1]], -1)
    p, d = turn(corner - (b[..., :2] - origin)[..., None, :]), turn(edge)
    d = torch.where(d.abs() < 1e-9, torch.full_like(d, 1e-9), d)
    room = (b[..., 3:5] * (shrink_b / 2))[..., None, :]
    t0, t1 = (-room - p) / d, (room - p) / d
    begin = torch.minimum(t0, t1).amax(-1).clamp(min=0)
    end = torch.maximum(t0, t1).amin(-1).clamp(max=1)
    span = (end - begin).clamp(min=0)
    # cross(p + t0 d, p + t1 d) = (t1 - t0) cross(p, d)
    cross = corner[..., 0] * edge[..., 1] - corner[..., 1] * edge[..., 0]
    return (span * cross).sum(-1) / 2


def overlaps(a, b):
    """([...], [...]): intersection over union from above and in space of boxes a and b [..., 7] (shapes broadcast)."""
    a, b = torch.broadcast_tensors(a, b)
    area = bev_intersection(a, b)
    top = torch.minimum(a[..., 2] + a[..., 5] / 2, b[..., 2] + b[..., 5] / 2)
    low = torch.maximum(a[..., 2] - a[..., 5] / 2, b[..., 2] - b[..., 5] / 2)
    volume = area * (top - low).clamp(min=0)
    area_a, area_b = a[..., 3] * a[..., 4], b[..., 3] * b[..., 4]
    return area / (area_a + area_b - area).clamp(min=1e-9), volume / (area_a * a[..., 5] + area_b * b[..., 5] - volume).clamp(min=1e-9)
