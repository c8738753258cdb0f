"""The agent that runs on this computer, as the commands speak with it."""

from typing import TYPE_CHECKING

from agent.terminal import DataDir

if TYPE_CHECKING:
    from agent.client.sync import Agent


def local_agent(data_dir: DataDir) -> "Agent":
    from agent.client.sync import Agent  # slow import

    return Agent.local(data_dir)
