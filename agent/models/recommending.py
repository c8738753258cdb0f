"""Which profile suits a computer, and why: from what is known, without looking at anything."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.inference.allowed import EVERYTHING, Allowed
from agent.inference.rules import canonical_name
from agent.models.hardware import Machine
from agent.models.profile_file import KINDS, Draft, Drafts
from agent.shared.errors import Invalid

GB = 1_000_000_000
KEEP_ALIVE = "5m"
UNITS = {
    "memory_gb": "GB of memory",
    "gpu_gb": "GB of graphics memory",
    "unified_gb": "GB of memory shared with the graphics",
    "cores": "cores",
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What suits a computer that meets one of `needs`; the first name of each kind is the best."""

    name: str
    title: str
    needs: tuple[Mapping[str, float], ...]
    models: Mapping[str, tuple[str, ...]]
    options: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a person set; `set_by` says where."""

    profile: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, int | str] = field(default_factory=dict)
    set_by: Mapping[str, str] = field(default_factory=dict)
    allowed: Allowed = EVERYTHING


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What this computer should use, with its reason."""

    machine: Machine
    profile: Profile
    why: str
    models: Mapping[str, tuple[str, ...]]
    options: Mapping[str, int | str]
    set_by: Mapping[str, str]
    profiles: tuple[Profile, ...]
    sizes_gb: Mapping[str, float]

    def to_json(self) -> dict[str, object]:
        return {
            "machine": self.machine.to_json(),
            "profile": self.profile.name,
            "why": self.why,
            "models": {kind: list(names) for kind, names in self.models.items()},
            "options": dict(self.options),
            "set_by": dict(self.set_by),
            "sizes_gb": dict(self.sizes_gb),
            "items": [_json(profile) for profile in self.profiles],
            "next_cursor": None,
        }


def recommend(machine: Machine, drafts: Drafts, overrides: Overrides) -> Recommendation:
    """The last profile that fits, with what a person set laid over it.

    Raises Invalid `no-such-profile`."""
    profiles = [_profile(draft) for draft in drafts.profiles]
    profile = _wanted(profiles, machine, overrides)
    models = dict(profile.models)
    for kind, name in overrides.models.items():
        wanted = canonical_name(name)
        others = [one for one in models.get(kind, ()) if canonical_name(one) != wanted]
        models[kind] = (name, *others)
    return Recommendation(
        machine=machine,
        profile=profile,
        why=_why(machine, profile, profiles, overrides),
        models=_allowed({kind: models[kind] for kind in KINDS if kind in models}, overrides),
        options={**profile.options, **overrides.options},
        set_by=overrides.set_by,
        profiles=tuple(replace(one, models=_allowed(one.models, overrides)) for one in profiles),
        sizes_gb=drafts.sizes_gb,
    )


def _allowed(
    models: Mapping[str, tuple[str, ...]], overrides: Overrides
) -> dict[str, tuple[str, ...]]:
    """Without those that may not be used here; a kind of which none is left is not named."""
    refused = overrides.allowed.why_not_model
    left = {
        kind: tuple(name for name in names if not refused(name)) for kind, names in models.items()
    }
    return {kind: names for kind, names in left.items() if names}


def laid_over(base: Drafts, own: Drafts, file: Path) -> Drafts:
    """`own` over `base`. Raises Invalid `bad-profiles` for a new profile that lacks something."""
    found = {draft.name: draft for draft in base.profiles}
    for draft in own.profiles:
        under = found.get(draft.name)
        if under is None:
            found[draft.name] = _complete(draft, file)
            continue
        found[draft.name] = replace(
            draft,
            title=draft.title or under.title,
            needs=draft.needs or under.needs,
            models={**under.models, **draft.models},
            options={**under.options, **draft.options},
        )
    return Drafts(tuple(found.values()), {**base.sizes_gb, **own.sizes_gb})


