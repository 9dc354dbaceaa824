// Shows a collection. Gradio hands over element, trigger, props and watch.

const view = element.querySelector(".collection-view");

function show() {
  // Escaped in Python, see collection_view.py.
  view.innerHTML = props.value ?? "";
  view.classList.remove("busy-now");
}

function chosenIn(button) {
  const within = button.closest(".photographs") ?? button.closest("details");
  return [...within.querySelectorAll("input:checked")].map((box) => box.value);
}

function ask(text, values = {}) {
  return confirm(props.texts[text].replace(/\{(\w+)\}/g, (_, name) => values[name]));
}

const actions = {
  page: (button) => trigger("turn", { page: Number(button.dataset.page) }),
  copies: () => trigger("duplicates"),
  remove: (button) => {
    const ids = chosenIn(button);
    if (!ids.length) alert(props.texts.choose);
    else if (ask("remove", { count: ids.length })) trigger("leave_out", { ids });
  },
  change: (button) => {
    const { what } = button.dataset;
    if (what !== "delete" || ask("delete")) trigger("alter", { what });
  },
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  actions[button.dataset.do]?.(button);
});
watch("value", show);
show();
