"use strict";

// data-choices: Tabler's select widget, which finds an entry by typing. With data-choices-url it asks the server.
const choose = (select) => {
  if (select.tomselect) return;
  const url = select.dataset.choicesUrl;
  const options = { maxOptions: 500, hideSelected: select.multiple, copyClassesToDropdown: false, hidePlaceholder: true };
  // The list follows each key at once: who types and presses Enter takes what was typed, not what was there before.
  options.refreshThrottle = 0;
  // What the server found last, and for which text.
  const answered = { text: null, values: new Set() };
  // Why the server found nothing, where that is not for want of it.
  let failure = "";
  options.render = { no_results: () => `<div class="no-results">${failure || "No results found"}</div>` };
  if (url) {
    options.valueField = "value";
    options.labelField = "text";
    options.onFocus = function () {
      this.load("");
    };
    options.shouldLoad = () => true;
    // What the server finds is shown as it is: it knows spellings that are not in the text. What is chosen stays among
    // the options, and is found only where the server found it.
    options.score = () => (option) => (answered.values.has(option.value) ? 1 : 0);
    options.load = function (text, done) {
      // An answer fills the list. It does not open one that a choice or Escape closed meanwhile: the next click on the
      // field would close it again, and what is typed then be lost.
      const show = (found) => {
        const locked = this.isLocked;
        this.isLocked ||= !this.isOpen;
        done(found);
        this.isLocked = locked;
      };
      const address = new URL(url, location.href);
      address.searchParams.set("q", text);
      const told = (answer) => {
        failure = answer.status === 401 ? "Your session has ended. Sign in again to go on." : "";
        return answer.ok ? answer.json() : Promise.reject(answer);
      };
      fetch(address, { headers: { Accept: "application/json" } })
        .then(told)
        .catch(() => {
          failure ||= "Seatledger cannot be reached at the moment. Type again in a moment.";
          delete this.loadedSearches[text];
          return [];
        })
        .then((found) => {
          if (text !== this.inputValue()) {
            delete this.loadedSearches[text];
            return show();
          }
          this.clearOptions();
          answered.text = text;
          answered.values = new Set(found.map((option) => option.value));
          show(found);
        });
    };
    options.onDropdownOpen = function () {
      if (answered.text !== this.inputValue()) this.load(this.inputValue());
    };
  }
  if (select.multiple) {
    // What was typed found this entry; the next one is found from the beginning.
    options.onItemAdd = function () {
      this.setTextboxValue("");
      if (url) this.load("");
      else this.refreshOptions();
    };
    options.render.item = (data, escape) =>
      `<div>${escape(data.text)}<button type="button" class="btn-close ms-1" tabindex="-1" data-take-out aria-label="Remove ${escape(data.text)}"></button></div>`;
  }
  const widget = new TomSelect(select, options);
  // The widget took its label: a screen reader would come upon a second, nameless list.
  select.ariaHidden = "true";
  const takeOut = (event) => {
    const item = event.target.closest("[data-take-out]")?.closest("[data-value]");
    if (!item) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.type === "click") widget.removeItem(item.dataset.value);
  };
  for (const type of ["mousedown", "click"]) widget.control.addEventListener(type, takeOut, { capture: true });
  // Until the server has answered, the list is still that of another text: Enter takes nothing of it.
  const waitForAnswer = (event) => {
    if (event.key !== "Enter" || !widget.isOpen || answered.text === widget.inputValue()) return;
    event.preventDefault();
    event.stopPropagation();
  };
  if (url) widget.control.addEventListener("keydown", waitForAnswer, { capture: true });
};

// A select of several is a line higher while it has the focus. It gives that line back after the click that takes the
// focus, not within it: what was pressed is still under the mouse when the button is let go.
document.addEventListener("mousedown", (event) => {
  const left = document.querySelector(".ts-wrapper.multi.focus");
  if (!left || left.contains(event.target)) return;
  left.classList.add("keeps-room");
  const giveBack = () => setTimeout(() => left.classList.remove("keeps-room"));
  document.addEventListener("mouseup", giveBack, { capture: true, once: true });
}, { capture: true });
