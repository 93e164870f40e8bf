"use strict";

// The log is shown through a window of lines: the server has them all, this page those that can be seen and some around.

{
  const pane = document.getElementById("log"), room = document.getElementById("log-room"), rows = document.getElementById("log-rows");
  const filter = document.getElementById("log-filter"), follow = document.getElementById("log-follow");
  const rowHeight = 20, tallest = 8_000_000; // browsers limit how high something can be

  let log = null; // what the server said last
  let top = 0;    // the number of the first line that is seen
  let placed = 0; // where the bar was put: a person has not moved it while it is there
  let tall = 0;   // how high the window was when the lines were placed

  const visible = () => Math.max(1, Math.floor(pane.clientHeight / rowHeight));
  const lines = () => (log ? log.high - log.low : 0);
  const lowest = () => (log ? Math.max(log.low, log.high - visible()) : 0);

  function wanted() {
    const data = new URLSearchParams(new FormData(filter));
    data.set("first", top);
    data.set("n", visible() + 1);
    return data;
  }

  // want asks for the lines that are seen; they come by the stream. Of several wishes the last one counts.
  let asking = false, more = false;
  async function want() {
    if (!log) return;
    if (asking) { more = true; return; }
    asking = true;
    do {
      more = false;
      const data = wanted();
      data.set("id", log.id);
      try { await fetch("/log/want", { method: "POST", body: data }); } catch { /* the stream says that the server has gone */ }
    } while (more);
    asking = false;
  }

  // place puts the bar where the lines are.
  function place() {
    const height = Math.min(lines() * rowHeight, tallest);
    tall = pane.clientHeight;
    room.style.height = Math.max(height, 1) + "px";
    const span = height - pane.clientHeight, last = lines() - visible();
    pane.scrollTop = last > 0 && span > 0 ? Math.round((top - log.low) / last * span) : 0;
    placed = pane.scrollTop;
    draw();
  }

  function draw() {
    const all = [];
    for (let i = top; log && i < Math.min(log.high, top + visible() + 1); i++) {
      const line = log.Lines[i - log.first];
      const row = document.createElement("div");
      row.className = "logrow";
      if (line) {
        row.dataset.number = i;
        for (const [name, text] of [["time", line.Time], ["level " + line.Tone, line.Level], ["text", line.Text]]) {
          const cell = document.createElement("span");
          cell.className = name;
          cell.textContent = text;
          row.append(cell);
        }
      }
      all.push(row);
    }
    rows.replaceChildren(...all);
    rows.style.transform = `translateY(${pane.scrollTop}px)`;
    const count = document.getElementById("log-count"), nothing = document.getElementById("log-nothing");
    if (log && count.textContent !== log.count) count.textContent = log.count;
    if (log) { nothing.textContent = log.nothing; nothing.hidden = !log.nothing; }
  }

  function move(to) {
    top = Math.max(log ? log.low : 0, Math.min(to, lowest()));
    follow.checked = top >= lowest();
    place();
    want();
  }

  pane.addEventListener("scroll", () => {
    if (!log || pane.clientHeight !== tall) return; // a window of another height moves by itself
    if (Math.abs(pane.scrollTop - placed) < 1) return;
    placed = pane.scrollTop;
    const span = pane.scrollHeight - pane.clientHeight, last = lines() - visible();
    top = log.low + (span > 0 ? Math.round(pane.scrollTop / span * Math.max(0, last)) : 0);
    follow.checked = top >= lowest();
    draw();
    want();
  });

  pane.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: visible() - 1, PageUp: 1 - visible() }[event.key];
    if (by) move(top + by);
    else if (event.key === "Home") move(log ? log.low : 0);
    else if (event.key === "End") move(lowest());
    else return;
    event.preventDefault();
  });

  follow.addEventListener("change", () => { if (follow.checked) move(lowest()); });

  let pause;
  filter.addEventListener("input", (event) => {
    clearTimeout(pause);
    pause = setTimeout(() => { top = 0; follow.checked = true; want(); }, event.target.name === "search" ? 250 : 0);
  });

  pane.addEventListener("click", async (event) => {
    const row = event.target.closest("[data-number]");
    if (!row || String(getSelection())) return;
    const response = await fetch("/log/line", { method: "POST", body: new URLSearchParams({ id: log.id, number: row.dataset.number }) });
    if (!response.ok) return;
    const box = document.getElementById("log-line");
    box.innerHTML = await response.text();
    box.showModal();
  });

  const copyAll = document.getElementById("log-copy");
  if (copyAll) copyAll.addEventListener("click", async () => {
    const response = await fetch("/log/newest?id=" + log.id);
    if (response.ok) copy(await response.text());
  });

  if (copyAll) {
    const stream = new EventSource("/log/stream?" + wanted());
    stream.onmessage = (event) => {
      const now = JSON.parse(event.data), first = !log || log.id !== now.id, anew = !first && log.generation !== now.generation;
      log = now;
      if (first || anew) follow.checked = true;
      const before = top;
      if (follow.checked) top = lowest();
      top = Math.max(log.low, Math.min(top, lowest()));
      place();
      if (first || anew || before !== top || !log.Lines[top - log.first]) want();
    };
  }
  new ResizeObserver(() => {
    if (!log) return;
    top = follow.checked ? lowest() : Math.max(log.low, Math.min(top, lowest()));
    place();
    want();
  }).observe(pane);
}
