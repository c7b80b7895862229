"""A picture as SVG: what the template is given, and how its values are escaped."""

from __future__ import annotations

from functools import cache

import jinja2

from nsgen.picture.drawing import sketch
from nsgen.picture.layout import picture
from nsgen.picture.measure import PIXELS
from nsgen.picture.shapes import Picture
from nsgen.picture.sketch import Sketch
from nsgen.picture.tags import values
from nsgen.picture.traced import traced
from nsgen.proof.story import Story
from nsgen.script.templates import template_folder
from nsgen.topology.model import Topology


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def svg(topology: Topology) -> str:
    """A topology as an SVG image."""
    return image(sketch(topology))


def image(of: Sketch) -> str:
    """A sketch as an SVG image."""
    return printed(picture(of, PIXELS))


def way(topology: Topology, story: Story) -> str:
    """A topology with the way of one packet, as an SVG image."""
    drawn = picture(sketch(topology), PIXELS)
    return printed(traced(drawn, list(story.legs()), story.question, PIXELS))


def printed(drawn: Picture) -> str:
    """A picture as an SVG image."""
    return _environment().get_template("picture/topology.svg.j2").render(values(drawn))
