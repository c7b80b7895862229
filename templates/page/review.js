
"use strict";
(() => {
  const picture = document.getElementById("picture");
  const told = document.getElementById("told");
  const reach = document.getElementById("reach");
  const waiting = told.innerHTML;
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  let lit = [];
  let chosen = null;

  const dark = () => {
    for (const one of lit) one.classList.remove("lit");
    if (chosen) chosen.removeAttribute("aria-current");
    lit = [];
    chosen = null;
    picture.classList.remove("lighting");
  };

  // Of a picture that is larger than its frame, bring the middle of some of it into the middle of that.
  const shown = (some) => {
    if (!some.length) return;
    const frame = picture.getBoundingClientRect();
    const boxes = some.map((one) => one.getBoundingClientRect());
    const x = Math.min(...boxes.map((b) => b.left)) + Math.max(...boxes.map((b) => b.right));
    const y = Math.min(...boxes.map((b) => b.top)) + Math.max(...boxes.map((b) => b.bottom));
    picture.scrollBy((x - frame.left - frame.right) / 2, (y - frame.top - frame.bottom) / 2);
  };

  // The way of a cell in the picture, and what there is to say of it beside it.
  const light = (link) => {
    if (!link || link === chosen) return;
    dark();
    chosen = link;
    link.setAttribute("aria-current", "true");
    const way = document.getElementById(link.hash.slice(1));
    for (const id of way.dataset.lights.split(" ")) {
      const one = document.getElementById(id);
      if (one) lit.push(one);
    }
    for (const one of lit) one.classList.add("lit");
    shown(lit.filter((one) => one.dataset.node && one.dataset.node !== "host"));
    picture.classList.toggle("lighting", lit.length > 0);
    told.replaceChildren(...way.cloneNode(true).childNodes);
  };

  const cell = (event) => event.target.closest("td a");
  for (const kind of ["pointerover", "focusin"]) {
    reach.addEventListener(kind, (event) => light(cell(event)));
  }
  reach.addEventListener("click", (event) => {
    if (cell(event)) event.preventDefault(); // it is told beside the picture already
  });
  reach.addEventListener("keydown", (event) => {
    const from = event.target.closest("td");
    const step = steps[event.key];
    if (!from || !step) return;
    let row = from.parentNode;
    for (let x = from.cellIndex + step[0]; ; x += step[0]) {
      if (step[1]) row = step[1] < 0 ? row.previousElementSibling : row.nextElementSibling;
      const next = row && row.cells[x];
      if (!next) return;
      const link = next.querySelector("a");
      if (link) {
        link.focus();
        event.preventDefault();
        return;
      }
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    dark();
    told.innerHTML = waiting;
  });
  document.documentElement.classList.add("alive");
})();
