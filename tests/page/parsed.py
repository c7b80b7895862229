"""A page as the tests look at it: its elements, by an HTML parser that takes nothing but what is well-formed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr", "base", "source"}


@dataclass
class Element:
    """An element, with what is in it: elements and texts, in order."""

    tag: str
    attributes: dict[str, str]
    inner: list[Element | str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """What it is called."""
        return self.attributes.get("id", "")

    @property
    def classes(self) -> list[str]:
        """Its classes."""
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        """All text in it."""
        return "".join(one if isinstance(one, str) else one.text for one in self.inner)

    @property
    def said(self) -> str:
        """Its text as a reader sees it, on one line."""
        return " ".join(self.text.split())

    def all(self) -> Iterator[Element]:
        """Every element in it, and itself."""
        yield self
        for one in self.inner:
            if isinstance(one, Element):
                yield from one.all()

    def find(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of a kind that have some attributes; ``class_`` is one of its classes."""
        class_ = attributes.pop("class_", "")
        return [
            one
            for one in self.all()
            if one.tag == tag
            and (not class_ or class_ in one.classes)
            and all(one.attributes.get(name) == value for name, value in attributes.items())
        ]

    def by_id(self, id_: str) -> Element:
        """The element that is called so."""
        return next(one for one in self.all() if one.id == id_)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            element = self.open[-1].inner[-1]
            assert isinstance(element, Element)
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, attrs)
        self.open[-1].inner.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> ends <{self.open[-1].tag}>, {self.getpos()}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inner.append(data)


def parse(page: str) -> Element:
    """Read a page; what is not well-formed fails."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert len(reader.open) == 1, f"not closed: {[one.tag for one in reader.open[1:]]}"
    return reader.open[0]
