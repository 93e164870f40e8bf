import { texts as t } from './texts.js';

const view = document.getElementById('view');
const leave = document.getElementById('leave');
let session = null;

// el makes an element: properties, and children that are elements or texts. Texts never become markup.
function el(name, properties = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith('on')) e.addEventListener(key.slice(2), value);
    else if (key in e && !key.startsWith('aria') && key !== 'list') e[key] = value;
    else e.setAttribute(key, value);
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return e;
}

// show replaces what is seen and moves the focus there, so that a screen reader reads on from its title.
function show(title, focus, ...children) {
  const h = el('h1', { tabIndex: -1 }, title);
  view.replaceChildren(el('section', { className: 'card' }, h, ...children));
  view.removeAttribute('aria-busy');
  document.title = `${title} · Data Management Gateway`;
  (focus || h).focus();
}

class Refused extends Error {
  constructor(error, status) {
    super(error.message);
    this.error = error;
    this.status = status;
  }
}

async function ask(method, path, body, signal) {
  const headers = {};
  if (method !== 'GET') headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && session) headers['X-CSRF-Token'] = session.csrf;
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (e) {
    if (e.name === 'AbortError') throw e;
    throw new Refused({ message: t.offline, hint: t.offlineHint }, 0);
  }
  if (response.ok) return response;
  let error = { message: t.offline };
  try {
    error = (await response.json()).error;
  } catch { /* not from the gateway itself */ }
  throw new Refused(error, response.status);
}

const json = async (...args) => (await ask(...args)).json();

