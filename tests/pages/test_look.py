"""How every page looks and can be used: axe-core, sizes, colours, words, keyboard, and names that mean harm."""

import re
from collections import Counter

import httpx
import pytest

from own_places import SIGNED_IN
from places import HOSTILE_NAMES, LOGO, House, on_the_way_in, signed_in, walk, where_things_go_wrong
from support import TOOLS, Service
from windows import Window

PHONE, DESKTOP, NARROW = {"width": 360, "height": 780}, {"width": 1280, "height": 900}, {"width": 320, "height": 640}
MODES = {
    "desktop-light": {"viewport": DESKTOP, "color_scheme": "light"},
    "desktop-dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone-light": {"viewport": PHONE, "color_scheme": "light", "has_touch": True},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark", "reduced_motion": "reduce"},
    "large-text": {"viewport": NARROW},
    "forced-colours": {"viewport": DESKTOP, "forced_colors": "active"},
    "german": {"viewport": PHONE, "locale": "de-DE"},
    "no-script": {"viewport": PHONE, "java_script_enabled": False},
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What a page is made of, by name; how many times there are depends on what has happened so far.
ELEMENTS = "() => [...document.body.querySelectorAll(':not(time)')].map(element => element.localName)"
# Every text and every attribute that is shown or read out, but for code and what people are called.
WORDS = """() => {
  const words = [document.title.split(" · ")[0]];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest("code, pre, bdi, small, .brand")) words.push(walker.currentNode.data);
  }
  for (const element of document.querySelectorAll("[aria-label], [title], [alt], [data-label]")) {
    for (const name of ["aria-label", "title", "alt", "data-label"]) words.push(element.getAttribute(name) || "");
  }
  return words.map(text => text.trim()).filter(text => /\\p{L}{2}/u.test(text) && !text.startsWith("https://"));
}"""
# The same in both languages.
NAMES = {
    "(RFC 8414)", "App", "Apps", "Caddy", "Envoy", "HAProxy", "Name", "Passkeys", "Person", "Python · FastMCP",
    "Rust · rmcp", "Software", "Traefik",
    "TypeScript · MCP SDK", "nginx", "Code: FastMCP", "Code: TypeScript", "Code: rmcp",
}  # fmt: skip
# What a finger has to hit; a link within a sentence is as high as its line (WCAG 2.2, 2.5.8).
SMALL_TARGETS = """() => [...document.querySelectorAll("button, input:not([type=hidden]), select, summary, .button, nav a")]
  .filter(target => target.checkVisibility() && !target.closest("label.check") && target.getBoundingClientRect().height < 44)
  .map(target => `${target.outerHTML} ${target.getBoundingClientRect().height}`)"""
# Of several radio buttons of one name the one that is chosen is the stop.
FOCUSABLE = "a[href], button, input:not([type=hidden], [type=radio]:not(:checked)), select, textarea, summary, [tabindex='0']"


def opened(house, chromium, mode):
    window = Window(chromium, house.service, **MODES[mode])
    ours = (house.service.issuer + "/", house.new.issuer + "/", house.listens, "data:")
    window.page.on("response", lambda answer: check_answer(window, answer))
    window.check = lambda url: url.startswith(ours) or window.wrong.append(f"a request to {url}")
    return window


def check_page(window, mode, name):
    page = window.page
    assert re.search(r"^\w", page.title()), name
    assert page.locator("html").get_attribute("lang") == ("de" if mode == "german" else "en")
    if mode == "large-text":
        page.evaluate("document.documentElement.style.fontSize = '200%'")
    if mode != "no-script":
        small = page.evaluate(SMALL_TARGETS)
        assert not small, f"{name}: {small}"
    window.shot(f"{mode}/{name}")


def check_answer(window, answer):
    """Pages may refuse; what they are made of is there."""
    if answer.status >= 400 and answer.request.resource_type != "document":
        window.wrong.append(f"{answer.status} for {answer.url}")


def check_console(window):
    """That pages of errors have their status is the only thing that the console may have to say."""
    said = [wrong for wrong in window.wrong if not re.search(r"status of (400|401|403|404|422|429|503) ", wrong)]
    assert not said, said


def axe(page):
    """What axe-core finds. It is run by the debugger, so that the page keeps its policy."""
    page.evaluate((TOOLS / "npm" / "node_modules" / "axe-core" / "axe.min.js").read_text())
    result = page.evaluate("rules => axe.run({ runOnly: { type: 'tag', values: rules } })", RULES)
    assert len(result["passes"]) > 10, "axe-core has looked at nothing"
    return [(found["id"], node["html"], node["failureSummary"]) for found in result["violations"] for node in found["nodes"]]


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.close()


@pytest.mark.parametrize("mode", MODES)
def test_every_page_fits_and_axe_finds_nothing(house, chromium, mode):
    window, found, seen = opened(house, chromium, mode), [], []
    for name in walk(house, window.page):
        check_page(window, mode, name)
        if mode != "no-script":
            found += [(name, *one) for one in axe(window.page)]
        seen.append(name)
    assert not found, "\n".join(map(str, found))
    assert len(seen) == len(set(seen)) >= 20 + len(SIGNED_IN)
    check_console(window)


def test_names_that_mean_harm_do_none(tmp_path, chromium):
    logo = tmp_path / "logo.svg"
    logo.write_text(LOGO)
    settings = {
        "owner": "w" * 64,
        "resource": "https://" + "wiki." * 20 + "example.org/" + "team" * 30,
        "brand_name": "The Library of the Society for Unusually Long Names, Branch",
        "brand_colour": "#ffe000",
        "brand_logo": str(logo),
        "brand_text": ("<b>Sign in</b> with your library card. " * 7).strip(),
        "brand_support": "https://help.example.org/" + "question" * 20,
    }
    house = House(tmp_path, HOSTILE_NAMES, **settings)
    try:
        for mode in ["phone-light", "desktop-dark", "large-text"]:
            window, found = opened(house, chromium, mode), []
            # Without the set-up: that can be done once.
            parts = [on_the_way_in, where_things_go_wrong, signed_in]
            for name in (name for part in parts for name in part(house, window.page)):
                check_page(window, mode, f"hostile-{name}")
                found += [(name, *one) for one in axe(window.page)]
                if name.startswith("consent"):
                    check_consent(window.page)
            assert not found, "\n".join(map(str, found))
            check_console(window)
    finally:
        house.close()


def check_consent(page):
    """Whatever an app calls itself: no markup of its own, no letter that turns others, and yes as large as no."""
    assert page.locator("main b, main script, main img").count() == 0
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b]", page.locator("body").inner_text())
    deny, allow = (page.locator(f"[value={answer}]").bounding_box() for answer in ["deny", "allow"])
    assert (deny["width"], deny["height"]) == (allow["width"], allow["height"])
    assert page.locator(".destination .huge").is_visible()
    # Not even marks that are stacked up may reach out of the line that is theirs.
    heading, next_one = page.locator("h1").bounding_box(), page.locator(".lead").bounding_box()
    assert heading["y"] + heading["height"] <= next_one["y"] + 1


