"use strict";

// The page is rendered by the server. This script sends its forms, gets the page anew when the server says that something
// has changed, and takes over the differences: what is typed, the focus and the place on the page stay.

const looking = { "X-Look": "1" };
let shown = "";

// show takes over a page that the server has rendered.
function show(html) {
  if (html === shown) return;
  shown = html;
  const fresh = new DOMParser().parseFromString(html, "text/html");
  if (!fresh.getElementById("main")) return;
  document.title = fresh.title;
  for (const name of ["lang", "data-theme"]) document.documentElement.setAttribute(name, fresh.documentElement.getAttribute(name) || "");
  for (const part of ["body > nav", "#gone", "#copied", "main"]) {
    const old = document.querySelector(part), now = fresh.querySelector(part);
    if (old.id === "gone") now.hidden = old.hidden;
    if (old.id === "copied") now.hidden = old.hidden;
    take(old, now);
  }
  arrange();
}

// take makes one element like another.
function take(old, now) {
  if (old.hasAttribute("data-own")) return;
  takeAttributes(old, now);
  if (old.nodeName === "TEXTAREA") return;
  const before = old.nodeName === "SELECT" ? choice(old) : "";
  let at = old.firstChild;
  for (const f of [...now.childNodes]) {
    let o = null;
    if (f.id) o = [...old.children].find((c) => c.id === f.id && c.nodeName === f.nodeName) || null;
    else if (at && at.nodeType === f.nodeType && at.nodeName === f.nodeName && !at.id) o = at;
    if (!o) {
      old.insertBefore(document.importNode(f, true), at);
      continue;
    }
    if (o === at) at = at.nextSibling;
    else old.insertBefore(o, at);
    if (o.nodeType === Node.ELEMENT_NODE) take(o, f);
    else if (o.data !== f.data) o.data = f.data;
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
  if (old.nodeName === "SELECT" && choice(old) !== before) old.value = choice(old);
}

// choice is what the server says is chosen.
const choice = (select) => ([...select.options].find((o) => o.hasAttribute("selected")) || select.options[0] || {}).value;

function takeAttributes(old, now) {
  for (const a of [...old.attributes]) if (!now.hasAttribute(a.name) && !kept(old, a.name)) old.removeAttribute(a.name);
  for (const a of [...now.attributes]) {
    if (old.getAttribute(a.name) === a.value || kept(old, a.name)) continue;
    old.setAttribute(a.name, a.value);
    if (a.name === "value" && old.nodeName === "INPUT" && old !== document.activeElement) old.value = a.value;
  }
  if (old.type === "checkbox" && old.nodeName === "INPUT" && old.defaultChecked !== old.serverChecked) {
    old.checked = old.serverChecked = old.defaultChecked;
  }
}

// kept are attributes that are a person's or this script's.
const kept = (e, name) => (name === "open" && e.nodeName === "DETAILS") || (name === "type" && e.hasAttribute("data-kept-type")) || name.startsWith("data-kept");

// arrange does what depends on what is chosen and typed.
function arrange() {
  for (const select of document.querySelectorAll("[data-shows]")) {
    for (const e of select.form.querySelectorAll("[data-when]")) e.hidden = !e.dataset.when.split(" ").includes(select.value);
  }
  for (const form of document.querySelectorAll("form[data-check]")) {
    for (const b of form.querySelectorAll("[data-needs-ready]")) if (form.dataset.keptReady !== "true") b.disabled = true;
    if (!form.dataset.keptReady) { form.dataset.keptReady = "asked"; check(form); }
  }
  const go = document.querySelector("[data-go]");
  if (go) location.assign(go.dataset.go);
}

// look gets the page anew; of several wishes at a time one more look is enough.
let busy = false, again = false;
async function look() {
  if (busy) { again = true; return; }
  busy = true;
  do {
    again = false;
    try {
      const at = location.href;
      const response = await fetch(at, { headers: looking });
      const html = await response.text();
      if (response.ok && at === location.href) show(html);
      if (response.status === 401) gone(true); else gone(false);
    } catch { gone(true); }
  } while (again);
  busy = false;
}

function gone(on) { document.getElementById("gone").hidden = !on; }

function tell(text) {
  const told = document.getElementById("told");
  told.textContent = text;
  told.hidden = !text;
}

// ask puts a question in the page itself.
function ask(d) {
  const box = document.getElementById("ask"), [yes, no] = box.querySelectorAll("button");
  box.querySelector("h2").textContent = d.ask;
  box.querySelector("p").textContent = d.text;
  yes.textContent = d.yes;
  no.textContent = d.no;
  box.returnValue = "no";
  box.showModal();
  return new Promise((done) => box.addEventListener("close", () => done(box.returnValue === "yes"), { once: true }));
}

// clearing ends when the server has forgotten outcomes that are not those of what is typed now.
let clearing = Promise.resolve();

// send sends a form; what came of it is on the page that the server leads to.
async function send(form, button) {
  const data = new FormData(form, button);
  const body = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
  tell("");
  try {
    await clearing;
    const response = await fetch(button?.hasAttribute("formaction") ? button.formAction : form.action, { method: "POST", body, headers: looking });
    const text = await response.text();
    if (!response.ok) { tell(text); return; }
    if (form.hasAttribute("data-clear")) form.reset();
    if (new URL(response.url).pathname !== location.pathname) location.assign(response.url);
    else { show(text); look(); }
  } catch { gone(true); }
}

document.addEventListener("submit", async (event) => {
  const form = event.target, button = event.submitter;
  if (form.method === "dialog") return;
  if (form.hasAttribute("data-plain")) {
    if (form.hasAttribute("data-clear")) setTimeout(() => { form.reset(); form.dataset.keptReady = ""; arrange(); });
    return;
  }
  event.preventDefault();
  if (form.id === "log-filter") return;
  if (form.method === "get") { go(form, button); return; }
  if (form.dataset.ask && !await ask(form.dataset)) return;
  send(form, button);
});

// go shows what a form asks to see, in place.
function go(form, button) {
  const to = new URL(form.action);
  to.search = new URLSearchParams(new FormData(form, button));
  history.replaceState(null, "", to);
  look();
}

// check lets the server judge what is typed.
async function check(form) {
  const turn = form.dataset.keptTurn = String(Number(form.dataset.keptTurn || 0) + 1);
  const response = await fetch(form.dataset.check, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const html = await response.text();
  if (form.dataset.keptTurn !== turn || !response.ok) return;
  form.querySelector("[data-checked]").innerHTML = html;
  const ready = response.headers.get("X-Ready") === "true";
  form.dataset.keptReady = String(ready);
  for (const b of form.querySelectorAll("[data-needs-ready]")) b.disabled = !ready;
}

const pauses = new Map();
function soon(form, wait, f) {
  clearTimeout(pauses.get(form));
  pauses.set(form, setTimeout(() => { pauses.delete(form); f(); }, wait));
}

document.addEventListener("input", (event) => {
  const field = event.target, form = field.form;
  if (field.dataset.reveal) {
    const secret = document.getElementById(field.dataset.reveal);
    secret.setAttribute("data-kept-type", "");
    secret.type = field.checked ? "text" : "password";
    return;
  }
  if (!form) return;
  if (form.hasAttribute("data-shows") || field.hasAttribute("data-shows")) arrange();
  if (form.hasAttribute("data-check")) check(form);
  if (form.hasAttribute("data-setting")) soon(form, field.matches("[type=checkbox], select") ? 0 : 500, () => send(form));
  if (form.hasAttribute("data-live")) soon(form, field.matches("select") ? 0 : 250, () => go(form));
  if (form.dataset.changed && document.querySelector("[data-outcome]")) {
    clearing = clearing.then(() => fetch(form.dataset.changed, { method: "POST", headers: looking })).catch(() => gone(true));
  }
});

document.addEventListener("reset", (event) => setTimeout(() => {
  arrange();
  if (event.target.hasAttribute("data-check")) check(event.target);
}));

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  await copy(button.dataset.copyFrom ? document.getElementById(button.dataset.copyFrom).textContent : button.dataset.copy);
});

async function copy(text) {
  await navigator.clipboard.writeText(text);
  const copied = document.getElementById("copied");
  copied.hidden = false;
  clearTimeout(pauses.get(copied));
  pauses.set(copied, setTimeout(() => { copied.hidden = true; }, 1500));
}

// What is above listens before there is anything to press; this begins when the page is there.
document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll("input[type=checkbox]")) box.serverChecked = box.defaultChecked;
  arrange();
  const events = new EventSource("/events");
  events.onmessage = () => { if (!document.hidden) look(); };
  events.onerror = () => gone(true);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  setInterval(() => { if (!document.hidden && document.querySelector("[data-tick]")) look(); }, 1000);
});
