// Small behaviours that pages ask for with data attributes. Everything works without them, only less comfortably.
"use strict";

// Times are sent in UTC and shown in the reader's zone; with data-day only the day.
const showTimes = (root) => {
  const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (!time.title && !Number.isNaN(moment.getTime())) {
      time.title = time.textContent;
      time.textContent = (time.hasAttribute("data-day") ? day : whole).format(moment);
    }
  }
};

// data-zone: a field that tells the server in which zone the reader's days begin.
const tellZone = (root) => {
  for (const field of root.querySelectorAll("[data-zone]")) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
};

// Whether somebody is about to copy text of the element, also out of a field of it.
const isCopiedFrom = (element) => {
  const { isCollapsed, anchorNode } = getSelection();
  const field = document.activeElement;
  return (!isCollapsed && element.contains(anchorNode)) || (element.contains(field) && field.selectionStart < field.selectionEnd);
};

// data-poll="MILLISECONDS": send the event "poll" to the element once after that time; while the tab is hidden, when it
// is shown again. An answer that takes its place would take away what is selected in it, so half a minute is waited for
// that. The server decides with each answer whether and when there is a next time.
const poll = (element) => {
  const begun = performance.now();
  const ask = () => {
    if (!element.isConnected) return;
    if (document.hidden) document.addEventListener("visibilitychange", ask, { once: true });
    else if (isCopiedFrom(element) && performance.now() - begun < 30000) setTimeout(ask, 500);
    else htmx.trigger(element, "poll");
  };
  setTimeout(ask, Number(element.dataset.poll));
};

// The field that a mark of an error stands at; of several choices the one that is chosen.
const fieldAt = (mark) => {
  if (!mark.matches(".invalid-feedback")) return mark;
  const group = mark.closest("fieldset, .mb-3");
  return group?.querySelector("input:checked") ?? group?.querySelector("input:not([type=hidden]), select, textarea") ?? mark;
};

// A form that comes back with errors: whoever filled it in goes on at the first of them, however far down it is.
const showFirstError = () => {
  const marks = document.querySelectorAll("main :is([aria-invalid=true], .is-invalid, .invalid-feedback)");
  const mark = [...marks].find((each) => each.getClientRects().length);
  if (!mark) {
    // Nothing is wrong with what was filled in, but with what was done with it.
    document.querySelector("main [data-problem]")?.focus();
    return;
  }
  const field = fieldAt(mark);
  const widget = field.tomselect;
  const target = widget?.control_input ?? field;
  // A message whose field is not to be found takes the focus itself.
  if (target === mark && mark.matches(".invalid-feedback")) target.tabIndex = -1;
  // An open list would hide what is wrong.
  if (widget) widget.settings.openOnFocus = false;
  target.focus({ preventScroll: true });
  if (widget) widget.settings.openOnFocus = true;
  // With its label and what is wrong with it, where all of that has room.
  const group = mark.closest(".mb-3");
  const place = group && group.offsetHeight < innerHeight / 2 ? group : target;
  const { top, bottom } = place.getBoundingClientRect();
  // A footer that stays in sight covers what is below this.
  const covered = parseFloat(getComputedStyle(document.documentElement).scrollPaddingBottom) || 0;
  if (top < 0 || bottom > innerHeight - covered) place.scrollIntoView({ block: "center" });
};

const start = (root) => {
  showTimes(root);
  tellZone(root);
  const own = (selector) => [...(root.matches?.(selector) ? [root] : []), ...root.querySelectorAll(selector)];
  own("[data-poll]").forEach(poll);
  own("select[data-choices]").forEach(choose);
};

document.addEventListener("DOMContentLoaded", () => {
  restoreDraft();
  start(document);
  showFirstError();
  // Of pages on one line that scrolls sideways, the one that is open is in sight.
  for (const here of document.querySelectorAll(".organization-sidebar .active, .nav-bordered .active")) {
    const line = here.closest(".list-group, .nav");
    line.scrollLeft = here.getBoundingClientRect().left - line.getBoundingClientRect().left - (line.clientWidth - here.clientWidth) / 2;
  }
});
document.addEventListener("htmx:load", (event) => {
  if (event.detail.elt !== document.body) start(event.detail.elt);
});

// A form that changes something is sent once: of two the second would be answered, by what the first one has done. One that
// takes its time says so; its button may stand outside of it.
const sent = new Set();
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;
  if (sent.has(form)) {
    event.preventDefault();
    return;
  }
  if (form.method === "post") sent.add(form);
  const button = [...form.elements].find((element) => element.hasAttribute("data-busy-on-submit"));
  if (!button) return;
  button.classList.add("is-busy");
  setTimeout(() => { button.disabled = true; });
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  sent.clear();
  for (const button of document.querySelectorAll(".is-busy")) {
    button.classList.remove("is-busy");
    button.disabled = false;
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-theme-toggle]")) {
    const theme = document.documentElement.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
    localStorage.setItem("tabler-theme", theme);
    document.documentElement.setAttribute("data-bs-theme", theme);
  }
});

// Paper is white.
addEventListener("beforeprint", () => {
  const { dataset } = document.documentElement;
  if (dataset.bsTheme !== "dark") return;
  dataset.bsTheme = "light";
  addEventListener("afterprint", () => { dataset.bsTheme = "dark"; }, { once: true });
});

// data-filters="ID": show of that list only the entries that have every word that was typed; what is checked stays.
document.addEventListener("input", (event) => {
  const list = document.getElementById(event.target.dataset.filters);
  if (!list) return;
  const words = event.target.value.toLowerCase().split(/\s+/);
  let found = 0;
  for (const entry of list.querySelectorAll("[data-filtered]")) {
    const text = entry.textContent.toLowerCase();
    entry.hidden = !words.every((word) => text.includes(word));
    found += !entry.hidden;
  }
  list.querySelector("[data-none-found]").hidden = found > 0;
});