def test_no_english_is_left_in_german(tmp_path, chromium):
    said = {}
    for language in ["en-GB", "de-DE"]:
        (tmp_path / language).mkdir()
        house = House(tmp_path / language)
        try:
            window = Window(chromium, house.service, locale=language)
            look = lambda: (window.page.evaluate(WORDS), Counter(window.page.evaluate(ELEMENTS)))
            said[language] = {name: look() for name in walk(house, window.page)}
        finally:
            house.close()
    assert said["en-GB"].keys() == said["de-DE"].keys()
    for name, (words, elements) in said["en-GB"].items():
        german, german_elements = said["de-DE"][name]
        assert not set(words) & set(german) - NAMES, name
        # A sentence with a value in its middle may be two texts in one language and one in the other.
        assert german_elements == elements, name


def test_the_keyboard_goes_through_every_page_in_the_order_of_what_is_seen(house, chromium):
    window = opened(house, chromium, "desktop-light")
    page = window.page
    for name in walk(house, page):
        count = page.evaluate(
            """selector => {
              window.stops = [...document.querySelectorAll(selector)].filter(stop => stop.checkVisibility());
              return stops.length;
            }""",
            FOCUSABLE,
        )
        reached, last = [], None
        # Once around: some pages begin at their first field, and one stop is the browser's own.
        for _ in range(count + 1):
            page.keyboard.press("Tab")
            stop = page.evaluate(
                """() => {
                  const [at, style] = [document.activeElement.getBoundingClientRect(), getComputedStyle(document.activeElement)];
                  return { index: stops.indexOf(document.activeElement), top: at.top + scrollY, bottom: at.bottom + scrollY,
                           outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth) };
                }"""
            )
            if stop["index"] <= 0:
                last = None
            if stop["index"] < 0:
                continue
            assert stop["outline"] >= 2, f"{name}: the focus on {stop} cannot be seen"
            assert last is None or stop["bottom"] > last["top"], f"{name}: {stop} after {last}"
            last = stop
            reached.append(stop["index"])
        reached = reached[:count]
        first = reached.index(0) if count else 0
        assert reached[first:] + reached[:first] == list(range(count)), f"{name}: {reached}"


