"""What whoever operates the hub has to know stands where they look first."""

from pathlib import Path

import pytest
from playwright.async_api import expect
from sqlalchemy import text

from hub.audit.retention import cut_off
from tests.hub.oidc import Trusting, trusting_hub

from .conftest import NewDesk
from .desk import MARKS, Desk

pytestmark = MARKS


@pytest.mark.parametrize(("locale", "width"), [("en-GB", 1280), ("de-DE", 320)])
async def test_the_overview_tells_of_sign_ins_without_groups_and_of_a_broken_log(
    tmp_path: Path, new_desk: NewDesk, locale: str, width: int
) -> None:
    async with trusting_hub(tmp_path) as oidc:
        await oidc.sign_in("00u-bob", preferred_username="bob")
        await spoil(oidc)
        desk = await new_desk(oidc.hub.url, locale=locale, viewport={"width": width, "height": 800})
        await signed_in(desk, "overview")
        unclear = desk.page.get_by_test_id("groups-unclear")
        await expect(unclear).to_be_visible()
        await expect(desk.page.get_by_test_id("audit-broken")).to_be_visible()
        said = await unclear.inner_text()
        faults, wide = await desk.faults(), await desk.too_wide()
        await unclear.get_by_role("link").click()
        await expect(desk.shown("logins")).to_be_visible()
        await desk.leave()

    assert said.startswith("1 sign-in of" if locale == "en-GB" else "1 Anmeldung der")
    assert (faults, wide) == ([], None)


async def test_pages_of_jobs_and_audit_say_who_did_it_and_where_the_log_begins(
    tmp_path: Path, new_desk: NewDesk
) -> None:
    async with trusting_hub(tmp_path) as oidc:
        core = oidc.hub.hub.core
        oidc.clock.passes(days=40)
        async with core.database.writing() as connection:
            await cut_off(connection, core.audit, 0, core.clock())
        ada = await oidc.hub.signed_in("ada")
        await ada.post("/jobs", json={"name": "jobs.forget"})
        worker = oidc.hub.hub.jobs.work.doer
        desk = await new_desk(oidc.hub.url, viewport={"width": 1280, "height": 800})
        await signed_in(desk, "jobs")
        name = f"{worker.host}, process {worker.process}"
        done = desk.page.locator("[data-testid=job][data-name='jobs.forget']").first
        await expect(done).to_contain_text(f"by {name}")
        await expect(desk.page.get_by_test_id("worker")).to_contain_text(name)
        await desk.open("audit")
        await desk.page.get_by_test_id("check-chain").click()
        await expect(desk.page.get_by_test_id("chain")).to_contain_text("whole from entry")
        wide = await desk.too_wide()
        await desk.leave()

    assert wide is None


async def signed_in(desk: Desk, page: str) -> None:
    """In any language, and on a page."""
    await desk.page.goto(f"{desk.url}/#/{page}")
    await desk.page.evaluate(
        """async () => { const said = await fetch("/api/v1/auth/login", { method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ username: "ada", password: "four words make one" }) });
        if (!said.ok) throw new Error(await said.text()); }"""
    )
    await desk.page.reload()
    await expect(desk.shown(page)).to_be_visible()


async def spoil(oidc: Trusting) -> None:
    """The log, and the hub has looked at it."""
    core, jobs = oidc.hub.hub.core, oidc.hub.hub.jobs
    async with core.database.writing() as connection:
        await connection.execute(text("DROP TRIGGER audit_no_change"))
        await connection.execute(text("UPDATE audit SET actor = 'eve' WHERE number = 1"))
    job = await jobs.jobs.run_now("audit.check")
    await jobs.work.do(job["id"])
