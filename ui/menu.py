"""The menu of the icon: which lines it has, by what is known."""

from dataclasses import dataclass

from ui.rules import Seen, State, state_of
from ui.shell import Act, Entry, Look
from ui.words import Words

LONGEST_TIP = 100  # Windows cuts them at 127


@dataclass(frozen=True, slots=True)
class Acts:
    """What the lines do."""

    open: Act
    new: Act
    models: Act
    held: Act
    pause: Act
    autostart: Act
    start: Act
    log: Act
    quit: Act
    quit_stop: Act


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known. `autostart` is None while nobody has said."""

    now: Seen | None
    is_starting: bool
    has_log: bool
    autostart: bool | None


def look(words: Words, acts: Acts, facts: Facts) -> Look:
    """The icon and the menu for these facts."""
    now = facts.now
    state = state_of(now, is_starting=facts.is_starting)
    count = len(now.held) if now else 0
    said = words(f"state-{state.value}", count=count)
    if state in {State.READY, State.WORKING} and now and now.model:
        said = f"{said} · {now.model}"
    runs = now is not None
    held = words("held-count", count=count) if count else words("held")
    entries = [
        Entry(said, is_enabled=False),
        Entry(),
        Entry(words("open"), acts.open),
        Entry(words("new"), acts.new, is_enabled=runs),
        Entry(words("models"), acts.models, is_enabled=runs),
        Entry(held, acts.held, is_enabled=runs),
        Entry(),
        Entry(words("pause"), acts.pause, bool(now and now.is_paused), is_enabled=runs),
        Entry(
            words("autostart"),
            acts.autostart,
            facts.autostart is True,
            is_enabled=runs and facts.autostart is not None,
        ),
        *([] if runs else _without_agent(words, acts, facts)),
        Entry(),
        Entry(words("quit"), acts.quit),
        Entry(words("quit-stop"), acts.quit_stop, is_enabled=runs),
    ]
    tip = f"{words('name')}: {said}"[:LONGEST_TIP]
    return Look(state, count, tip, tuple(entries))


def _without_agent(words: Words, acts: Acts, facts: Facts) -> list[Entry]:
    """What helps where none answers; the log is of use while one starts, too."""
    return [
        Entry(),
        Entry(words("start"), acts.start, is_enabled=not facts.is_starting),
        *([Entry(words("log"), acts.log)] if facts.has_log else []),
    ]
