// Sends photographs one after another. Gradio hands over element, trigger, props and watch.

const find = (selector) => element.querySelector(selector);
const MOST_NAMED = 5; // refused files
const AT_ONCE = 2; // that are on their way
let token = null;
let isStopped = false;
let folderName = "";
let refusedCount = 0;

function say(text, values) {
  return props.texts[text].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function show(selector, isShown) {
  find(selector).hidden = !isShown;
}

function setBusy(isBusy) {
  for (const action of ["files", "folder"]) show(`[data-do=${action}]`, !isBusy);
  show("[data-do=stop]", isBusy);
  show(".sending", isBusy);
}

function arrived(count) {
  find(".arrived").textContent = count === 1 ? props.texts.one : say("arrived", { count });
  show(".arrived", count > 0);
  show("[data-do=clear]", count > 0);
  props.value = count > 0 ? { token, count, name: folderName } : null;
  trigger("change");
}

function refuse(name, reason) {
  const list = find(".refused");
  refusedCount += 1;
  list.hidden = false;
  const text = refusedCount > MOST_NAMED
    ? say("more", { count: refusedCount - MOST_NAMED }) : `${name}: ${reason}`;
  if (refusedCount > MOST_NAMED + 1) list.lastChild.textContent = text;
  else list.append(Object.assign(document.createElement("li"), { textContent: text }));
}

async function reasonOf(answer) {
  try {
    return (await answer.json()).detail;
  } catch { // not the server's own answer
    return say("failed", {});
  }
}

const wait = (seconds) => new Promise((resolve) => { setTimeout(resolve, 1000 * seconds); });

// Where a photograph lay names what it shows: its folder within the one that was chosen.
function landmarkOf(path) {
  const parts = path.split("/");
  return parts.length > 2 ? parts[1] : "";
}

async function send({ file, path }) {
  const query = new URLSearchParams({ name: file.name, landmark: landmarkOf(path) });
  for (let tries = 0; tries < 4 && !isStopped; tries += 1) {
    try {
      const answer = await fetch(`arriving/${token}?${query}`, { method: "PUT", body: file });
      if (answer.ok) return (await answer.json()).count;
      if (answer.status !== 429 && answer.status !== 503) {
        refuse(path, await reasonOf(answer));
        return null;
      }
      await wait(Number(answer.headers.get("Retry-After")) || 3);
    } catch { // the connection is lost for a while, or for good
      await wait(2 ** tries);
    }
  }
  if (!isStopped) refuse(path, props.texts.failed);
  return null;
}

async function begin() {
  if (token) return true;
  const answer = await fetch("arriving", { method: "POST" }).catch(() => null);
  if (!answer?.ok) {
    refuse(props.texts.all, answer ? await reasonOf(answer) : props.texts.failed);
    return false;
  }
  ({ token } = await answer.json());
  return true;
}

function isSendable({ file, path }) {
  if (path.split("/").some((part) => part.startsWith("."))) return false; // hidden
  if (file.type && !file.type.startsWith("image/")) refuse(path, props.texts.noPhotograph);
  else if (file.size > props.limits.bytes) refuse(path, say("tooLarge", props.limits));
  else return true;
  return false;
}

async function sendAll(chosen) {
  if (!chosen.length) return;
  refusedCount = 0;
  find(".refused").replaceChildren();
  show(".refused", false);
  isStopped = false;
  const files = chosen.filter(isSendable);
  if (!files.length || !(await begin())) return;
  setBusy(true);
  let count = props.value?.count ?? 0;
  let done = 0;
  const line = [...files];
  const told = () => {
    find(".sending .bar").style.width = `${(100 * done) / files.length}%`;
    find(".sending span").textContent = say("sending", { done, count: files.length });
  };
  told();
  const worker = async () => {
    while (line.length && !isStopped) {
      count = Math.max(count, (await send(line.shift())) ?? 0);
      done += 1;
      told();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  setBusy(false);
  arrived(count);
}

function pathsOf(files) {
  return [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

// Of what is dropped, folders are walked through.
async function walk(entry, path) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
    return [{ file, path: path + entry.name }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return found;
    for (const one of some) found.push(...await walk(one, `${path}${entry.name}/`));
  }
}

async function dropped(items) {
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  if (entries.length === 1 && entries[0].isDirectory) folderName = entries[0].name;
  const walked = await Promise.all(entries.map((entry) => walk(entry, "")));
  await sendAll(walked.flat());
}

function forget() {
  if (token) fetch(`arriving/${token}`, { method: "DELETE" });
  token = null;
  folderName = "";
  show(".refused", false);
  arrived(0);
}

const actions = {
  files: () => find("input.files").click(),
  folder: () => find("input.folder").click(),
  stop: () => { isStopped = true; },
  clear: forget,
};

element.addEventListener("click", (event) => {
  actions[event.target.closest("[data-do]")?.dataset.do]?.();
});
element.addEventListener("change", (event) => {
  const { files } = event.target;
  if (!files) return;
  const chosen = pathsOf(files);
  if (event.target.matches(".folder") && chosen.length) [folderName] = chosen[0].path.split("/");
  sendAll(chosen);
  event.target.value = "";
});
element.addEventListener("dragover", (event) => {
  event.preventDefault();
  element.classList.add("dropping");
});
element.addEventListener("dragleave", () => element.classList.remove("dropping"));
element.addEventListener("drop", (event) => {
  event.preventDefault();
  event.stopPropagation();
  element.classList.remove("dropping");
  dropped(event.dataTransfer.items);
});
// A collection was made of it: the next one begins anew.
watch("value", () => {
  if (props.value || !token) return;
  token = null;
  folderName = "";
  for (const one of [".arrived", ".refused", "[data-do=clear]"]) show(one, false);
});
