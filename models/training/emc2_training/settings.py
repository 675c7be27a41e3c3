"""Weights of the losses, from a YAML file that holds every key (settings.yaml beside this file says what they are)."""

from pathlib import Path

import yaml

DEFAULT = Path(__file__).with_name("settings.yaml")


def load(path=DEFAULT):
    """{section: {key: number}}; refuses keys that are missing or unknown, and values that are no weights."""
    path = Path(path)
    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as problem:
        raise SystemExit(f"{path}: {problem}") from None
    expected = yaml.safe_load(DEFAULT.read_text())
    if not isinstance(found, dict):
        raise SystemExit(f"{path}: expected the sections {list(expected)}, found {type(found).__name__}")
    compare_keys(path, "", expected, found)
    for section, keys in expected.items():
        if not isinstance(found[section], dict):
            raise SystemExit(f"{path}: {section} must hold {list(keys)}, found {found[section]!r}")
        compare_keys(path, f"{section}.", keys, found[section])
        for key in keys:
            value = found[section][key]
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
                raise SystemExit(f"{path}: {section}.{key} is {value!r}, expected a number of 0 or more")
    return found


def compare_keys(path, prefix, expected, found):
    lacking, unknown = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if lacking or unknown:
        parts = [f"lacks {[prefix + k for k in lacking]}"] * bool(lacking) + [f"has unknown keys {[prefix + k for k in unknown]}"] * bool(unknown)
        raise SystemExit(f"{path}: {' and '.join(parts)}; known are {[prefix + k for k in expected]}")


def same_as_before(out, before, now):
    """Refuses to go on with a run under other weights; runs older than the settings count as the same."""
    if before is None or before == now:
        return
    other = [f"{k}: {before.get(k)} then, {now[k]} now" for k in now if before.get(k) != now[k]]
    raise SystemExit(f"{out}: this run was begun under other settings ({'; '.join(other)}). Go on under the same, or choose another --out")
