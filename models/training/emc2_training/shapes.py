"""Made-up objects as a spinning 64-beam sensor sees them: cars, people, cyclists, trucks, and things that are none of these.

An object is a handful of ellipsoids, blocks and convex bodies in its own frame (x ahead, z up from the ground). It is set
at a place, and rays of the sensor's pattern are cast at it. Real crops of people and cyclists are few,
and trucks there are none; the label files tell their true sizes, places and headings, and these shapes
stand in. Cars there are hundreds of, but of few streets: made-up ones bring other shapes. What is neither
(poles, bins, bushes, walls) is made with the same rays, so that a network cannot
learn that whatever was made up is a person.
"""

from dataclasses import dataclass

import numpy as np

# HDL-64E: 32 beams each third of a degree, 32 each half; about 0.18 degrees from one return to the next.
BEAMS = np.deg2rad(np.concatenate([2.0 - np.arange(32) / 3, -8.83 - np.arange(32) * 0.5]))
AZIMUTH_STEP = np.deg2rad(0.18)
RANGE_NOISE = (0.01, 0.03)  # m, one sigma, from object to object


@dataclass
class Part:
    """One primitive: `inverse` maps object coordinates (less `centre`) to the unit sphere or cube."""

    centre: np.ndarray
    inverse: np.ndarray
    round: bool
    reflectance: float
    solid: float = 1.0  # share of rays that it stops (wheels, bushes: less than 1)


@dataclass
class Hull:
    """A convex body: the points with `planes[:, :3] @ p <= planes[:, 3]`. Below `glass_top` a ray may pass through."""

    planes: np.ndarray
    reflectance: float
    solid: float = 1.0
    glass_top: float = np.inf


def profile(x_z, half_width, reflectance, lean=0.0, corner=0.0, solid=1.0, glass_top=np.inf):
    """A convex side view [K, 2] (x, z; counter-clockwise seen from the right), as wide as `half_width` at its foot.

    `lean`: how far the sides come in by its top (m); `corner`: how much of each upright edge is cut off (m).
    """
    x_z = np.asarray(x_z, float)
    along = np.roll(x_z, -1, 0) - x_z
    n = np.stack([along[:, 1], -along[:, 0]], 1) / np.linalg.norm(along, axis=1)[:, None]
    planes = [[a, 0, b, a * x + b * z] for (a, b), (x, z) in zip(n, x_z)]
    low, high = x_z[:, 1].min(), x_z[:, 1].max()
    lean = lean / max(high - low, 1e-3)
    for side in (-1, 1):
        planes.append(np.array([0, side, lean, half_width + lean * low]) / np.hypot(1, lean))
    if corner > 0:
        for end, reach in ((1, x_z[:, 0].max()), (-1, -x_z[:, 0].min())):
            for side in (-1, 1):
                planes.append([0.6 * end, 0.8 * side, 0, 0.6 * reach + 0.8 * half_width - 0.8 * corner])
    return Hull(np.array(planes, float), reflectance, solid, glass_top)


def ellipsoid(centre, radii, axes=None, reflectance=0.3, solid=1.0):
    axes = np.eye(3) if axes is None else axes
    return Part(np.asarray(centre, float), (axes / np.asarray(radii, float)).T, True, reflectance, solid)


def block(low, high, reflectance=0.3, solid=1.0):
    low, high = np.asarray(low, float), np.asarray(high, float)
    return Part((low + high) / 2, np.diag(2 / np.maximum(high - low, 1e-3)), False, reflectance, solid)


