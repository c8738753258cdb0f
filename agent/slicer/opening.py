"""Builds the parts that read the slicer's files and speak to printers, and their routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from quart import Blueprint

from agent.images.service import ImageService
from agent.inference.backends import Backends
from agent.models.service import ModelService
from agent.runs.service import RunService
from agent.settings import Settings
from agent.shared.clock import Clock, NewId
from agent.shared.database import Database
from agent.shared.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Needs:
    """What the slicer's parts are given by the rest of the agent."""

    settings: Settings
    database: Database
    runs: RunService
    images: ImageService
    models: ModelService
    backends: Backends
    secrets: Secrets
    clock: Clock
    new_id: NewId


@dataclass(frozen=True, slots=True)
class SlicerParts:
    """What the agent registers and runs."""

    blueprints: tuple[Blueprint, ...] = ()


@asynccontextmanager
async def open_slicer(needs: Needs) -> AsyncIterator[SlicerParts]:
    """Opens every part in the order in which they need each other; closes them in reverse."""
    del needs
    yield SlicerParts()