def test_the_operators_look_is_on_every_page(tmp_path, chromium):
    logo = tmp_path / "logo.svg"
    logo.write_text(LOGO)
    settings = {"brand_name": "Library", "brand_colour": "#7a1f6b", "brand_logo": str(logo)}
    settings |= {"brand_text": "With the account of your library card.", "brand_support": "desk@example.org"}
    house = House(tmp_path, **settings)
    try:
        window = opened(house, chromium, "desktop-light")
        page, host = window.page, house.service.issuer.removeprefix("http://")
        for name in walk(house, page):
            assert page.title().endswith(" · Library"), name
            assert page.locator(".brand img").evaluate("image => image.naturalWidth > 0"), name
            button = page.locator(".primary")
            if button.count():
                colour = button.first.evaluate("button => getComputedStyle(button).backgroundColor")
                assert colour == "rgb(122, 31, 107)", name
            if name.startswith(("sign-in", "consent")) and "another" not in name:
                assert page.locator(".brand").get_by_text(host).is_visible(), name
            if name == "app-is-unknown":
                assert page.get_by_role("link", name="desk@example.org").get_attribute("href") == "mailto:desk@example.org"
            if name == "sign-in":
                assert page.get_by_text("library card").is_visible()
            window.shot(f"brand/{name}")
        check_console(window)
        the_logo_is_a_picture_and_nothing_else(house, page)
    finally:
        house.close()


def the_logo_is_a_picture_and_nothing_else(house, page):
    page.goto(house.service.issuer)
    url = page.locator(".brand img").evaluate("image => image.src")
    answer = httpx.get(url)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'") and "script" not in policy.replace("style-src", "")
    arrived, held_back = [], []
    page.on("response", lambda response: arrived.append(response.url))
    page.on("requestfailed", lambda request: held_back.append((request.url, request.failure)))
    page.goto(url)
    page.wait_for_load_state("networkidle")
    assert page.title() != "ran" and arrived == [url], arrived
    assert held_back == [("https://elsewhere.example/beacon.png", "csp")]


def test_what_cannot_be_a_brand_is_refused_at_start(tmp_path):
    page = tmp_path / "logo.svg"
    page.write_text("<html><script>alert(1)</script></html>")
    for name, text, why in [
        ("brand_colour", "blue", "is not a colour like #1f5f8b"),
        ("brand_logo", str(page), "is neither SVG nor PNG"),
        ("brand_support", "javascript:alert(1)", "is neither a mail address nor an https URL"),
        ("brand_name", "\u202eelgooG", "has letters that cannot be shown"),
    ]:
        (tmp_path / name).mkdir()
        service = Service(tmp_path / name, "https://wiki.example.org/mcp", **{name: text})
        with pytest.raises(AssertionError):
            service.start()
        lines = service.log.read_text().splitlines()
        assert Counter(f"MCP_OAUTH_{name.upper()}" in line and why in line for line in lines)[True] == 1, lines

