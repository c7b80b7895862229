"""What a topology looks like, for `nsgen graph`: pure functions from the topology to boxes, lines and texts.

``sketch`` says what there is to draw, and has no place for it: rails, boxes, sockets, cables. ``figure`` puts the boxes
of one wired group into rows, ``block`` gives them their places, ``layout`` puts the blocks under the host. The same
layout is measured in pixels for SVG, which `script.drawn` prints, and in characters for a terminal (``text``).
``graphs`` prints the sketch for Mermaid, D2 and Graphviz, which place it themselves. ``reaching`` writes into a sketch
who reaches whom, from claims and from what came of them.

Every element of the SVG is a ``<g>`` with a ``<title>``, an id, and attributes by which a page finds it:

- ``data-node="NAME"``: a namespace, or ``host``, ``outside`` or ``internet``. Its id is ``node-NAME``. Of a range that
  is drawn once, NAME is the range, ``r[1-99]``.
- ``data-network="NAME"``: a network, or a bridge of the host; ``id="network-NAME"``.
- ``data-port="8080/tcp"`` with ``data-node="NAME"``: a published port of NAME, at the edge of the host, as it is
  published: ``127.0.0.1:9090/tcp`` with an address. ``id="port-NAME-8080-tcp"``.
- ``data-edge="A B"``: a line between two of these: a namespace and a network, two namespaces, a namespace and ``host``,
  a network and ``internet`` (its way out; ``data-kind="way"``, with the box that says masquerading), ``outside`` and
  the namespace whose ports its arrow leads to (``data-kind="port"``), ``host`` and ``internet`` (its uplink).
  ``data-kind`` is ``member``, ``link``, ``tunnel``, ``macvlan``, ``way``, ``port``, ``uplink`` or ``tie``;
  ``data-devices="DEVICE-OF-A DEVICE-OF-B"`` with ``-`` for none. Its id is ``edge-`` and a number in the order of the
  topology. With ``--reach``, ``data-state`` is ``open``, ``shut`` or ``failed``.

So the way from outside to a published port of red is ``outside red``, the port, ``red bridge0``; that from blue to the
internet ``blue bridge0``, ``bridge0 internet``, ``host internet``.
"""
