"""Pages about an app that asks for more, and about apps where not every one may connect."""

from own_places import connect, sign_in


def an_app_that_asks_for_more(house, page):
    """By whoever is signed in."""
    connect(house, page, new_name(house), "&scope=read")
    page.goto(house.app.url() + "&scope=write")
    yield "consent-to-more"
    page.goto(house.app.url() + "&scope=read")
    yield "consent-to-nothing-new"


def where_not_every_app_may_connect(house, page):
    """A member and then the owner, who says no; and what comes of an app that was here before."""
    name = new_name(house)
    restart(house, clients="ask")
    page.goto(house.register(name))
    yield "waiting"
    page.context.clear_cookies()
    page.goto(house.app.url())
    sign_in(page, house.user)
    yield "waiting-owner"
    waits = page.url
    yield from an_app_that_waits(house.service.issuer, page)
    page.goto(waits)
    yield "app-is-not-let-in"
    known_before = house.register(name, "https://notes.example.org/callback")
    restart(house, clients="known")
    page.goto(known_before)
    yield "app-is-not-known"
    restart(house, clients="open")


def an_app_that_waits(issuer, page):
    """For the owner, who refuses it."""
    page.goto(f"{issuer}/owner")
    yield "owner-with-an-app-that-waits"
    page.goto(f"{issuer}/owner/clients?show=waiting")
    yield "owner-clients-waiting"
    page.locator("main tbody th a").first.click()
    yield "owner-client-waiting"
    page.locator("main a[href*='/clients/refuse']").click()
    yield "owner-client-refuse"
    page.locator(".confirm button").first.click()
    yield "owner-client-refused"
    page.locator("main a[href*='/owner/attempts']").click()
    yield "owner-attempts-of-one-app"


def new_name(house):
    """Another one each time: an app that comes as before is the same app."""
    return f"{house.names[0]} {house.another_name()}"


def restart(house, **settings):
    house.service.environment |= {f"MCP_OAUTH_{name.upper()}": value for name, value in settings.items()}
    house.service.restart("stop")
