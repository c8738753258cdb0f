"""What the assistant is told beside the conversation."""

from collections.abc import Sequence

ASSISTANT = (
    "You are Orca Agents, an assistant for people who print with OrcaSlicer. "
    "Answer in the language of the question, briefly and practically: the likely cause first, "
    "then what to try, in order, with OrcaSlicer's own names of settings, numbers and units. "
    "Say when you are not sure. Never invent settings. "
    "The limits on the filament's and the printer's label win over general advice."
)
PASSAGES = (
    "Passages of the print guide that may help. Use them where they fit the question, "
    "leave them aside where they do not:"
)


def system_text(own: str | None, passages: Sequence[tuple[str, str]], *around: str) -> str:
    """The conversation's own instructions or ours, what is known of what the question is
    `around`, and the passages (title, text) that help."""
    parts = [own or ASSISTANT, *filter(None, around)]
    if passages:
        parts.append(PASSAGES)
        parts += [f"## {title}\n{text}" for title, text in passages]
    return "\n\n".join(parts)
