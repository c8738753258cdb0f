"""Forms that say what is wrong in the page's own words, and what is told over no button."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from tests.fakes.ollama import FakeOllama
from tests.hub.serving import PASSWORD, Served, running_hub

from .conftest import NewDesk
from .desk import MARKS

pytestmark = MARKS
REFUSED = "status of 422"


async def test_somebody_can_be_added_while_the_last_one_is_still_told(
    hub: Served, new_desk: NewDesk
) -> None:
    desk = await new_desk(hub.url, viewport={"width": 1280, "height": 800})
    await desk.sign_in("ada")
    await desk.open("users")

    for name in ("dora", "emil"):
        await desk.page.get_by_test_id("add-user").click()
        await desk.dialog.get_by_label("Name to sign in with").fill(name)
        await expect(desk.dialog).to_contain_text("At least 12 characters")
        await desk.dialog.get_by_label("Password").fill(PASSWORD)
        await desk.press("Add")
        await desk.told(f"{name} has an account")
        await desk.page.get_by_test_id("add-user").click(trial=True)

    await expect(desk.page.get_by_test_id("toast")).to_have_count(2)


async def test_an_address_that_cannot_be_is_said_at_its_field(
    hub: Served, new_desk: NewDesk
) -> None:
    desk = await new_desk(hub.url)
    desk.watch.allow(REFUSED)
    await desk.sign_in("ada")
    await desk.open("providers")
    await desk.page.get_by_test_id("add-provider").click()
    await desk.dialog.get_by_label("Name", exact=True).fill("workshop")
    address = desk.dialog.get_by_label("Address")
    await address.fill("file:///etc/passwd")

    await desk.press("Add")

    said = desk.dialog.get_by_role("alert")
    await expect(said).to_have_text(
        "Address: An address of Ollama begins with http:// or https://."
    )
    await expect(address).to_be_focused()
    await expect(address).to_have_attribute("aria-invalid", "true")
    assert await desk.faults() == []
    await address.fill("http://127.0.0.1:9")
    await expect(address).not_to_have_attribute("aria-invalid", "true")


async def test_models_of_a_new_server_are_listed_at_once_and_one_that_is_away_is_said_once(
    hub: Served, new_desk: NewDesk
) -> None:
    async with FakeOllama() as first, FakeOllama() as second:
        first.add_model("qwen3:4b", capabilities=["completion"])
        second.add_model("gemma3:4b", capabilities=["completion"])
        desk = await new_desk(hub.url)
        await desk.sign_in("ada")
        await desk.open("providers")
        for name, url in (("one", first.url), ("two", second.url), ("gone", "http://127.0.0.1:9")):
            await desk.page.get_by_test_id("add-provider").click()
            await desk.dialog.get_by_label("Name", exact=True).fill(name)
            await desk.dialog.get_by_label("Address").fill(url)
            await desk.press("Add")
            await expect(desk.dialog).to_have_count(0)
        models = desk.page.get_by_role("row")
        await expect(models.filter(has_text="gemma3:4b")).to_contain_text("two")
        gone = desk.page.locator("[data-testid=provider][data-name=gone]")
        await gone.get_by_role("button", name="Test gone").click()
        await expect(gone.get_by_test_id("provider-tested")).to_contain_text("does not answer")
        await expect(gone.get_by_text("does not answer")).to_have_count(1)
        assert await desk.faults() == []

        await desk.page.get_by_role("button", name="Change two").click()
        place = desk.dialog.get_by_label("Where it is")
        await expect(place).to_have_value("auto")
        await place.select_option("cloud")
        await desk.press("Save")
        two = desk.page.locator("[data-testid=provider][data-name=two]")
        await expect(two.get_by_text("cloud", exact=True)).to_be_visible()
        await desk.page.get_by_role("button", name="Change two").click()
        await expect(place).to_have_value("cloud")
        await place.select_option("auto")
        await desk.press("Save")
        await expect(two.get_by_text("cloud", exact=True)).to_have_count(0)

        ada = await hub.signed_in("ada")
        for one in (await ada.get("/providers")).json()["items"]:
            await ada.delete(f"/providers/{one['id']}")


async def test_a_quota_without_a_limit_is_not_sent_and_one_for_a_person_finds_the_right_one(
    hub: Served, new_desk: NewDesk
) -> None:
    ada = await hub.signed_in("ada")
    ids = {}
    for name in ("alex.n", "alex.s"):
        body = {"name": name, "display_name": "Alex", "password": PASSWORD}
        ids[name] = (await ada.post("/users", json=body)).json()["id"]
    desk = await new_desk(hub.url)
    await desk.sign_in("ada")
    await desk.open("quotas")
    await desk.page.get_by_test_id("add-quota").click()
    await desk.press("Add")
    requests = desk.dialog.get_by_label("Requests")
    told = await requests.evaluate("one => one.validationMessage")

    await desk.dialog.get_by_label("Holds for").select_option("user")
    people = desk.dialog.get_by_test_id("person-choice")
    await people.get_by_role("searchbox").fill("alex")
    await expect(people.get_by_role("radio")).to_have_count(2)
    await people.get_by_label(re.compile(r"alex\.s")).check()
    assert await desk.faults() == []
    await requests.fill("50")
    await desk.press("Add")

    await expect(desk.page.get_by_test_id("quota")).to_contain_text("50 requests a day")
    kept = (await ada.get("/quotas")).json()["items"]
    assert told == "Say at least one limit."
    assert [(one["subject"], one["requests"]) for one in kept] == [(ids["alex.s"], 50)]
    await ada.delete(f"/quotas/{kept[0]['id']}")


@pytest.mark.parametrize("width", [1280, 320])
async def test_what_is_told_stands_inside_the_page(
    hub: Served, new_desk: NewDesk, width: int
) -> None:
    desk = await new_desk(hub.url, viewport={"width": width, "height": 640})
    await desk.sign_in("bob")
    await desk.open("account")
    name = desk.page.get_by_label("Name that others see")
    await name.fill("Bob the second of his name, and a long one")
    await name.press("Enter")

    toast = desk.page.get_by_test_id("toast")
    await expect(toast).to_be_visible()

    box = await toast.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert await desk.faults() == []


async def test_what_is_ticked_counts_though_the_dialog_is_closed_before_the_answer(
    hub: Served, new_desk: NewDesk
) -> None:
    ada = await hub.signed_in("ada")
    made = (await ada.post("/groups", json={"name": "night shift"})).json()
    desk = await new_desk(hub.url)
    await desk.sign_in("ada")
    await desk.open("groups")
    group = desk.page.locator("[data-testid=group][data-name='night shift']")
    is_closed = asyncio.Event()

    async def late(route: Route) -> None:
        await is_closed.wait()
        await (route.continue_() if route.request.method == "PUT" else route.abort())

    await desk.page.route("**/groups/*/members/*", late)
    for ticked, said in ((True, "1 member: "), (False, "Not done for night shift")):
        is_closed.clear()
        await group.get_by_role("button", name="Members of").click()
        await desk.dialog.locator("li").filter(has_text="ada").get_by_role("checkbox").click()
        await desk.dialog.get_by_role("button", name="Close").last.click()
        await expect(desk.dialog).to_have_count(0)
        is_closed.set()
        await (expect(group).to_contain_text(said) if ticked else desk.told(said))

    desk.watch.allow_lost_connections()
    await desk.page.unroute("**/groups/*/members/*")
    await ada.delete(f"/groups/{made['id']}")


async def test_names_stay_whole_where_it_is_narrow_and_details_have_room(
    hub: Served, new_desk: NewDesk
) -> None:
    ada = await hub.signed_in("ada")
    made = (await ada.post("/groups", json={"name": "engineering"})).json()
    desk = await new_desk(hub.url, viewport={"width": 320, "height": 640})
    await desk.sign_in("ada")
    await desk.open("groups")
    group = desk.page.locator("[data-testid=group][data-name=engineering]")
    lines = await group.locator(".name").evaluate("one => one.getClientRects().length")
    await desk.open("audit")
    entry = desk.page.locator("[data-testid=audit-entry][data-action='group.add']")
    details = await entry.first.locator("td").last.bounding_box()
    await desk.open("settings")
    tick = await desk.page.get_by_label("Only what is set").bounding_box()

    await ada.delete(f"/groups/{made['id']}")
    assert details is not None
    assert tick is not None
    assert lines == 1
    assert details["width"] > 200
    assert tick["width"] < 30


@pytest.mark.parametrize("width", [320, 1440])
async def test_one_long_name_leaves_the_table_of_people_its_room(
    hub: Served, new_desk: NewDesk, width: int
) -> None:
    ada = await hub.signed_in("ada")
    long = {"name": "longest", "display_name": "x" * 200, "role": "user", "password": PASSWORD}
    made = await ada.post("/users", json=long)
    assert made.status_code == 201, made.text
    desk = await new_desk(hub.url, viewport={"width": width, "height": 640})
    await desk.sign_in("ada")
    await desk.open("users")
    row = desk.page.locator("[data-testid=user][data-name=longest]")
    name = await row.locator(".name").bounding_box()
    faults = await desk.faults()

    await ada.delete(f"/users/{made.json()['id']}")
    assert name is not None
    assert name["width"] <= min(0.6 * width, 24 * 16) + 1
    assert faults == []


async def test_where_only_an_emergency_lets_passwords_in_the_page_says_so(
    tmp_path: Path, new_desk: NewDesk
) -> None:
    async with running_hub(tmp_path / "data", local_login="break-glass") as served:
        desk = await new_desk(served.url)
        await desk.page.goto(f"{served.url}/")

        await expect(desk.page.get_by_test_id("emergency")).to_contain_text("for an emergency")
        await desk.leave()