def _complete(draft: Draft, file: Path) -> Draft:
    lacking = [
        name
        for name, there in (
            ("needs", draft.needs),
            ("models: text", "text" in draft.models),
            ("models: vision", "vision" in draft.models),
        )
        if not there
    ]
    if lacking:
        raise Invalid(
            "bad-profiles",
            f"{file.name}, line {draft.line}: the new profile {draft.name} lacks "
            f"{' and '.join(lacking)}.",
            file=str(file),
            line=draft.line,
        )
    return draft


def _profile(draft: Draft) -> Profile:
    options: dict[str, int | str] = {
        "num_ctx": 4096,
        "num_parallel": 1,
        "max_loaded_models": 1,
        "keep_alive": KEEP_ALIVE,
    }
    return Profile(
        draft.name,
        draft.title or draft.name,
        draft.needs or (),
        draft.models,
        {**options, **draft.options},
    )


def _wanted(profiles: Sequence[Profile], machine: Machine, overrides: Overrides) -> Profile:
    if overrides.profile is not None:
        for profile in profiles:
            if profile.name == overrides.profile:
                return profile
        raise Invalid(
            "no-such-profile",
            f"There is no profile called {overrides.profile} ({_profile_set_by(overrides)}). "
            f"There are: {', '.join(one.name for one in profiles)}.",
        )
    fitting = [one for one in profiles if _need_met(one, machine) is not None]
    return fitting[-1] if fitting else profiles[0]


def _profile_set_by(overrides: Overrides) -> str:
    return overrides.set_by.get("profile", "the setting profile")


def _need_met(profile: Profile, machine: Machine) -> Mapping[str, float] | None:
    has = _has(machine)
    return next(
        (need for need in profile.needs if all(has[key] >= value for key, value in need.items())),
        None,
    )


def _has(machine: Machine) -> dict[str, float]:
    return {
        "memory_gb": machine.memory_bytes / GB,
        "gpu_gb": machine.gpu_bytes / GB,
        "unified_gb": machine.memory_bytes / GB if machine.has_unified_memory else 0,
        "cores": machine.cores,
    }


def _why(
    machine: Machine, profile: Profile, profiles: Sequence[Profile], overrides: Overrides
) -> str:
    has = f"This computer has {described(machine)}."
    if overrides.profile:
        return f"{has} Profile {profile.name} was chosen by {_profile_set_by(overrides)}."
    need = _need_met(profile, machine)
    if need is None:
        return f"{has} No profile fits, so that the first one, {profile.name}, is taken."
    enough = _listed(need) if any(need.values()) else ""
    text = f"{has} Profile {profile.name} wants {enough or 'nothing special'}"
    later = profiles[list(profiles).index(profile) + 1 :]
    if not later:
        return f"{text}; there is none for more."
    wanted = " or ".join(_listed(one) for one in later[0].needs)
    return f"{text}; the next one, {later[0].name}, would want {wanted}."


def described(machine: Machine) -> str:
    """The computer in a few words."""
    parts = [f"{machine.memory_bytes / GB:.0f} GB of memory", f"{machine.cores} cores"]
    if machine.cores == 1:
        parts[1] = "1 core"
    if machine.has_unified_memory:
        parts[0] += " shared with the graphics"
    elif machine.gpu_bytes:
        names = ", ".join(gpu.name for gpu in machine.gpus)
        parts.append(f"{machine.gpu_bytes / GB:.0f} GB of graphics memory ({names})")
    else:
        parts.append("no graphics card that counts")
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _listed(need: Mapping[str, float]) -> str:
    return " and ".join(f"{value:g} {UNITS[key]}" for key, value in need.items())


def _json(profile: Profile) -> dict[str, object]:
    return {
        "name": profile.name,
        "title": profile.title,
        "needs": [dict(need) for need in profile.needs],
        "models": {kind: list(names) for kind, names in profile.models.items()},
        "options": dict(profile.options),
    }


def models_of(profiles: Iterable[Profile]) -> set[str]:
    """Every model that a profile names."""
    return {name for one in profiles for names in one.models.values() for name in names}
