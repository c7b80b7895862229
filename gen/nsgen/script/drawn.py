"""A picture as SVG: what the template is given."""

from __future__ import annotations

from nsgen.picture.drawing import sketch
from nsgen.picture.layout import picture
from nsgen.picture.measure import PIXELS
from nsgen.picture.shapes import Picture
from nsgen.picture.sketch import Sketch
from nsgen.picture.tags import values
from nsgen.picture.traced import traced
from nsgen.proof.story import Story
from nsgen.script.markup import escaped
from nsgen.topology.model import Topology


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
    return escaped("picture/topology.svg.j2", values(drawn))
