"use strict";
(() => {
  const frames = JSON.parse(document.getElementById("data").textContent);
  const select = document.getElementById("frame");
  if (!select || !frames.length) return;
  const at = (id) => document.getElementById(id);
  const body = document.querySelector("#boxes tbody");
  const hidden = new Set();
  let current = 0, pinned = -1;

  const make = (tag, attributes, ...children) => {
    const svg = ["svg", "g", "path", "text"].includes(tag);
    const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const path = (kind, d) => d ? [make("path", { class: kind, d })] : [];
  // Where a number can stand: the middle top of a path's points.
  const anchor = (d) => {
    const points = [...d.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map((m) => [+m[1], +m[2]]);
    if (!points.length) return null;
    const u = points.map((p) => p[0]);
    return [(Math.min(...u) + Math.max(...u)) / 2, Math.min(...points.map((p) => p[1]))];
  };

  const draw = (figure, picture, name, boxPaths, labelPaths) => {
    figure.replaceChildren();
    if (!picture) {
      figure.append(make("p", {}, `no ${name} for this frame`));
      return;
    }
    figure.classList.toggle("painted", picture.painted);
    const image = make("img", { src: picture.src, alt: `${name}, frame ${frames[current].frame}` });
    if (picture.view[0]) {
      image.width = picture.view[0];
      image.height = picture.view[1];
    }
    figure.append(image);
    if (!picture.view[0]) return;
    const svg = make("svg", { viewBox: `0 0 ${picture.view[0]} ${picture.view[1]}`, preserveAspectRatio: "none" });
    for (const label of frames[current].labels) svg.append(make("g", { class: "label" }, ...labelPaths(label)));
    const boxes = frames[current].boxes.map((box, i) => [box, i]);
    // The strongest last, so that it lies on top.
    for (const [box, i] of boxes.reverse()) {
      const shapes = boxPaths(box);
      if (!shapes.length) continue;
      const group = make("g", { class: `box ${box.expert}`, "data-box": i }, ...shapes);
      const place = anchor(shapes.map((s) => s.getAttribute("d")).join(""));
      if (place) {
        const text = make("text", { x: place[0], y: place[1] }, String(i + 1));
        text.setAttribute("dy", "-.3em");
        group.append(text);
      }
      svg.append(group);
    }
    figure.append(svg);
  };

  // Numbers on the boxes keep their size on the screen, whatever the picture's.
  const fit = () => {
    for (const svg of document.querySelectorAll("#overlay svg, #bev svg")) {
      const scale = svg.viewBox.baseVal.width / (svg.clientWidth || svg.viewBox.baseVal.width);
      svg.style.fontSize = `${11.5 * scale}px`;
    }
  };

  const percent = (share) => `${Math.round(100 * share)} %`;
  const row = (box, i) => {
    const cells = [
      make("td", {}, String(i + 1)), make("td", {}, box.class), make("td", { class: "n" }, box.score.toFixed(2)),
      make("td", {}, make("span", { class: `chip ${box.expert}` }, box.expert)), make("td", {}, box.reason.replace(/ -> /g, "\u00a0\u2192\u00a0")),
      make("td", { class: "n" }, `${box.distance.toFixed(1)} m`), make("td", { class: "n" }, percent(box.visibility)),
      make("td", { class: "n" }, percent(box.occlusion)), make("td", { class: "flag" }, box.degraded.join(", ")),
    ];
    return make("tr", { tabindex: "0", "data-box": i }, ...cells);
  };

  const light = (index) => {
    for (const node of document.querySelectorAll("[data-box]")) node.classList.toggle("lit", +node.dataset.box === index);
    for (const svg of document.querySelectorAll("#overlay svg, #bev svg")) svg.classList.toggle("lit-any", index >= 0);
  };
  const pin = (index) => {
    pinned = index;
    for (const tr of body.rows) tr.classList.toggle("pinned", +tr.dataset.box === index);
    light(index);
  };
  const filter = () => {
    for (const node of document.querySelectorAll("[data-box]"))
      node.style.display = hidden.has(frames[current].boxes[+node.dataset.box].expert) ? "none" : "";
  };

  const show = (index) => {
    current = Math.max(0, Math.min(frames.length - 1, index));
    const frame = frames[current];
    select.value = String(current);
    at("place").textContent = `${current + 1} of ${frames.length} · ${frame.boxes.length} ${frame.boxes.length === 1 ? "box" : "boxes"} · ${frame.total_ms.toFixed(1)} ms · ${frame.points.toLocaleString("en")} points`;
    at("degraded").hidden = !frame.degraded.length;
    at("degraded").textContent = `Degraded. ${frame.degraded.join("; ")}`;
    draw(at("overlay"), frame.overlay, "camera image",
      (b) => [...path("fill", b.face), ...path("under", b.wire + b.edge), ...path("line", b.wire), ...path("strong", b.edge)],
      (l) => path("", l.wire + l.edge));
    draw(at("bev"), frame.bev, "bird's-eye picture",
      (b) => [...path("fill", b.foot), ...path("under", b.foot + b.head), ...path("strong", b.foot + b.head)],
      (l) => path("", l.foot));
    body.replaceChildren(...frame.boxes.map(row));
    if (!frame.boxes.length) body.append(make("tr", {}, make("td", { colspan: "9" }, "no boxes in this frame")));
    for (const g of document.querySelectorAll(".chart g[data-frame]")) g.classList.toggle("current", g.dataset.frame === frame.frame);
    pin(-1);
    filter();
    fit();
    history.replaceState(null, "", `#${encodeURIComponent(frame.frame)}`);
  };
  const byName = (name) => frames.findIndex((frame) => frame.frame === name);

  select.append(...frames.map((frame, i) => make("option", { value: String(i) }, frame.frame)));
  select.addEventListener("change", () => show(+select.value));
  at("previous").addEventListener("click", () => show(current - 1));
  at("next").addEventListener("click", () => show(current + 1));
  at("labels").addEventListener("change", (event) => at("browser").classList.toggle("no-labels", !event.target.checked));
  for (const button of document.querySelectorAll("[data-expert]"))
    button.addEventListener("click", () => {
      const expert = button.dataset.expert;
      if (!hidden.delete(expert)) hidden.add(expert);
      button.setAttribute("aria-pressed", String(!hidden.has(expert)));
      filter();
    });
  const browser = at("browser");
  const boxOf = (event) => { const node = event.target.closest?.("[data-box]"); return node ? +node.dataset.box : -1; };
  browser.addEventListener("pointerover", (event) => light(boxOf(event) >= 0 ? boxOf(event) : pinned));
  browser.addEventListener("pointerleave", () => light(pinned));
  browser.addEventListener("focusin", (event) => { if (boxOf(event) >= 0) light(boxOf(event)); });
  browser.addEventListener("click", (event) => {
    const box = boxOf(event);
    if (box >= 0) pin(box === pinned ? -1 : box);
  });
  document.addEventListener("click", (event) => {
    const column = event.target.closest?.(".chart g[data-frame]");
    const index = column ? byName(column.dataset.frame) : -1;
    if (index >= 0) {
      show(index);
      browser.scrollIntoView({ block: "start" });
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.("select, input")) return;
    const visible = [...body.rows].filter((tr) => tr.dataset.box && tr.style.display !== "none").map((tr) => +tr.dataset.box);
    const step = (by) => {
      if (!visible.length) return;
      const place = visible.indexOf(pinned);
      pin(visible[place < 0 ? (by > 0 ? 0 : visible.length - 1) : (place + by + visible.length) % visible.length]);
    };
    const action = {
      ArrowLeft: () => show(current - 1), ArrowRight: () => show(current + 1),
      ArrowUp: () => step(-1), ArrowDown: () => step(1), Escape: () => pin(-1),
      Enter: () => { const box = boxOf(event); if (box >= 0) pin(box); },
    }[event.key];
    if (!action || (event.key.startsWith("Arrow") && !onScreen())) return;
    action();
    if (event.key.startsWith("Arrow")) event.preventDefault();
  });
  // Arrow keys scroll the page as usual while the browser is out of sight.
  const onScreen = () => { const r = browser.getBoundingClientRect(); return r.bottom > 80 && r.top < innerHeight - 80; };
  addEventListener("resize", fit);
  addEventListener("hashchange", () => { const i = byName(decodeURIComponent(location.hash.slice(1))); if (i >= 0 && i !== current) show(i); });
  let start = 0;
  try { start = byName(decodeURIComponent(location.hash.slice(1))); } catch { /* a hash that is no name */ }
  show(start);
})();
