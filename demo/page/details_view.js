// A result, large, in a dialog. Gradio hands over element, trigger, props and watch.

const dialog = element.querySelector("dialog");
const [title, facts, reasons] = [".title", ".facts", ".reasons"]
  .map((selector) => dialog.querySelector(selector));
let opener = null; // what was chosen: a button of the gallery

function note(text) {
  return Object.assign(document.createElement("p"), { className: "note", textContent: text });
}

function open(chosen, key) {
  opener = chosen;
  dialog.dataset.key = key;
  title.textContent = opener.closest("figure").querySelector(".name").textContent;
  facts.replaceChildren(waiting());
  reasons.replaceChildren(note(props.texts.loading));
  const place = openers().indexOf(opener);
  dialog.querySelector("[data-do=previous]").disabled = place <= 0;
  dialog.querySelector("[data-do=next]").disabled = place + 1 >= openers().length;
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

// The thumbnail is there at once; the photograph itself follows.
function waiting() {
  const picture = opener.querySelector("img").cloneNode();
  picture.className = "waiting";
  return picture;
}

function show() {
  const value = props.value;
  if (!value || String(value.key) !== dialog.dataset.key) return;
  // Escaped in Python, see details.py.
  if (facts.dataset.shown !== String(value.key)) {
    facts.innerHTML = value.facts;
    facts.dataset.shown = value.key;
  }
  reasons.innerHTML = value.reasons;
  if (!value.is_whole) reasons.append(note(props.texts.loading));
}

function openers() {
  return Array.from(opener.closest(".gallery").querySelectorAll(".opener"));
}

function turn(by) {
  openers()[openers().indexOf(opener) + by]?.click();
}

const actions = {
  close: () => dialog.close(),
  previous: () => turn(-1),
  next: () => turn(1),
  again: (button) => {
    dialog.close();
    trigger("again", { ...button.dataset });
  },
};

dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // what is behind it
  const button = event.target.closest("[data-do]");
  if (button) actions[button.dataset.do]?.(button);
});
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") turn(-1);
  if (event.key === "ArrowRight") turn(1);
});
dialog.addEventListener("fail", () => {
  reasons.replaceChildren(note(props.texts.failed));
});
const heard = (event) => {
  if (!element.isConnected) document.removeEventListener("result-opened", heard);
  else open(event.detail.opener, event.detail.key);
};
document.addEventListener("result-opened", heard);
watch("value", show);
