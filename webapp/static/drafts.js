"use strict";

// What was typed into a form is not lost where its answer is an error, or that one has to sign in first: it waits in this
// tab until its user opened the form again, and sent it or went on elsewhere. Only what they changed is put back, so that
// what others saved meanwhile stays. Secrets and files are not kept.
const DRAFT = "unsent-form";
const SECRET = "[type=password], [type=file], [data-secret]";

const whoIsSignedIn = () => document.querySelector(".user-email")?.textContent;

const here = () => location.pathname + location.search;

// Not form.action, which is a button where one has that name.
const sentTo = (form) => new URL(form.getAttribute("action") || location.href, location.href).pathname;

const kept = (form) => [...form.elements].filter(
  (field) => field.name && field.matches("input:not([type=hidden]), select, textarea") && !field.matches(SECRET),
);

// By these the server tells what others saved meanwhile (webapp/meanwhile.py): those of when the form was opened first.
const beginnings = (form) => [...form.elements].filter(({ type, name }) => type === "hidden" && name.startsWith("was_"));

// A form that came back with errors begins with what was typed before, which is not stored either.
const isChanged = (field) => {
  if (field.form.querySelector("[aria-invalid=true]") || document.querySelector("main [data-problem]")) return true;
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.options) return [...field.options].some((option) => option.selected !== option.defaultSelected);
  return field.value !== field.defaultValue;
};

const told = (field) => ({
  name: field.name,
  value: field.value,
  checked: field.checked,
  chosen: field.options && [...field.selectedOptions].map(({ value, text }) => ({ value, text })),
});

document.addEventListener("submit", ({ target: form, defaultPrevented }) => {
  const who = whoIsSignedIn();
  if (defaultPrevented || form.method !== "post" || !who) return;
  // Whoever signs out leaves nothing behind.
  sessionStorage.removeItem(DRAFT);
  const fields = form.closest("main") ? kept(form).filter(isChanged).map(told) : [];
  if (!fields.length) return;
  const began = Object.fromEntries(beginnings(form).map(({ name, value }) => [name, value]));
  sessionStorage.setItem(DRAFT, JSON.stringify({ who, address: here(), action: sentTo(form), fields, began }));
});

const putBack = (fields, was) => {
  const field = fields.find(({ name, type, value }) => name === was.name && (!["checkbox", "radio"].includes(type) || value === was.value));
  if (!field) return;
  if (was.chosen) {
    for (const option of field.options) option.selected = was.chosen.some(({ value }) => value === option.value);
    for (const { value, text } of was.chosen) {
      // One that the server found when it was asked for.
      if (![...field.options].some((option) => option.value === value)) field.add(new Option(text, value, false, true));
    }
  } else if (["checkbox", "radio"].includes(field.type)) field.checked = was.checked;
  else field.value = was.value;
  field.dispatchEvent(new Event("change", { bubbles: true }));
};

// Before the widgets of selects are made, which take what is chosen then.
const restoreDraft = () => {
  const draft = JSON.parse(sessionStorage.getItem(DRAFT));
  if (!draft) return;
  if (document.querySelector("main [data-keeps-typed]")) {
    sessionStorage.setItem(DRAFT, JSON.stringify({ ...draft, isRefused: true }));
    return;
  }
  if (!draft.isRefused) {
    // It was taken, or came back with what is wrong.
    sessionStorage.removeItem(DRAFT);
    return;
  }
  if (draft.who !== whoIsSignedIn()) return;
  if (draft.address !== here()) {
    // Whoever had it back, and goes on elsewhere, left it.
    if (draft.isBack) sessionStorage.removeItem(DRAFT);
    return;
  }
  const form = [...document.querySelectorAll("main form[method=post]")].find((each) => sentTo(each) === draft.action);
  if (!form) return;
  // The page may be loaded anew before it is sent.
  sessionStorage.setItem(DRAFT, JSON.stringify({ ...draft, isBack: true }));
  const fields = kept(form);
  for (const was of draft.fields) putBack(fields, was);
  for (const field of beginnings(form)) field.value = draft.began[field.name] ?? field.value;
  const notice = document.createElement("div");
  notice.className = "alert alert-info";
  const lacks = form.querySelector(SECRET) ? ", but for passwords, secrets and files" : "";
  notice.textContent = `What you had typed is in the form again${lacks}. Nothing of it is saved yet.`;
  document.getElementById("notices")?.append(notice);
};