def limb(a, b, radius, reflectance=0.3):
    """An ellipsoid from a to b."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    along = b - a
    length = np.linalg.norm(along)
    along = along / length
    side = np.cross(along, [0, 1.0, 0] if abs(along[1]) < 0.9 else [1.0, 0, 0])
    side /= np.linalg.norm(side)
    axes = np.stack([along, side, np.cross(along, side)], 1)
    return ellipsoid((a + b) / 2, [length / 2 * 1.1, radius, radius], axes, reflectance)


def person(rng, size):
    """Somebody who stands or walks; size = (l, w, h) of the label."""
    l, w, h = size
    cloth, trousers, skin = rng.uniform(0.05, 0.75), rng.uniform(0.05, 0.65), rng.uniform(0.2, 0.5)
    stride = max(0.0, l / 2 - 0.08) * rng.uniform(0.6, 1.1) * rng.choice([-1, 1])
    wide = np.clip((w / 2 - 0.02) * rng.uniform(0.85, 1.15), 0.18, 0.4)
    apart = rng.uniform(0.08, max(0.1, wide))  # feet and knees: seen from ahead, legs are nearly as wide as the body
    stout = rng.uniform(1.0, 1.4)  # clothes, and a beam that is as wide as a hand
    hip, shoulder = 0.5 * h, 0.82 * h
    swing = stride * rng.uniform(0.5, 1.1)
    deep = 0.13 * stout * rng.uniform(0.9, 2.2)  # a coat, a rucksack, elbows
    parts = [ellipsoid([0, 0, h - 0.12], [0.1 * stout, 0.085 * stout, 0.13], None, skin),
             ellipsoid([rng.normal(0, 0.03), 0, (hip + shoulder) / 2], [min(deep, max(0.15, l / 2)), wide * 0.95, (shoulder - hip) * 0.75],
                       None, cloth)]
    for side in (-1, 1):
        parts.append(limb([0, side * 0.09, hip], [side * stride, side * apart, 0.04], stout * rng.uniform(0.075, 0.15), trousers))
        hand = [-side * swing, side * wide, hip + rng.uniform(-0.03, 0.25)]
        parts.append(limb([0, side * wide * 0.9, shoulder], hand, stout * rng.uniform(0.05, 0.075), cloth))
    if rng.random() < 0.25:  # a bag or a rucksack
        parts.append(ellipsoid([rng.choice([-0.2, 0.1]), rng.uniform(-wide, wide), rng.uniform(hip - 0.1, shoulder - 0.1)],
                               [0.14, 0.16, 0.22], None, rng.uniform(0.03, 0.6)))
    if rng.random() < 0.25:  # a long coat
        parts.append(ellipsoid([0, 0, hip * 0.85], [rng.uniform(0.15, 0.26), wide * 0.9, hip * 0.6], None, cloth))
    return parts


def as_labelled(rng, points, cls):
    """Returns of a made-up person or cyclist moved to where those of real ones lie against their labels.

    People label the returns they see: the median return of 24 real people lies 0.02 m before the label's centre (that of the
    bodies here 0.16 m), one person to the next by 0.1 m, and a person's returns are spread over 0.3 m along the ray (here 0.25).
    """
    if cls not in (1, 2) or not len(points):
        return points
    back = rng.normal(0.12, 0.08) if cls == 1 else rng.normal(0.03, 0.08)
    back = back + rng.normal(0, rng.uniform(0.02, 0.08), len(points))
    ray = points[:, :3] / np.linalg.norm(points[:, :3], axis=1, keepdims=True)
    moved = np.column_stack([points[:, :3] + ray * back[:, None], points[:, 3]]).astype(np.float32)
    return moved[rng.random(len(moved)) >= rng.choice([0.0, 0.2, 0.4])] if cls == 1 else moved  # a fifth fewer return from real people


def bicycle(rng, l):
    """Two wheels and a frame, as seen by few rays."""
    r = rng.uniform(0.30, 0.36)
    dark = rng.uniform(0.03, 0.3)
    x = max(0.4, l / 2 - r)
    parts = []
    for at in (-x, x):
        parts.append(ellipsoid([at, 0, r], [r, 0.03, r], None, dark, rng.uniform(0.25, 0.6)))
    parts += [limb([-x, 0, r], [0.0, 0, 0.6], 0.03, dark), limb([0.0, 0, 0.35], [-0.15, 0, 0.95], 0.03, dark),
              limb([-0.1, 0, 0.75], [x - 0.2, 0, 0.85], 0.035, dark), limb([x, 0, r], [x - 0.2, 0, 1.0], 0.03, dark),
              limb([x - 0.2, -0.25, 1.02], [x - 0.2, 0.25, 1.02], 0.03, dark)]
    if rng.random() < 0.3:  # a basket or panniers
        parts.append(ellipsoid([rng.choice([-x, x]), 0, 0.75], [0.18, 0.2, 0.18], None, rng.uniform(0.05, 0.6)))
    return parts


def cyclist(rng, size):
    l, w, h = size
    cloth, trousers = rng.uniform(0.05, 0.75), rng.uniform(0.05, 0.65)
    lean = rng.uniform(0.1, 0.5)
    seat, shoulder = np.array([-0.2, 0, min(0.95, 0.56 * h)]), np.array([-0.2 + lean, 0, h - 0.32])
    wide = np.clip(w / 2 - 0.05, 0.18, 0.28)
    stout = rng.uniform(1.0, 1.35)
    along = (shoulder - seat) / np.linalg.norm(shoulder - seat)
    axes = np.stack([np.cross([0, 1.0, 0], along), [0, 1.0, 0], along], 1)
    parts = [*bicycle(rng, l), ellipsoid(shoulder + [0.06, 0, 0.2], [0.11 * stout, 0.09 * stout, 0.13], None, rng.uniform(0.1, 0.6)),
             ellipsoid((seat + shoulder) / 2, [0.15 * stout * rng.uniform(0.9, 1.6), wide, np.linalg.norm(shoulder - seat) * 0.72], axes, cloth)]
    turn = rng.uniform(0, 2 * np.pi)
    for side in (-1, 1):
        foot = np.array([0.02 + 0.17 * np.cos(turn + side * np.pi / 2), side * 0.12, 0.3 + 0.17 * np.sin(turn + side * np.pi / 2)])
        knee = (seat + foot) / 2 + [0.22, 0, 0.1]
        knee[1] = side * 0.12
        parts += [limb(seat + [0, side * 0.09, 0], knee, 0.1 * stout, trousers), limb(knee, foot, 0.075 * stout, trousers),
                  limb(shoulder + [0, side * wide * 0.9, 0], [l / 2 - 0.55, side * 0.24, 1.03], 0.06 * stout, cloth)]
    return parts


def car(rng, size):
    """A saloon, hatchback, estate or high-built car of the labelled size: lower body, glass house, wheels, seats."""
    l, w, h = size
    paint = np.clip(np.exp(rng.normal(np.log(0.16), 0.7)), 0.02, 0.7)
    kind = rng.choice(["saloon", "hatch", "estate", "high"], p=[0.3, 0.35, 0.2, 0.15])
    clear, belt = rng.uniform(0.14, 0.24), h * rng.uniform(0.56, 0.66)
    front, back = l / 2, -l / 2
    bonnet = l * (rng.uniform(0.2, 0.29) if kind != "high" else rng.uniform(0.12, 0.24))
    nose, tail = belt * rng.uniform(0.6, 0.85), belt * rng.uniform(0.75, 1.0)
    rake = rng.uniform(0.45, 0.95) * (h - belt) / 0.55
    if kind == "saloon":
        boot, slope = l * rng.uniform(0.09, 0.18), rng.uniform(0.4, 0.8)
    else:
        boot, slope = rng.uniform(0.0, 0.08), rng.uniform(0.05, 0.25) if kind == "estate" else rng.uniform(0.15, 0.5)
    cowl = front - bonnet
    bump = rng.uniform(0.03, 0.12)
    body = profile([[back + bump, clear], [front - bump, clear], [front, clear + 0.25], [front - 0.04, nose], [cowl, belt + 0.02],
                    [back + boot + 0.05, belt + 0.02], [back + 0.03, tail], [back, clear + 0.3]],
                   w / 2, paint, rng.uniform(0.0, 0.06), rng.uniform(0.04, 0.2))
    roof_front, roof_back = cowl - rake, back + boot + slope
    if roof_front - roof_back < 0.8:
        roof_front = roof_back + 0.8
    arch = rng.uniform(0.02, 0.07)
    middle = (roof_front + roof_back) / 2
    house = profile([[back + boot, belt], [cowl, belt], [roof_front, h - arch], [middle + 0.2 * (roof_front - middle), h],
                     [middle - 0.2 * (roof_front - middle), h], [roof_back, h - arch]],
                    w / 2 - rng.uniform(0.02, 0.08), paint, rng.uniform(0.12, 0.3), rng.uniform(0.05, 0.25), rng.uniform(0.1, 0.75),
                    h - rng.uniform(0.06, 0.16))
    parts = [body, house]
    for x in (0.1, -0.75):  # seats, through the glass
        for side in (-1, 1):
            parts.append(block([x - 0.12, side * 0.36 - 0.24, 0.5], [x + 0.12, side * 0.36 + 0.24, min(h - 0.2, 1.25)], rng.uniform(0.03, 0.3)))
    r = rng.uniform(0.28, 0.36)
    for x in (front - l * rng.uniform(0.17, 0.22), back + l * rng.uniform(0.17, 0.22)):
        for side in (-1, 1):
            parts.append(ellipsoid([x, side * (w / 2 - 0.11), r], [r, 0.11, r], None, rng.uniform(0.03, 0.2), 0.8))
    if rng.random() < 0.6:  # mirrors
        for side in (-1, 1):
            parts.append(ellipsoid([cowl - 0.25, side * (w / 2 + 0.02), belt + 0.08], [0.06, 0.1, 0.08], None, paint))
    for x, side in ((back - 0.01, -1), (front + 0.01, 1)):  # plates and lamps shine
        if rng.random() < 0.7:
            parts.append(block([x - 0.02, -0.26, 0.45], [x + 0.02, 0.26, 0.58], rng.uniform(0.5, 1.0)))
            for y in (-1, 1):
                parts.append(block([x - 0.02, y * (w / 2 - 0.2) - 0.12, 0.6], [x + 0.02, y * (w / 2 - 0.2) + 0.12, 0.72], rng.uniform(0.3, 0.9)))
    return parts


def truck(rng, size):
    """A lorry with a cab, a bus, or a big delivery van."""
    l, w, h = size
    paint, cargo = rng.uniform(0.05, 0.6), rng.uniform(0.05, 0.7)
    under = rng.uniform(0.5, 1.1)
    parts, kind = [], rng.random()
    cab = rng.uniform(1.6, 2.4)
    if kind < 0.25 or l < 4.5:  # one body
        parts.append(block([-l / 2, -w / 2, rng.uniform(0.3, 0.5)], [l / 2, w / 2, h], paint))
    else:
        cab_h = h * rng.uniform(0.7, 1.0) if h < 3.3 else rng.uniform(2.4, 3.1)
        parts.append(block([l / 2 - cab, -w / 2, 0.4], [l / 2, w / 2, cab_h], paint))
        back = l / 2 - cab - rng.uniform(0.1, 0.6)
        top = h if rng.random() < 0.8 else under + rng.uniform(0.2, 1.0)  # or a flat bed
        parts.append(block([-l / 2, -w / 2, under], [back, w / 2, top], cargo))
        parts.append(block([-l / 2 + 0.5, -0.4, 0.5], [back, 0.4, under], 0.1))
    r = rng.uniform(0.4, 0.52)
    for at in (l / 2 - 1.0, -l / 2 + 1.2, *([-l / 2 + 2.5] if l > 7 else [])):
        for side in (-1, 1):
            parts.append(ellipsoid([at, side * (w / 2 - 0.15), r], [r, 0.15, r], None, 0.05))
    return parts


def clutter(rng):
    """(parts, size): a pole, a sign, a bin, a bush, a parked bicycle, a hedge, a wall, a fence, a box of a car's size; and what is
    most often taken for people on unseen streets: a bin or letter box on a post, a trunk, a board on the pavement."""
    kind = rng.choice(12, p=[0.12, 0.12, 0.08, 0.15, 0.06, 0.09, 0.06, 0.05, 0.09, 0.08, 0.05, 0.05])
    dark = rng.uniform(0.03, 0.6)
    if kind == 0:
        r, h = rng.uniform(0.04, 0.2), rng.uniform(0.9, 4.5)
        return [ellipsoid([0, 0, h / 2], [r, r, h * 2], None, dark)], (2 * r, 2 * r, h)
    if kind == 1:
        h = rng.uniform(1.0, 3.2)
        plate, post = rng.uniform(0.15, 0.5), rng.uniform(0.03, 0.06)
        shine = rng.uniform(0.3, 1.0)
        board = (ellipsoid([0, 0, h - plate], [0.04, plate, plate], None, shine) if rng.random() < 0.5 else
                 block([-0.03, -plate, h - 2 * plate], [0.03, plate, h], shine))
        return [block([-post, -post, 0], [post, post, h], dark), board], (0.1, 2 * plate, h)
    if kind == 2:
        l, w, h = rng.uniform(0.3, 1.4), rng.uniform(0.3, 1.0), rng.uniform(0.5, 1.5)
        return [block([-l / 2, -w / 2, 0], [l / 2, w / 2, h], dark)], (l, w, h)
    if kind == 4:
        return bicycle(rng, 1.75), (1.75, 0.5, 1.05)
    if kind == 6:
        l, w, h = rng.uniform(3, 16), rng.uniform(0.2, 0.5), rng.uniform(0.7, 3.0)
        return [block([-l / 2, -w / 2, 0], [l / 2, w / 2, h], dark)], (l, w, h)
    if kind == 7:
        l, h = rng.uniform(3, 12), rng.uniform(0.8, 2.0)
        return [block([-l / 2, -0.04, 0], [l / 2, 0.04, h], dark, rng.uniform(0.15, 0.5))], (l, 0.1, h)
    if kind == 8:
        l, w, h = rng.uniform(2.5, 6.5), rng.uniform(1.4, 2.5), rng.uniform(0.8, 2.8)
        foot = rng.choice([0.0, 0.4])
        return [block([-l / 2, -w / 2, foot], [l / 2, w / 2, h], dark)], (l, w, h)
    if kind == 9:  # on a post, or standing
        l, w, foot, top = rng.uniform(0.2, 0.6), rng.uniform(0.2, 0.6), rng.choice([0.0, 0.3, 0.6]), rng.uniform(1.0, 1.9)
        return [block([-0.05, -0.05, 0], [0.05, 0.05, top], dark), block([-l / 2, -w / 2, foot], [l / 2, w / 2, top], dark)], (l, w, top)
    if kind == 10:
        r, h, lean = rng.uniform(0.1, 0.4), rng.uniform(1.5, 4.5), rng.normal(0, 0.2, 2)
        parts = [limb([0, 0, 0], [*lean, h], r, dark)]
        for _ in range(rng.integers(0, 4)):  # shoots and branches
            parts.append(ellipsoid([*rng.normal(0, 0.4, 2), rng.uniform(0, h)], rng.uniform(0.1, 0.4, 3), None, rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.7)))
        return parts, (2 * r, 2 * r, h)
    if kind == 11:
        w, h, apart = rng.uniform(0.4, 1.0), rng.uniform(0.7, 1.7), rng.uniform(0.0, 0.35)
        return [limb([side * apart, y, 0], [0, y, h], 0.05, dark) for side in (-1, 1) for y in np.linspace(-w / 2, w / 2, 6)], (2 * apart + 0.1, w, h)
    # Leaves: a bush, or a row of them.
    s, h = (rng.uniform(0.3, 1.2), rng.uniform(0.6, 2.2)) if kind == 3 else (rng.uniform(1.0, 5.0), rng.uniform(0.7, 1.8))
    across = s if kind == 3 else rng.uniform(0.3, 0.9)
    leaf, pass_through = rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.8)
    parts = [ellipsoid([rng.uniform(-s, s) * 0.8, rng.uniform(-across, across) * 0.5, rng.uniform(0.1, 0.8) * h],
                       rng.uniform(0.15, 0.5, 3) * [min(s, 1.5), across, h], None, leaf, pass_through) for _ in range(rng.integers(3, 9))]
    return parts, (2 * s, 2 * across, h)


def _enter(hull, origin, rays):
    """Distance at which each ray enters a convex body (inf: it does not), and the cosine there."""
    n, d = hull.planes[:, :3], hull.planes[:, 3]
    speed, room = rays @ n.T, d - n @ origin
    with np.errstate(divide="ignore", invalid="ignore"):
        t = room / speed
    near = np.where(speed < 0, t, -np.inf)
    far = np.where(speed > 0, t, np.inf).min(1)
    far[((np.abs(speed) < 1e-12) & (room < 0)).any(1)] = -np.inf
    face = near.argmax(1)
    row = np.arange(len(rays))
    enter = near[row, face]
    hit = (enter < far) & (enter > 0.5)
    return np.where(hit, enter, np.inf), np.abs(speed[row, face])


def cast(rng, parts, box):
    """Returns [N, 4] of the sensor at the origin from an object whose box (x y z l w h yaw) is given."""
    c, s = np.cos(box[6]), np.sin(box[6])
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    foot = np.array([box[0], box[1], box[2] - box[5] / 2])
    distance, azimuth = np.hypot(box[0], box[1]), np.arctan2(box[1], box[0])
    reach = np.hypot(box[3], box[4]) / 2 + 0.3
    half = np.arctan2(reach, max(distance - reach, 1.0))
    low, high = (np.arctan2(z, distance + (-reach if z < 0 else reach) * 0.9) for z in (foot[2] - 0.1, foot[2] + box[5] + 0.1))
    beams = BEAMS[(BEAMS >= low - 0.005) & (BEAMS <= high + 0.005)]
    if not len(beams):
        return np.zeros((0, 4), np.float32)
    az = np.arange(azimuth - half, azimuth + half, AZIMUTH_STEP) + rng.uniform(0, AZIMUTH_STEP)
    a, e = (g.reshape(-1) for g in np.meshgrid(az, beams))
    rays = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], 1)
    origin, rays_in = -foot @ turn, rays @ turn
    best, shine = np.full(len(rays), np.inf), np.zeros(len(rays))
    for p in parts:
        bright = p.reflectance
        if isinstance(p, Hull):
            t, facing = _enter(p, origin, rays_in)
            # Shiny paint sends a grazing ray away.
            bright = p.reflectance * (0.4 + 0.6 * facing)
            height = origin[2] + np.where(np.isfinite(t), t, 0) * rays_in[:, 2]
            glass = (height < p.glass_top) & (rng.random(len(t)) > p.solid)
            t[glass | (facing < rng.uniform(0.0, 0.25, len(t)))] = np.inf
            closer = t < best
            best, shine = np.where(closer, t, best), np.where(closer, bright, shine)
            continue
        o, d = p.inverse @ (origin - p.centre), rays_in @ p.inverse.T
        if p.round:
            dd, od = (d * d).sum(1), d @ o
            root = od * od - dd * (o @ o - 1)
            t = np.where(root > 0, (-od - np.sqrt(np.maximum(root, 0))) / dd, np.inf)
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                t0, t1 = (-1 - o) / d, (1 - o) / d
            near, far = np.minimum(t0, t1).max(1), np.maximum(t0, t1).min(1)
            t = np.where(near <= far, near, np.inf)
        t = np.where((t > 0.5) & np.isfinite(t), t, np.inf)
        if p.solid < 1:
            t[rng.random(len(t)) > p.solid] = np.inf
        closer = t < best
        best, shine = np.where(closer, t, best), np.where(closer, bright, shine)
    shine = shine * np.clip(1.1 - distance / 90, 0.4, 1.0)  # far things read darker
    back = np.isfinite(best) & (rng.random(len(best)) > rng.uniform(0.0, 0.15) + distance / 350)
    best, shine, rays = best[back], shine[back], rays[back]
    best = best + rng.normal(0, rng.uniform(*RANGE_NOISE), len(best))
    shine = np.clip(shine + rng.normal(0, 0.06, len(shine)), 0, 1)
    return np.concatenate([rays * best[:, None], shine[:, None]], 1).astype(np.float32)