function sentence(text) {
  text = (text || '').trim();
  if (!text) return '';
  text = text[0].toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

// words shows what stands between backticks as something to be typed.
function words(text) {
  return text.split('`').map((part, i) => (i % 2 ? el('code', {}, part) : part));
}

function note(error) {
  return el('div', { className: 'note', role: 'alert' }, el('p', {}, words(sentence(error.message))), error.hint ? el('p', {}, words(sentence(error.hint))) : null);
}

// failed shows an error in its place; a session that is over leads back to the code.
function failed(e, place) {
  if (e.name === 'AbortError') return;
  if (!(e instanceof Refused)) throw e;
  if (e.status === 401) {
    session = null;
    pair({ message: t.endedTitle, hint: e.error.hint });
    return;
  }
  place.replaceChildren(note(e.error));
}

function entered(s) {
  session = s;
  document.getElementById('who').textContent = t.who(s.gateway, s.node, s.factory);
  leave.textContent = t.leave;
  leave.hidden = false;
}

leave.addEventListener('click', async () => {
  try {
    await ask('DELETE', 'session', {});
  } catch { /* it is over either way */ }
  session = null;
  leave.hidden = true;
  show(t.leftTitle, null, el('p', { className: 'lead' }, t.leftText));
});

function pair(error) {
  leave.hidden = true;
  const problem = el('div');
  if (error) problem.append(note(error));
  const code = el('input', {
    id: 'code', className: 'code', autocomplete: 'off', autocapitalize: 'characters', spellcheck: false, maxLength: 12, placeholder: '7KQ4-M2XD', required: true, 'aria-describedby': 'code-hint',
  });
  const button = el('button', { className: 'high', type: 'submit' }, t.pairButton);
  const form = el('form', {
    noValidate: true,
    onsubmit: async (event) => {
      event.preventDefault();
      if (!code.value.trim()) {
        code.focus();
        return;
      }
      button.disabled = true;
      try {
        entered(await json('POST', 'session', { code: code.value }));
        await choose();
      } catch (e) {
        failed(e, problem);
        code.setAttribute('aria-invalid', 'true');
        code.focus();
        code.select();
      } finally {
        button.disabled = false;
      }
    },
  }, problem, el('div', { className: 'field' }, el('label', { htmlFor: 'code' }, t.pairLabel), code, el('p', { className: 'hint', id: 'code-hint' }, t.pairHint)), el('div', { className: 'actions' }, button));
  show(t.pairTitle, code, el('p', { className: 'lead' }, words(t.pairLead)), form);
}

function stateOf(target) {
  if (target.kinds.length === 0) return el('span', { className: 'badge muted' }, t.stateUnknown);
  if (!target.set) return el('span', { className: 'badge muted' }, target.kinds.every((k) => k.fields.length === 0) ? '' : t.stateUnset);
  return target.readable ? el('span', { className: 'badge good' }, t.stateSet) : el('span', { className: 'badge warning' }, t.stateOther);
}

const typeName = (target) => t.types[target.type] || target.type;

async function choose() {
  const problem = el('div');
  let targets = [];
  try {
    targets = (await json('GET', 'targets')).targets;
  } catch (e) {
    show(t.chooseTitle, null, problem, el('div', { className: 'actions' }, el('button', { type: 'button', onclick: choose }, t.chooseAgain)));
    failed(e, problem);
    return;
  }
  if (session.scope && targets.length === 1) {
    edit(targets[0]);
    return;
  }
  if (targets.length === 0) {
    show(t.chooseTitle, null, el('p', { className: 'lead' }, t.chooseNone), el('div', { className: 'actions' }, el('button', { type: 'button', onclick: choose }, t.chooseAgain)));
    return;
  }
  show(t.chooseTitle, null, el('p', { className: 'lead' }, t.chooseLead), el('ul', { className: 'list' }, targets.map((target) => el('li', {}, el(
    'button', { type: 'button', className: 'item', disabled: target.kinds.length === 0, onclick: () => edit(target) },
    el('b', {}, target.name), el('small', {}, t.formLead(typeName(target), target.place)), stateOf(target),
  )))));
}

function fieldOf(field, changed) {
  const id = `field-${field.name}`;
  const common = { id, name: field.name, required: !field.optional, spellcheck: false, autocomplete: 'off', oninput: changed };
  if (field.hint) common['aria-describedby'] = `${id}-hint`;
  let input;
  let box;
  if (field.lines) {
    input = el('textarea', { ...common, rows: 6 });
    box = input;
  } else if (field.secret) {
    input = el('input', { ...common, type: 'password', autocomplete: 'new-password' });
    const reveal = el('button', {
      type: 'button', 'aria-label': t.showField(field.title), 'aria-pressed': 'false',
      onclick: () => {
        const shown = input.type === 'text';
        input.type = shown ? 'password' : 'text';
        reveal.textContent = shown ? t.show : t.hide;
        reveal.setAttribute('aria-label', shown ? t.showField(field.title) : t.hideField(field.title));
        reveal.setAttribute('aria-pressed', String(!shown));
      },
    }, t.show);
    box = el('div', { className: 'secret' }, input, reveal);
  } else {
    input = el('input', { ...common, value: field.value || '' });
    box = input;
  }
  const label = el('label', { htmlFor: id }, field.title, field.optional ? el('span', { className: 'optional' }, ` (${t.optional})`) : null);
  return { field, input, node: el('div', { className: 'field' }, label, box, field.hint ? el('p', { className: 'hint', id: `${id}-hint` }, field.hint) : null) };
}

function edit(target) {
  const problem = el('div');
  const outcome = el('div', { 'aria-live': 'polite' });
  const fields = el('div', { className: 'field' });
  let inputs = [];
  let testing = null;
  const kept = {}; // what was typed, when the authentication changes
  const select = el('select', { id: 'kind', onchange: () => fill() }, target.kinds.map((k) => el('option', { value: k.name }, k.title)));
  const others = target.nodes.filter((n) => !n.this);
  const boxes = others.map((n) => el('input', { type: 'checkbox', value: n.thumbprint }));

  const stale = () => {
    if (testing) testing.abort();
    outcome.replaceChildren();
  };

  function fill() {
    for (const i of inputs) kept[i.field.name] = i.input.value;
    const kind = target.kinds.find((k) => k.name === select.value);
    inputs = kind.fields.map((f) => fieldOf(f, stale));
    for (const i of inputs) if (kept[i.field.name]) i.input.value = kept[i.field.name];
    fields.style.gap = '16px';
    fields.replaceChildren(...(inputs.length ? inputs.map((i) => i.node) : [el('p', { className: 'hint' }, t.nothingToEnter)]));
    stale();
  }

  // request is what was entered, null where something is missing.
  function request() {
    problem.replaceChildren();
    const values = {};
    let first = null;
    for (const { field, input } of inputs) {
      const empty = input.value === '';
      input.toggleAttribute('aria-invalid', false);
      if (empty && !field.optional) {
        input.setAttribute('aria-invalid', 'true');
        first = first || { field, input };
      }
      if (!empty) values[field.name] = input.value;
    }
    if (first) {
      problem.replaceChildren(note({ message: `${first.field.title}: ${t.missing}` }));
      first.input.focus();
      return null;
    }
    return { kind: select.value, values, alsoFor: boxes.filter((b) => b.checked).map((b) => b.value) };
  }

  const path = `targets/${encodeURIComponent(target.name)}`;
  const test = el('button', { type: 'button', onclick: () => (testing ? testing.abort() : runTest()) }, t.testButton);
  const save = el('button', { type: 'submit', className: 'high' }, t.saveButton);

  async function runTest() {
    const r = request();
    if (!r) return;
    const busy = el('li', {}, el('span', { className: 'mark busy', 'aria-hidden': 'true' }), el('span', { className: 'what' }, t.testing));
    const list = el('ul', { className: 'stages' }, busy);
    outcome.replaceChildren(list);
    testing = new AbortController();
    const mine = testing;
    test.textContent = t.cancelTest;
    try {
      const response = await ask('POST', `${path}/test`, r, mine.signal);
      let last = null;
      let told = false;
      for await (const line of linesOf(response)) {
        if (line.stage) {
          list.insertBefore(stageItem(line.stage), busy);
          told = told || Boolean(line.stage.error);
        } else last = line;
      }
      busy.remove();
      if (last && last.done) list.append(verdict(true, t.testDone));
      else list.append(verdict(false, t.testFailed, told || !last ? null : last.error));
    } catch (e) {
      if (e.name === 'AbortError') {
        if (outcome.contains(list)) outcome.replaceChildren(el('p', { className: 'hint' }, t.testStopped));
      } else {
        outcome.replaceChildren();
        failed(e, problem);
      }
    } finally {
      testing = null;
      test.textContent = t.testButton;
    }
  }

  const form = el('form', {
    noValidate: true,
    onsubmit: async (event) => {
      event.preventDefault();
      const r = request();
      if (!r) return;
      stale();
      save.disabled = true;
      save.textContent = t.saving;
      try {
        done(await json('POST', `${path}/credential`, r));
      } catch (e) {
        failed(e, problem);
      } finally {
        save.disabled = false;
        save.textContent = t.saveButton;
      }
    },
  },
  el('div', { className: 'field' }, el('label', { htmlFor: 'kind' }, t.kindLabel), select),
  fields,
  others.length === 0 ? null : el('fieldset', { className: 'field' }, el('legend', {}, t.nodesTitle), el('p', { className: 'hint' }, t.nodesHint), others.map((n, i) => el('label', { className: 'check' }, boxes[i], n.name, el('code', {}, n.thumbprint)))),
  problem, outcome,
  el('div', { className: 'actions' }, save, test, session.scope ? null : el('button', { type: 'button', className: 'quiet push', onclick: () => { stale(); choose(); } }, t.back)));
  show(t.formTitle(target.name), null, el('p', { className: 'lead' }, t.formLead(typeName(target), target.place)), form);
  fill();
}

// linesOf reads an answer that comes line by line.
async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done: end } = await reader.read();
    rest += value || '';
    const lines = rest.split('\n');
    rest = lines.pop();
    for (const line of lines) if (line.trim()) yield JSON.parse(line);
    if (end) return;
  }
}

