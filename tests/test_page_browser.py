"""The page in a real browser: sort, filter, hover, switch, dark, narrow, by keyboard, and alone."""

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from bench.records import Status
from tests.toy_report import report, toy
from tests.visits import listener, visit

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no chromium on this machine", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

SCRIPT, IMAGE = "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'
SCORES = {"roaf": 0.095, "lstm": 0.102, IMAGE: 0.3, SCRIPT: 0.5, "gru": 0.98}
BY_SCORE = list(SCORES)
SHORT, LONG = "copy/urnn, length 10", "copy/urnn, length 100"


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A page on five models, two with hostile names, on two tasks, one run of which failed."""
    records = [
        toy(model, seed, score + seed / 1000, task_args={"length": length}, decay=decay)
        for model, score in SCORES.items()
        for seed in (0, 1)
        for length, decay in ((10, 0.5), (100, 0.01))
    ]
    error = {"status": Status.error, "error": f"no {SCRIPT} | here", "facts": {}}
    failed = toy("gru", 2, task_args={"length": 100}, **error)
    folder = report(tmp_path_factory.mktemp("page"), *records, failed, question=f"What? {IMAGE}")
    return folder / "index.html"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def leaderboard(tab, name: str = SHORT):
    return tab.get_by_role("table", name=name, exact=True)


def models(tab) -> list[str]:
    """The models of the leaderboard as they stand, those that are shown."""
    return leaderboard(tab).locator("tbody tr:visible th").all_text_contents()


def heading(tab, name: str):
    return leaderboard(tab).get_by_role("button", name=name, exact=True)


def traces(tab) -> dict[str, object]:
    """Whether each curve is shown, by its name as plotly has it."""
    return tab.evaluate(
        "Object.fromEntries(document.getElementById('curve-plot').data"
        ".filter(trace => trace.meta !== undefined).map(trace => [trace.name, trace.visible]))"
    )


def test_a_click_sorts_by_number_then_the_other_way_then_as_it_was(browser, file):
    with visit(browser, file) as tab:
        first = models(tab)
        assert first == BY_SCORE[::-1]
        button = heading(tab, "test accuracy")
        cell = button.locator("xpath=..")
        button.click()
        assert models(tab) == BY_SCORE  # 9.55 % comes before 10.25 %
        assert cell.get_attribute("aria-sort") == "ascending"
        button.click()
        assert models(tab) == BY_SCORE[::-1]
        assert cell.get_attribute("aria-sort") == "descending"
        button.click()
        assert models(tab) == first
        assert cell.get_attribute("aria-sort") is None


def test_the_keyboard_sorts_and_switches(browser, file):
    with visit(browser, file) as tab:
        heading(tab, "test accuracy").focus()
        tab.keyboard.press("Enter")
        assert models(tab) == BY_SCORE
        tab.keyboard.press("Space")
        assert models(tab) == BY_SCORE[::-1]
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert tab.evaluate(outline) == "solid"
        tab.get_by_role("checkbox", name="lstm").focus()
        tab.keyboard.press("Space")
        assert traces(tab)["lstm"] == "legendonly"


def test_the_filter_and_the_choice_of_a_table_leave_what_fits_and_say_how_much(browser, file):
    with visit(browser, file) as tab:
        shown, boards = tab.locator("#count"), tab.locator(".board:visible")
        every, rows = boards.count(), tab.locator(".board tbody tr").count()
        assert every >= 2 and shown.text_content() == f"{rows} of {rows} rows shown"
        tab.get_by_label("Rows that contain").fill("LSTM")
        assert models(tab) == ["lstm"]
        tab.get_by_label("Table", exact=True).select_option(label=LONG)
        assert boards.count() == 1
        assert shown.text_content() == f"1 of {rows} rows shown"
        tab.get_by_label("Rows that contain").fill("nothing like it")
        assert boards.count() == 0
        tab.locator("nav summary").click()
        tab.get_by_role("link", name=SHORT, exact=True).click()
        assert boards.count() == every  # a link shows what it leads to


def test_hovering_the_heat_map_and_a_curve_shows_values(browser, file):
    with visit(browser, file) as tab:
        hover(tab, "#gradient-plot", 0.9, 0.9)
        text = tab.locator("#gradient-plot .hoverlayer").text_content()
        assert "lstm" in text and "distance 4" in text and "0.0625" in text and "-1.20" in text
        hover(tab, "#curve-plot", 0.5, None)
        text = tab.locator("#curve-plot .hoverlayer").text_content()
        assert "5 updates" in text and "2 seeds" in text
        buttons = tab.locator("#curve-plot .modebar-btn").evaluate_all(
            "all => all.map(x => x.ariaLabel)"
        )
        assert len(buttons) == 6 and not any("hare" in name or "loud" in name for name in buttons)


def hover(tab, plot: str, across: float, down: float | None) -> None:
    """Moves over the plot's area, to a marker where no height is given, and waits for a label."""
    tab.locator(plot).scroll_into_view_if_needed()
    if down is None:
        box = tab.locator(f"{plot} .points path").nth(1).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    else:
        box = tab.locator(f"{plot} .nsewdrag").bounding_box()
        x, y = box["x"] + across * box["width"], box["y"] + down * box["height"]
    tab.mouse.move(x - 3, y + 1)
    tab.mouse.move(x, y)
    tab.locator(f"{plot} .hoverlayer .hovertext").first.wait_for()


