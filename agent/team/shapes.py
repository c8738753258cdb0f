"""What the routes of the team take and say."""

from typing import Literal

from pydantic import Field, StrictBool

from agent.shared import web


class LoginIn(web.In):
    """`open`: in the browser of this computer."""

    url: str = Field(min_length=1, max_length=500, description="Address of the hub.")
    how: Literal["browser", "device"] = "browser"
    machine_name: str = Field(default="", max_length=200)
    ca_file: str | None = Field(default=None, min_length=1, max_length=1000)
    open: StrictBool = False


class TeamMachine(web.Out):
    id: str
    name: str


class TeamLogin(web.Out):
    """Open `address`; with a code, see that the page shows the same one."""

    how: Literal["browser", "device"]
    address: str
    user_code: str | None
    expires_at: str


class TeamModel(web.Out):
    """`is_cloud`: in a cloud alone."""

    name: str
    is_cloud: bool


class TeamPolicy(web.Out):
    """What the hub allows. Without `cloud` no text leaves the house."""

    cloud: bool
    models: list[str]
    providers: list[str]


class TeamOut(web.Out):
    """The hub that this agent belongs to. `ended`: it threw this machine out."""

    state: Literal["off", "waiting", "on", "ended"]
    url: str | None
    machine: TeamMachine | None
    account: str | None
    connected_at: str | None
    key_place: str | None
    login: TeamLogin | None
    problem: str | None
    problem_code: str | None
    backend: str | None
    is_up: bool
    models: list[TeamModel]
    policy: TeamPolicy | None