// data-select-all="NAME": a checkbox that ticks all others of that name; its form says how many are. What is chosen
// beyond the page, data-select-beyond, stands above them.
const countSelected = (form) => {
  const boxes = [...form.elements].filter((box) => box.name === form.querySelector("[data-select-all]").dataset.selectAll);
  const ticked = boxes.filter((box) => box.checked).length;
  const all = form.querySelector("[data-select-all]");
  all.checked = ticked > 0 && ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
  const beyond = form.querySelector("[data-select-beyond]")?.checked;
  form.querySelector("[data-selected]").textContent = beyond ? "" : ticked ? `${ticked} selected` : "";
};
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (!form?.hasAttribute("data-selection")) return;
  const name = event.target.dataset.selectAll;
  if (name) {
    for (const box of form.elements) if (box.name === name) box.checked = event.target.checked;
  }
  countSelected(form);
});

// A picker's search that is under way when something is ticked, or taken out, would be answered as if it were not: it is
// asked anew, and that answer keeps it.
document.addEventListener("change", ({ target }) => {
  const picker = target.type === "checkbox" && target.closest(".picker");
  if (picker && picker.querySelector(".htmx-request")) htmx.trigger(picker.querySelector("[type=search]"), "search");
});

// A search of a list that is under way when something is done in a row of it may be answered as if it were not: it is asked
// anew.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const isAsking = document.querySelector("#asking.htmx-request");
  if (isAsking && detail.requestConfig.verb === "post") htmx.trigger("#filters [type=search]", "search");
});

// data-chooser: the arrow keys go from what is typed to what was found, and Escape closes it.
document.addEventListener("keydown", (event) => {
  const chooser = event.target.closest?.("[data-chooser]");
  if (!chooser) return;
  const stops = [...chooser.querySelectorAll("input[type=search], button[name]:not(:disabled)")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    stops[Math.min(Math.max(stops.indexOf(event.target) + step, 0), stops.length - 1)]?.focus();
  } else if (event.key === "Escape" && chooser.parentElement.hasAttribute("data-closes")) {
    const opener = document.getElementById(chooser.parentElement.dataset.closes);
    chooser.remove();
    opener?.focus();
  }
});

// A menu of details closes as others do: with Escape, and when something else is pressed.
const closeMenus = (but) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(but)) menu.open = false;
};
document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.("details.menu[open]");
  if (menu) menu.querySelector("summary").focus();
  if (event.key === "Escape") closeMenus(null);
});

// data-copy="ID": copy what stands in that field; where the browser does not let us, select it for the reader to copy.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  navigator.clipboard?.writeText(field.value).then(() => { button.textContent = "Copied"; }, () => {});
});

// A menu that closes while the focus is in it gives the focus back to the button that opened it.
document.addEventListener("hide.bs.dropdown", (event) => {
  if (event.target.parentElement?.querySelector(".dropdown-menu")?.contains(document.activeElement)) event.target.focus();
});

// The server cannot be reached, or does not answer in time: say so, and take it back when it answers again. What asks by
// itself goes on; what somebody did is theirs to do again, and is told anew each time that it comes to nothing.
const lost = () => document.getElementById("connection-lost");
// data-unanswered: what a part of a page says then, where what it said before would be taken for the answer.
const forgetAnswer = (event) => {
  const { target } = event.detail.requestConfig;
  if (target.dataset.unanswered) target.textContent = target.dataset.unanswered;
};
const unanswered = (event) => {
  const element = event.detail.elt;
  forgetAnswer(event);
  const asksByItself = "poll" in element.dataset;
  if (!asksByItself) lost()?.remove();
  if (!lost()) {
    const notice = document.createElement("div");
    notice.id = "connection-lost";
    notice.className = "alert alert-warning arrived";
    notice.textContent = asksByItself
      ? "Seatledger cannot be reached at the moment. This page goes on by itself when it can."
      : "Seatledger cannot be reached at the moment, so this page is as it was. Try again in a moment.";
    document.getElementById("notices")?.append(notice);
  }
  if (asksByItself) poll(element);
};
document.addEventListener("htmx:sendError", unanswered);
document.addEventListener("htmx:timeout", unanswered);
document.addEventListener("htmx:responseError", (event) => {
  const { elt, xhr } = event.detail;
  forgetAnswer(event);
  if (xhr.status >= 500 && elt.dataset.poll) poll(elt);
});
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.successful) lost()?.remove();
});

// What a button answers goes to a part of the page whose place the answer to a poll may have taken meanwhile, with what was
// so before the button was pressed: it goes to what is there now. An answer to what is itself gone comes too late.
document.addEventListener("htmx:beforeOnLoad", ({ detail }) => {
  if (!detail.target.isConnected) detail.target = document.getElementById(detail.target.id) ?? detail.target;
});

// What is swapped in may lack what had the focus, as the last page of a list has no Next: the keyboard then goes on where
// that begins, and not where the page does.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target } = event.detail;
  if (target.contains(document.activeElement)) target.dataset.hadFocus = "";
});
document.addEventListener("htmx:afterSettle", (event) => {
  const { target } = event.detail;
  if (!("hadFocus" in target.dataset)) return;
  delete target.dataset.hadFocus;
  const swapped = target.isConnected ? target : document.getElementById(target.id);
  if (!swapped || document.activeElement !== document.body) return;
  swapped.tabIndex = -1;
  swapped.focus({ preventScroll: true });
});