def test_a_model_is_switched_off_and_on_in_both_plots(browser, file):
    with visit(browser, file) as tab:
        rows = "document.getElementById('gradient-plot').data[0].z.length"
        assert tab.evaluate(rows) == 5
        tab.get_by_role("checkbox", name="gru").uncheck()
        assert traces(tab)["gru"] == "legendonly" and traces(tab)["lstm"] is True
        assert tab.evaluate(rows) == 4
        assert tab.locator("#shown").text_content() == "4 of 5 models shown"
        legend = tab.locator("#curve-plot .legend .traces", has_text="gru")
        legend.locator(".legendtoggle").click()
        tab.locator("#shown", has_text="5 of 5").wait_for()
        assert tab.evaluate(rows) == 5
        assert tab.get_by_role("checkbox", name="gru").is_checked()
        tab.get_by_role("button", name="none").click()
        assert set(traces(tab).values()) == {"legendonly"}
        tab.get_by_role("button", name="all").click()
        assert set(traces(tab).values()) == {True}


def test_task_quantity_scale_and_stage_can_be_chosen(browser, file):
    with visit(browser, file) as tab:
        axis = "document.getElementById('curve-plot').layout.yaxis"
        assert tab.evaluate(f"[{axis}.title.text, {axis}.type]") == [
            "validation accuracy",
            "linear",
        ]
        tab.get_by_label("Quantity").select_option("train_loss")
        assert tab.evaluate(f"[{axis}.title.text, {axis}.type]") == ["training loss", "log"]
        tab.get_by_label("logarithmic").uncheck()
        assert tab.evaluate(f"{axis}.type") == "linear"
        corner = "document.getElementById('gradient-plot').data[0].z[0][3]"
        assert tab.evaluate(corner) == pytest.approx(-1.204, abs=1e-3)  # 0.5 ** 4
        section = tab.locator("#gradient-section")
        section.get_by_label("Task").select_option(label=LONG)
        assert tab.evaluate(corner) == pytest.approx(-8)  # 0.01 ** 4
        section.get_by_label("When").select_option(label="after 10 updates")
        section.get_by_text("The same as a table").click()
        assert section.get_by_role("cell", name="-8.00").count() == 5


