"""Parse an HTML page into the elements that it really has and the text in them."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "input", "image"}


class Page(HTMLParser):
    """A parsed page; `elements` are (name, attributes), `texts` the texts inside the elements of each name."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.text = text
        self.elements = []
        self.texts = {}
        self._open = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        for name in set(self._open):
            self.texts.setdefault(name, []).append(data)

    def named(self, name):
        """Return the attributes of each element of this name."""
        return [attributes for tag, attributes in self.elements if tag == name]

    def words(self, name="body"):
        """Return the text in the elements of this name, without scripts and style sheets."""
        text = " ".join(self.texts.get(name, []))
        for inner in ("script", "style"):
            for part in self.texts.get(inner, []):
                text = text.replace(part, "")
        return re.sub(r"\s+", " ", text)

    @property
    def findings(self):
        """The findings passed to the script, as (name, index, field, code, verdict, message)."""
        match = re.search(r'<script type="application/json" id="findings-data">(.*?)</script>', self.text, re.DOTALL)
        if match is None:
            return []
        made = json.loads(match[1])
        rows, words = made["rows"], made["words"]
        columns = [rows["k"], rows["i"]] + [[words[name][at] for at in rows[name]] for name in ("f", "c", "v", "m")]
        return list(zip(*columns, strict=True))

    @property
    def pictures(self):
        """The bytes of all pictures."""
        return [base64.b64decode(it["href"].partition(",")[2]) for it in self.named("image")]

    def loads_nothing(self):
        """Return what would load something from elsewhere, and inline event handlers and styles; empty if none."""
        wrong = []
        for tag, attributes in self.elements:
            for name, value in attributes.items():
                if name.startswith("on") or name == "style":
                    wrong.append((tag, name))
                local = (value or "").startswith(("#", "data:image/png;base64,"))
                if name in ("src", "href", "action", "data", "srcset", "xlink:href") and not local:
                    wrong.append((tag, name, value))
        if {tag for tag, _ in self.elements} & {"iframe", "object", "embed", "link", "base", "img"}:
            wrong.append("an element that loads")
        return wrong

    def policy(self):
        """Return the page's Content-Security-Policy, and the SHA-256 hashes of its style sheet and script in base64."""
        (policy,) = [it["content"] for it in self.named("meta") if it.get("http-equiv") == "Content-Security-Policy"]
        of = re.search(r"<style>(.*?)</style>", self.text, re.DOTALL)[1]
        script = re.search(r"<script>(.*?)</script>", self.text, re.DOTALL)[1]
        return policy, *(base64.b64encode(hashlib.sha256(it.encode()).digest()).decode() for it in (of, script))
