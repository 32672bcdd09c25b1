"""Words in colours can be read: 4.5 to 1 against what is behind them, in both looks (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COLOURED = [
    *(f"status status-{colour}" for colour in ("blue", "green", "orange", "red", "secondary", "yellow")),
    *(f"badge bg-{colour}-lt" for colour in ("azure", "blue", "green", "orange", "red", "secondary", "yellow")),
    "btn btn-outline-danger",
]
# The ratio of each class, laid on the page and what is half transparent on that.
RATIOS = """classes => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const laid = (...colours) => {
        for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
        const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map(part => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const page = getComputedStyle(document.body).backgroundColor;
    return Object.fromEntries(classes.map(name => {
        const element = document.createElement("span");
        element.className = name;
        document.querySelector("main").append(element);
        const { color, backgroundColor } = getComputedStyle(element);
        const both = [laid(page, backgroundColor), laid(page, backgroundColor, color)];
        return [name, (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05)];
    }));
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_states_and_what_deletes_can_be_read(page: Page, server: Running, theme: str) -> None:
    page.goto(f"{server.url}/sign-in")
    page.evaluate("theme => document.documentElement.setAttribute('data-bs-theme', theme)", theme)
    ratios = page.evaluate(RATIOS, COLOURED)
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}


def test_with_the_system_s_few_colours_the_browser_draws_what_is_ticked(signed_in: Page, server: Running) -> None:
    page, drawn_by = signed_in, "element => getComputedStyle(element).appearance"
    page.goto(f"{server.url}/account/users/invite")
    choice = page.locator("[name=role][value=lite]")
    assert choice.evaluate(drawn_by) == "none"
    page.emulate_media(forced_colors="active")
    assert choice.evaluate(drawn_by) == "auto"