def test_the_plots_follow_the_dark_page_when_it_changes(browser, file):
    ground = "document.getElementById('{}').layout.paper_bgcolor"
    with visit(browser, file, color_scheme="dark") as tab:
        page = "getComputedStyle(document.body).backgroundColor"
        assert tab.evaluate(page) == "rgb(20, 23, 27)"
        assert tab.evaluate(ground.format("curve-plot")) == "#14171b"
        tab.emulate_media(color_scheme="light")
        assert tab.evaluate(page) == "rgb(255, 255, 255)"
        tab.wait_for_function(ground.format("gradient-plot") + " === '#fff'")


def test_a_phone_scrolls_the_tables_and_not_the_page(browser, file):
    with visit(browser, file, viewport={"width": 390, "height": 844}, has_touch=True) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        box = tab.get_by_role("region", name=SHORT, exact=True)
        assert box.evaluate("box => box.scrollWidth > box.clientWidth")
        plot = tab.locator("#curve-plot .main-svg").first.bounding_box()
        assert plot["x"] >= 0 and plot["x"] + plot["width"] <= 390


def test_hostile_names_are_shown_as_they_are(browser, file):
    with visit(browser, file) as tab:
        assert tab.locator("img").count() == 0
        for name in (SCRIPT, IMAGE):
            assert tab.get_by_role("checkbox", name=name).count() == 1
            assert tab.locator("#curve-plot .legendtext", has_text=name).count() == 1
            assert tab.locator("#gradient-plot .yaxislayer-above", has_text=name).count() == 1
        assert tab.locator("#failed-caption").count() == 1
        assert tab.get_by_role("cell", name=f"no {SCRIPT} | here").count() == 1


def test_the_policy_stops_requests_and_foreign_scripts(browser, file):
    context = browser.new_context()
    tab, blocked = context.new_page(), []
    tab.goto(file.as_uri())
    tab.expose_function("blocked", lambda directive: blocked.append(directive))
    with listener() as (address, asked):
        tab.evaluate(ESCAPES, address)
    assert {"connect-src", "img-src", "script-src-elem", "frame-src"} <= set(blocked)
    assert tab.evaluate("window.ran === undefined")
    assert asked == []
    context.close()


ESCAPES = """async (address) => {
  const tell = (event) => blocked(event.effectiveDirective);
  document.addEventListener("securitypolicyviolation", tell);
  const add = (name, values) => {
    document.body.append(Object.assign(document.createElement(name), values));
  };
  await fetch(address).catch(() => 0);
  add("img", { src: address });
  add("script", { text: "window.ran = 1" });
  add("iframe", { src: address });
  await new Promise((done) => setTimeout(done, 300));
}"""
"""What a script would do to reach another place."""


def test_without_scripts_there_are_plain_tables_and_the_figures(browser, file):
    with visit(browser, file, java_script_enabled=False) as tab:
        assert leaderboard(tab).is_visible() and models(tab) == BY_SCORE[::-1]
        assert tab.locator(".board thead button").count() == 0
        assert not tab.locator("#filters").is_visible()
        assert not tab.locator("#explorer").is_visible()
        assert tab.locator("figure svg:visible").count() > 0
        assert tab.get_by_text("need JavaScript").is_visible()


def test_a_screen_reader_finds_its_way(browser, file):
    with visit(browser, file) as tab:
        levels = tab.evaluate(
            "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))"
        )
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(below - above <= 1 for above, below in pairwise(levels))
        for landmark in ("main", "navigation"):
            assert tab.get_by_role(landmark).count() == 1
        nameless = (
            "all => all.filter(each => !(each.labels?.length || each.ariaLabel ||"
            " each.textContent.trim())).map(each => each.outerHTML)"
        )
        assert tab.locator("input, select, main button").evaluate_all(nameless) == []
        assert tab.locator("main table:not(:has(caption))").count() == 1  # that of the heat map
        assert tab.locator("main th:not([scope])").count() == 0
        assert tab.locator(".scroll:not([tabindex='0'])").count() == 0
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.textContent") == "Skip to what was found"