function mark(good) {
  return el('span', { className: `mark ${good ? 'good' : 'bad'}`, 'aria-hidden': 'true' }, good ? '✓' : '✕');
}

function stageItem(s) {
  return el('li', {}, mark(!s.error), el('span', { className: 'what' }, t.stages[s.name] || s.name, s.detail ? el('span', {}, ` ${s.detail}`) : null), el('span', { className: 'took' }, t.seconds(s.took)),
    s.error ? el('p', { className: 'why bad' }, words(sentence(s.error))) : null, s.remedy ? el('p', { className: 'remedy' }, words(sentence(s.remedy))) : null);
}

function verdict(good, text, error) {
  return el('li', {}, mark(good), el('b', { className: `what ${good ? 'good' : 'bad'}` }, text), el('span'),
    error ? el('p', { className: 'why' }, words(sentence(error.message))) : null, error && error.hint ? el('p', { className: 'remedy' }, words(sentence(error.hint))) : null);
}

function done(outcome) {
  show(t.doneTitle, null, el('p', { className: 'lead' }, t.doneText(outcome.linkedService)),
    outcome.sealedFor && outcome.sealedFor.length ? el('div', { className: 'note fine' }, el('p', {}, t.doneNodes(outcome.sealedFor))) : null,
    session.scope ? null : el('div', { className: 'actions', style: 'margin-top:18px' }, el('button', { type: 'button', onclick: choose }, t.another)));
  view.querySelector('section').prepend(el('span', { className: 'mark good big', 'aria-hidden': 'true' }, '✓'));
}

async function begin() {
  document.getElementById('foot').textContent = t.foot;
  const token = new URLSearchParams(window.location.hash.slice(1)).get('token');
  if (window.location.hash) window.history.replaceState(null, '', '/'); // the token belongs into no history
  if (token) {
    show(t.tokenBusy, null);
    try {
      entered(await json('POST', 'session', { token }));
      await choose();
    } catch (e) {
      if (!(e instanceof Refused)) throw e;
      pair({ message: e.error.message, hint: e.error.hint });
    }
    return;
  }
  try {
    entered(await json('GET', 'session'));
    await choose();
  } catch (e) {
    if (!(e instanceof Refused)) throw e;
    pair(e.status === 401 ? null : e.error);
  }
}

window.addEventListener('hashchange', begin);
begin();
