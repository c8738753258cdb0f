"""What the hub says when it does not answer a question: its own sentences name the reason."""

from agent.inference.openai_failures import Failures
from agent.shared.errors import Denied, NotFound, OrcaError, Unavailable
from agent.team.keys import ended

OF_QUOTAS = "quota_exceeded"


class HubFailures(Failures):
    """A quota that is used up is not tried again, unlike a server that is busy."""

    def from_error(self, error: object, status: int, model: str) -> OrcaError:
        told = error if isinstance(error, dict) else {}
        sentence, code = told.get("message"), told.get("code")
        if status == 401:
            return ended()
        if isinstance(sentence, str) and code == OF_QUOTAS:
            return Unavailable("team-quota", f"The hub says: {sentence}", model=model)
        if isinstance(sentence, str) and status == 403:
            return Denied("not-allowed-here", f"The hub says: {sentence}", model=model)
        return super().from_error(error, status, model)

    def no_model(self, model: str) -> OrcaError:
        """The hub lists what is open to who is signed in, and nothing else."""
        return NotFound(
            "model-not-found",
            f"The hub of your team has no model called {model}, or it is not open to your groups. "
            "Ask an Administrator.",
            model=model,
        )

    def down(self, url: str) -> Unavailable:
        return Unavailable("backend-down", f"The hub at {url.removesuffix('/v1')} does not answer.")
