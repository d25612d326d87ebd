"""A browser without scripts: it follows links, fills in the forms that are on a page, and keeps cookies."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from werkzeug.test import Client

ORIGIN = "https://keys.example"


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    texts: str = ""


class _Parser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms, self.links, self.texts, self.tags = [], [], [], []
        self._form = None

    def handle_starttag(self, tag, attributes):
        about = {name: value or "" for name, value in attributes}
        self.tags.append((tag, about))
        if tag == "form":
            self._form = Form(about.get("action", ""), about.get("method", "get"))
            self.forms.append(self._form)
        if tag == "input" and self._form and about.get("type") not in {"radio", "checkbox"}:
            self._form.fields[about["name"]] = about.get("value", "")
        if tag == "a":
            self.links.append(about.get("href", ""))

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None

    def handle_data(self, data):
        self.texts.append(data)
        if self._form:
            self._form.texts += data


class Page:
    """What a request was answered with."""

    def __init__(self, status, headers, raw, path):
        self.status, self.headers, self.path = status, headers, path
        self.html = raw.decode()
        parser = _Parser()
        parser.feed(self.html)
        self.forms, self.links, self.tags = parser.forms, parser.links, parser.tags
        self.text = " ".join(" ".join(parser.texts).split())

    def form(self, ending):
        """The form that is sent to a path with this end."""
        (found,) = [each for each in self.forms if each.action.endswith(ending)]
        return found

    @property
    def title(self):
        return self.html.partition("<title>")[2].partition(" ·")[0]


class Browser:
    def __init__(self, server, clock):
        """A second passes before each request: people are slow."""
        self.hurries = False
        self._clock = clock
        self.client = Client(server)
        self.page = None

    def get(self, path, **headers):
        response = self.client.get(
            path,
            base_url=ORIGIN,
            headers={"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document"} | _named(headers),
        )
        return self._shown(response)

    def post(self, path, fields, **headers):
        """Send a form as a page of ours does, unless the headers say otherwise (None: without one)."""
        usual = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document"} | _named(headers)
        sent = {name: value for name, value in usual.items() if value is not None}
        return self._shown(self.client.post(path, data=fields, base_url=ORIGIN, headers=sent))

    def send(self, ending, **typed):
        """Fill in a form of the page that is shown, and send it."""
        form = self.page.form(ending)
        return self.post(form.action, form.fields | {name.replace("__", "-"): text for name, text in typed.items()})

    def cookie(self):
        return self.client.get_cookie("__Host-sealring-portal", domain="keys.example")

    def _shown(self, response):
        self._clock.now += 0 if self.hurries else 1
        if response.status_code == 303:
            return self.get(response.headers["Location"])
        self.page = Page(response.status_code, response.headers, response.get_data(), response.request.path)
        return self.page


def _named(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}
