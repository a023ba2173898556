// Keys for whoever decides on hundreds of rows. Every page works without this file; it only moves the focus, ticks
// boxes and follows links that are there anyway. The keys can be turned off (WCAG 2.1.4), are never taken while
// somebody types, and never together with Ctrl, Alt or Meta, which belong to the browser and to screen readers.
"use strict";
(() => {
  const KEYS = [
    ["j", "the next row"],
    ["k", "the row before"],
    ["Enter", "open the row"],
    ["x", "choose the row, or no longer"],
    ["a or *", "choose all rows of this page, or none"],
    ["A", "choose all that match, or no longer"],
    ["d", "to what is done with the chosen, or to the form"],
    ["/", "to the search"],
    ["n", "the next page"],
    ["g i", "to what waits for a decision"],
    ["g t", "to today"],
    ["?", "these keys"],
  ];
  const FORM = "main form.form :is(input:not([type=hidden], [hidden]), select, textarea, button)";
  const OFF = "purser-keys-off";
  const AHEAD = 1500;

  // A browser may refuse to keep anything; the keys are on then.
  const isOff = () => { try { return localStorage.getItem(OFF) === "1"; } catch { return false; } };
  const turn = on => { try { on ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1"); } catch { /* for this page only */ } };

  const all = (root, selector) => [...root.querySelectorAll(selector)];
  const row = () => document.activeElement?.closest("form[data-rows] tbody tr");
  const rows = () => all(document, "form[data-rows] tbody tr");
  // The list that is meant: the one with the focus in it, else the first.
  const list = () => document.activeElement?.closest("form[data-rows]") ?? document.querySelector("form[data-rows]");

  const focus = element => {
    if (!element) return false;
    element.focus({ focusVisible: true });
    element.scrollIntoView({ block: "nearest" });
    return true;
  };
  const toggle = box => {
    if (!box) return false;
    box.click();
    return true;
  };
  const move = step => {
    const known = rows();
    const at = known.indexOf(row());
    const to = at < 0 ? 0 : Math.min(Math.max(at + step, 0), known.length - 1);
    return focus(known[to]?.querySelector("th a"));
  };
  const tickAll = () => {
    const boxes = list() ? all(list(), "input[name=id]") : [];
    const wanted = !boxes.every(box => box.checked);
    for (const box of boxes) if (box.checked !== wanted) box.click();
    return boxes.length > 0;
  };
  const follow = selector => {
    const link = document.querySelector(selector);
    if (link) link.click();
    return !!link;
  };

  const dialog = () => {
    const known = document.getElementById("keys");
    if (known) return known;
    const make = (name, text, to) => {
      const made = document.createElement(name);
      if (text) made.textContent = text;
      to?.append(made);
      return made;
    };
    const box = make("dialog", "", document.body);
    box.id = "keys";
    box.setAttribute("aria-labelledby", "keys-title");
    make("h2", "Keyboard", box).id = "keys-title";
    const table = make("table", "", box);
    const body = make("tbody", "", table);
    for (const [key, what] of KEYS) {
      const line = make("tr", "", body);
      const head = make("th", "", line);
      head.scope = "row";
      for (const [index, part] of key.split(" or ").entries()) {
        if (index) head.append(" or ");
        make("kbd", part, head);
      }
      make("td", what, line);
    }
    const label = make("label", "", box);
    label.className = "tick-line";
    const on = make("input", "", label);
    on.type = "checkbox";
    on.checked = !isOff();
    on.addEventListener("change", () => turn(on.checked));
    label.append(" Single keys do these things in this browser");
    const form = make("form", "", box);
    form.method = "dialog";
    make("button", "Close", form);
    return box;
  };
  const help = () => {
    dialog().showModal();
    return true;
  };

  const after = { g: { i: () => follow("nav a[href='/admin/inbox/']"), t: () => follow("nav a[href='/admin/']") } };
  const one = {
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => !!row() && move(1),
    ArrowUp: () => !!row() && move(-1),
    x: () => toggle(row()?.querySelector("input[name=id]")),
    a: tickAll,
    "*": tickAll,
    A: () => toggle(list()?.querySelector("input[name=every]")),
    d: () => focus(list()?.querySelector("select[name=action]") ?? document.querySelector(FORM)),
    "/": () => focus(document.querySelector("[role=search] input[type=search]")),
    n: () => follow("a[rel=next]"),
    "?": help,
  };

  const isTyping = target =>
    target.isContentEditable || target.matches("textarea, select") ||
    (target.matches("input") && !["checkbox", "radio", "button", "submit"].includes(target.type));

  let first = null;
  let since = 0;
  document.addEventListener("keydown", event => {
    const target = event.target;
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (!(target instanceof Element) || isTyping(target) || document.querySelector("dialog[open]") || isOff()) return;
    const begun = first && event.timeStamp - since < AHEAD ? after[first] : null;
    first = null;
    if (!begun && event.key in after) {
      first = event.key;
      since = event.timeStamp;
      return;
    }
    const does = (begun && begun[event.key]) ?? one[event.key];
    if (does && does()) event.preventDefault();
  });

  // Also there for whoever has turned the keys off, or never heard of them.
  const way = document.querySelector("header.top nav");
  if (way) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet keys";
    button.textContent = "Keyboard";
    button.addEventListener("click", help);
    way.prepend(button);
  }
})();
