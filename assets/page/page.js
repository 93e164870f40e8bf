"use strict";

// Replaces whatever may change on this page with what the server now says of it, and leaves alone what a person uses.
async function look() {
  const response = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(response.statusText);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(old.id);
    if (now && now.innerHTML !== old.innerHTML && !old.contains(document.activeElement?.closest("input, select"))) old.innerHTML = now.innerHTML;
  }
}

let looking = false, again = false;
async function changed() {
  if (looking) { again = true; return; }
  looking = true;
  try { await look(); gone(false); } catch { gone(true); }
  looking = false;
  if (again) { again = false; changed(); }
}

function gone(on) { document.getElementById("gone").hidden = !on; }

const events = new EventSource("/events");
events.onmessage = changed;
events.onerror = () => gone(true);

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

// Settings are sent as they change; what is wrong with one comes back beside it.
for (const form of document.querySelectorAll("[data-setting]")) {
  const send = () => fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  let pause;
  form.addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(send, 500); });
  form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(pause); send(); });
}

// The key is looked at piece by piece while it is typed.
const key = document.getElementById("key");
if (key) {
  const send = document.getElementById("send");
  const check = async () => {
    const response = await fetch("/check", { method: "POST", body: new URLSearchParams({ key: key.value }) });
    document.getElementById("pieces").innerHTML = await response.text();
    send.disabled = response.headers.get("X-Key-Whole") !== "true";
  };
  key.addEventListener("input", check);
  document.getElementById("reveal").addEventListener("change", (event) => { key.type = event.target.checked ? "text" : "password"; });
  check();
}
