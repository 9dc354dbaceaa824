// The part of the photograph that is searched for: drawn, moved and resized by mouse, finger and keys.
// It follows photograph_box.js, whose names it uses.

const between = (least, value, most) => Math.min(Math.max(value, least), most);

function place(event) {
  const bounds = image.getBoundingClientRect();
  const { width, height } = props.value;
  return [
    between(0, ((event.clientX - bounds.left) / bounds.width) * width, width),
    between(0, ((event.clientY - bounds.top) / bounds.height) * height, height),
  ];
}

// Whole pixels, at least one each way, inside the photograph.
function tidy([x1, y1, x2, y2]) {
  const { width, height } = props.value;
  const left = between(0, Math.round(Math.min(x1, x2)), width - 1);
  const top = between(0, Math.round(Math.min(y1, y2)), height - 1);
  return [
    left, top,
    between(left + 1, Math.round(Math.max(x1, x2)), width),
    between(top + 1, Math.round(Math.max(y1, y2)), height),
  ];
}

function moved([x1, y1, x2, y2], across, down) {
  const { width, height } = props.value;
  const [dx, dy] = [between(-x1, across, width - x2), between(-y1, down, height - y2)];
  return [x1 + dx, y1 + dy, x2 + dx, y2 + dy];
}

function resized([x1, y1, x2, y2], edges, across, down) {
  return [
    edges.includes("w") ? x1 + across : x1, edges.includes("n") ? y1 + down : y1,
    edges.includes("e") ? x2 + across : x2, edges.includes("s") ? y2 + down : y2,
  ];
}

function take(box) {
  choose({ ...props.value, box: box && tidy(box) });
}

let drag = null;

function grab(event) {
  if (event.button !== 0 || !props.value) return;
  const edges = event.target.dataset.edges;
  const isOnPart = event.target === part;
  // A finger scrolls the page until a part is being chosen.
  if (!edges && !isOnPart && event.pointerType === "touch" && !props.value.box) return;
  const start = place(event);
  const how = edges ? (box, dx, dy) => resized(box, edges, dx, dy) : isOnPart ? moved : null;
  drag = { start, how, before: props.value.box, box: null, at: [event.clientX, event.clientY] };
  stage.setPointerCapture(event.pointerId);
  event.preventDefault();
}

function pull(event) {
  if (!drag) return;
  const [x, y] = place(event);
  const [across, down] = [x - drag.start[0], y - drag.start[1]];
  if (drag.how) {
    drag.box = tidy(drag.how(drag.before, across, down));
  } else if (Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]) >= SMALLEST) {
    drag.box = tidy([...drag.start, x, y]);
  }
  if (drag.box) showPart(drag.box);
}

function drop() {
  const box = drag?.box;
  drag = null;
  if (box) take(box);
  if (box) part.focus({ preventScroll: true });
}

function key(event) {
  const directions = {
    ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  };
  const { width, height, box } = props.value;
  if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    wholeByHand();
  }
  if (!directions[event.key]) return;
  event.preventDefault();
  const [across, down] = directions[event.key];
  const step = (side) => (event.altKey ? 1 : Math.max(1, STEP * side));
  const [dx, dy] = [across * step(width), down * step(height)];
  take(event.shiftKey ? resized(box, "se", dx, dy) : moved(box, dx, dy));
}

function wholeByHand() {
  take(null);
  find("[data-do=part]").focus();
}

function partByHand() {
  const { width, height } = props.value;
  take([0.2 * width, 0.2 * height, 0.8 * width, 0.8 * height]);
  part.focus({ preventScroll: true });
}
