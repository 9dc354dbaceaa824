// Shows the results. Gradio hands over element, trigger, props and watch.

const view = element.querySelector(".results-view");
const [busy, body] = [".busy", ".body"].map((selector) => view.querySelector(selector));
const NARROW = 900; // pixels of the window: results stand below the fields
const waiting = props.value; // as before the first search
let begun = 0; // searches so far
let pending = null; // the question that is not answered yet

function show() {
  busy.hidden = true;
  body.hidden = false;
  // Escaped in Python, see results.py.
  body.innerHTML = props.value?.html ?? "";
  for (const image of body.querySelectorAll("img")) {
    image.addEventListener("error", () => {
      image.closest("li")?.classList.add("missing");
    });
  }
}

function answered() {
  const wasBusy = !busy.hidden;
  show();
  const link = props.value?.link;
  if (link) history.replaceState(null, "", `?${link}`);
  if (wasBusy || isProblem()) comeIntoView();
}

const isProblem = () => body.querySelector(".state.problem") !== null;

function comeIntoView() {
  const isBelow = innerWidth < NARROW && element.offsetParent !== null;
  if (isBelow) view.scrollIntoView({ behavior: "smooth", block: "start" });
}

function renew() {
  if (!busy.hidden || !isProblem()) return;
  props.value = waiting;
  show();
}

function beginAnew() {
  body.hidden = true;
  busy.hidden = false;
  begun += 1; // an answer that is still to come is to nothing any more
  return begun;
}

// Of several questions the last one is answered; the same one is not asked twice at a time.
async function ask({ detail: { address, photograph, fields } }) {
  const mine = beginAnew();
  const body = JSON.stringify({ photograph: await photograph, fields });
  if (mine !== begun) return;
  if (pending?.body !== body || pending.address !== address) {
    pending?.abort.abort();
    pending = { address, body, abort: new AbortController() };
    pending.answer = answerTo(pending);
  }
  const question = pending;
  const { ok, told } = await question.answer;
  if (pending === question) pending = null;
  if (mine !== begun) return;
  if (ok) {
    props.value = told;
    answered();
  } else {
    fail(told?.detail);
  }
}

async function answerTo({ address, body, abort: { signal } }) {
  try {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(address, { method: "POST", headers, body, signal });
    return { ok: answer.ok, told: await answer.json() };
  } catch { // no connection, a proxy's own page, or aborted
    return { ok: false };
  }
}

function fail(reason) {
  const card = document.createElement("div");
  card.className = "state problem";
  card.setAttribute("role", "alert");
  for (const [tag, text] of [["h2", props.texts.failed], ["p", reason ?? props.texts.unreachable]]) {
    card.append(Object.assign(document.createElement(tag), { textContent: text }));
  }
  busy.hidden = true;
  body.hidden = false;
  body.replaceChildren(card);
  comeIntoView();
}

function save(text, kind, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const readable = (json) => JSON.stringify(JSON.parse(json), null, 2);

async function copy(button) {
  const address = new URL(`?${props.value.link}`, location.href).href;
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(address);
    button.textContent = props.texts.copied;
  } catch { // not allowed, or not over HTTPS; the address bar has it
    button.textContent = props.texts.notCopied;
  }
  setTimeout(() => { button.textContent = before; }, 2500);
}

const actions = {
  copy,
  // The mark makes spreadsheets read it as UTF-8.
  csv: () => save(`\ufeff${props.value.csv}`, "text/csv", "results.csv"),
  json: () => save(readable(props.value.json), "application/json", "results.json"),
};

element.addEventListener("click", (event) => {
  const opener = event.target.closest(".opener");
  if (opener) {
    const { link } = opener.closest("[data-link]").dataset;
    const key = Date.now();
    document.dispatchEvent(new CustomEvent("result-opened", { detail: { opener, key } }));
    trigger("open", { key, link, ...opener.dataset });
    return;
  }
  const button = event.target.closest("[data-do]");
  if (button) actions[button.dataset.do]?.(button);
});
view.addEventListener("ask", ask);
view.addEventListener("begin", beginAnew);
view.addEventListener("fail", () => { if (!busy.hidden) fail(); });
view.addEventListener("renew", renew);
watch("value", answered);
show();
