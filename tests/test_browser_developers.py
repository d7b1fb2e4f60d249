"""Cutting and revoking a key before a real browser: with htmx, and as plain forms without script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from browsing_steps import Flows, OpenPage, Steps, both_ends, press, said
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from browsing import House

pytest_plugins = ["browsing"]

KINDS = ("htmx", "plain")

FLOWS = Flows()


@pytest.mark.parametrize("kind", KINDS)
def test_new_key_is_seen_once(open_page: OpenPage, house: House, kind: str) -> None:
    page = open_page(kind, "bob")
    page.goto("/dashboard/developers")
    page.get_by_label("Whom is it for?").fill("A reader in Leeds")
    page.get_by_label("What may it do?").select_option("Read and write posts")
    press(page, "Cut a key")

    field = page.get_by_role("textbox", name="Your new key")
    expect(field).to_have_value(re.compile(r"^hd_[0-9A-Za-z]{10}_[0-9A-Za-z]{38}$"))
    expect(field).to_be_focused()
    expect(field).not_to_be_editable()
    expect(field).to_have_accessible_description(re.compile("You see it once"))
    expect(page.get_by_label("Whom is it for?")).to_have_value("")
    page.goto("/dashboard/developers")
    expect(field).to_have_count(0)
    expect(page.locator(".row", has_text="A reader in Leeds")).to_contain_text("posts:read, posts:write")
    assert house.query("SELECT count(*) FROM api_key") == [(2,)]


@pytest.mark.parametrize("kind", KINDS)
def test_sending_the_form_of_a_key_again_shows_no_key(open_page: OpenPage, house: House, kind: str) -> None:
    page = open_page(kind, "bob")
    page.goto("/dashboard/developers")
    page.get_by_label("Whom is it for?").fill("A reader in Leeds")
    form = page.locator("#api_keys-create_key")
    fields = {name: form.locator(f"[name={name}]").input_value() for name in ("name", "scope")}
    address = form.get_attribute("action")
    press(page, "Cut a key")
    expect(page.get_by_role("textbox", name="Your new key")).to_be_visible()
    own = {"Origin": house.server.url, "Sec-Fetch-Site": "same-origin"}

    again = page.context.request.post(address, form=fields, headers=own).text()

    assert "is cut" in again
    assert "Your new key" not in again
    assert house.query("SELECT count(*) FROM api_key") == [(2,)]


@FLOWS.by("ada")
def revoking_a_key(page: Page) -> None:
    page.goto("/dashboard/developers")
    press(page, "Revoke “The demo’s partner”")

    said(page, "The key “The demo’s partner” is revoked.")
    expect(page.locator(".row", has_text="The demo’s partner")).to_contain_text("revoked")


@pytest.mark.parametrize(("person", "steps"), FLOWS)
def test_htmx_and_plain_form_end_alike(house: House, open_page: OpenPage, person: str, steps: Steps) -> None:
    with_htmx, as_plain_form = both_ends(house, open_page, person, steps)

    assert with_htmx == as_plain_form


def test_nothing_is_wider_than_a_phone(open_page: OpenPage) -> None:
    page = open_page("htmx", "ada")
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto("/dashboard/developers")
    page.get_by_role("link", name="Payload").last.click()
    expect(page.locator("pre")).to_have_count(1)

    assert page.evaluate("document.documentElement.scrollWidth") == 360
