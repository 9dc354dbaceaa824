// Tells of jobs. Gradio hands over element, trigger, props and watch.

const view = element.querySelector(".jobs");
const list = view.querySelector("ul");
const SECONDS = 1; // between two questions, while something is going on
let states = null;
let timer = null;

function made(tag, text, attributes = {}) {
  const one = Object.assign(document.createElement(tag), { textContent: text });
  for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
  return one;
}

function button(job, action) {
  const name = `${props.texts[action]}: ${job.title}`;
  return made("button", props.texts[action], {
    type: "button", class: "button small", "data-do": action, "data-id": job.id, "aria-label": name,
  });
}

function progressOf(job) {
  const bar = made("progress", "", { max: "1", "aria-label": job.title });
  if (job.share !== null) bar.value = job.share;
  return bar;
}

function told(job) {
  const one = made("li", "", { class: job.state });
  const head = made("div", "", { class: "head" });
  head.append(made("strong", job.title), made("span", props.texts[job.state], { class: "is" }));
  one.append(head);
  if (job.state === "running") one.append(progressOf(job), made("p", job.doing));
  if (job.said) one.append(made("p", job.said, job.state === "failed" ? { role: "alert" } : {}));
  const buttons = made("div", "", { class: "buttons" });
  if (["waiting", "running"].includes(job.state)) buttons.append(button(job, "cancel"));
  if (["failed", "cancelled"].includes(job.state)) buttons.append(button(job, "go_on"));
  if (job.search) {
    buttons.append(made("a", props.texts.search, { href: job.search, class: "button small" }));
  }
  if (buttons.children.length) one.append(buttons);
  return one;
}

// Only what has changed is drawn anew, so that the keyboard's focus stays where it is.
function draw(jobs) {
  const before = new Map([...list.children].map((one) => [one.dataset.id, one]));
  const drawn = jobs.map((job) => {
    const key = JSON.stringify(job);
    const old = before.get(job.id);
    if (old?.dataset.key === key) return old;
    const one = told(job);
    Object.assign(one.dataset, { id: job.id, key });
    if (old?.contains(document.activeElement)) {
      const { do: action } = document.activeElement.dataset;
      queueMicrotask(() => one.querySelector(`[data-do="${action}"]`)?.focus());
    }
    return one;
  });
  list.replaceChildren(...drawn);
  view.hidden = !jobs.length;
}

async function ask() {
  clearTimeout(timer);
  const answer = await fetch("jobs").catch(() => null);
  if (answer?.ok) {
    const { jobs, is_at_work: isAtWork } = await answer.json();
    draw(jobs);
    const now = new Map(jobs.map((job) => [job.id, job.state]));
    const ended = !states ? [] : jobs.filter((job) => (
      states.get(job.id) !== job.state && ["done", "failed", "cancelled"].includes(job.state)
    ));
    states = now;
    if (ended.length) trigger("ended", { made: ended.find((job) => job.search)?.collection ?? "" });
    if (!isAtWork) return;
  }
  timer = setTimeout(ask, 1000 * SECONDS * (answer?.ok ? 1 : 5));
}

element.addEventListener("click", async (event) => {
  const { do: action, id } = event.target.closest("[data-do]")?.dataset ?? {};
  if (!action) return;
  await fetch(`jobs/${id}/${action}`, { method: "POST" }).catch(() => null);
  ask();
});
view.addEventListener("begin", ask);
ask();
