// Chooses a photograph and a part of it. Gradio hands over element, trigger, props and watch.
// What is chosen is props.value, see photograph_box.py; everything on the screen follows it.

const SMALLEST = 12; // pixels of the screen: a shorter draw is a click
const STEP = 0.02; // of the photograph's side, by a key
const find = (selector) => element.querySelector(selector);
const root = find(".photograph-box");
const [empty, chosen, stage, image, part] =
  [".empty", ".chosen", ".stage", ".stage img", ".part"].map(find);
const [file, shot, camera, video] = [".file", ".shot", ".camera", "video"].map(find);
const [told, problem, progress] = [".told", ".problem", ".progress"].map(find);
const isTouch = matchMedia("(pointer: coarse)").matches;
const canFilm = Boolean(navigator.mediaDevices?.getUserMedia);

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const say = (name, values = {}) => fill(props.texts[name], values);
const isVisible = () => element.offsetParent !== null;

// ---- what is shown ----

function address(value) {
  const coded = (text) => text.split("/").map(encodeURIComponent).join("/");
  if (value.token) return `kept/${encodeURIComponent(value.token)}?width=1280`;
  return `photographs/${coded(value.method)}/${encodeURIComponent(value.id)}?width=1280`;
}

function show() {
  const value = props.value;
  empty.hidden = Boolean(value);
  chosen.hidden = !value;
  if (!value) {
    image.removeAttribute("src");
    return;
  }
  stage.style.aspectRatio = `${value.width} / ${value.height}`;
  stage.style.setProperty("--shape", value.width / value.height);
  const source = address(value);
  if (image.getAttribute("src") !== source) image.src = source;
  showPart(value.box);
}

function showPart(box) {
  const { width, height } = props.value;
  part.hidden = !box;
  stage.classList.toggle("choosing", Boolean(box));
  find("[data-do=part]").hidden = Boolean(box);
  find("[data-do=whole]").hidden = !box;
  if (!box) {
    told.textContent = say(isTouch ? "wholeTouch" : "whole", { width, height });
    return;
  }
  const [x1, y1, x2, y2] = box;
  const percent = (share) => `${100 * share}%`;
  Object.assign(part.style, {
    left: percent(x1 / width), top: percent(y1 / height),
    width: percent((x2 - x1) / width), height: percent((y2 - y1) / height),
  });
  const values = { left: x1, top: y1, partWidth: x2 - x1, partHeight: y2 - y1 };
  told.textContent = say("part", values);
  part.setAttribute("aria-label", told.textContent);
}

function complain(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

function choose(value) {
  complain("");
  props.value = value;
  show();
}

// ---- uploads ----

function upload(blob) {
  complain("");
  if (!blob.type.startsWith("image/")) {
    complain(say("noPhotograph"));
    return;
  }
  if (blob.size > props.limits.bytes) {
    const megabytes = (blob.size / 1e6).toFixed(1);
    complain(say("tooLarge", { megabytes, limit: props.limits.megabytes }));
    return;
  }
  const form = new FormData();
  form.append("photograph", blob, blob.name ?? "photograph");
  const request = new XMLHttpRequest();
  request.open("POST", "uploads");
  request.upload.onprogress = (event) => showProgress(event.loaded / event.total);
  showProgress(0);
  root.arriving = new Promise((resolve) => {
    request.onloadend = () => {
      received(request);
      root.arriving = undefined;
      resolve(props.value);
    };
  });
  request.send(form);
}

function received(request) {
  progress.hidden = true;
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch { /* an answer of a proxy, or none */ }
  if (request.status === 200 || request.status === 201) {
    const { token, width, height } = answer;
    choose({ token, width, height, box: null });
  } else if (typeof (answer.error ?? answer.detail) === "string") {
    complain(answer.error ?? answer.detail);
  } else {
    complain(say(request.status === 429 ? "tooMany" : "failed"));
  }
}

function showProgress(share) {
  const percent = Math.round(100 * share);
  progress.hidden = false;
  progress.querySelector(".bar").style.width = `${percent}%`;
  progress.querySelector("span").textContent =
    percent < 100 ? say("uploading", { percent }) : say("reading");
}

function firstImage(transfer) {
  return Array.from(transfer?.files ?? [])[0];
}

// ---- the camera ----

let film = null;

async function openCamera() {
  if (isTouch || !canFilm) {
    shot.click(); // a telephone's own camera takes sharper photographs than a film's frame is
    return;
  }
  try {
    const wanted = { facingMode: "environment", width: { ideal: 4096 }, height: { ideal: 4096 } };
    film = await navigator.mediaDevices.getUserMedia({ video: wanted });
  } catch (error) {
    complain(say("noCamera", { reason: error.message || error.name }));
    return;
  }
  video.srcObject = film;
  camera.showModal();
}

function closeCamera() {
  film?.getTracks().forEach((track) => track.stop());
  film = null;
  video.srcObject = null;
  if (camera.open) camera.close();
}

function shoot() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  closeCamera();
  canvas.toBlob((blob) => upload(new File([blob], "camera.jpg", { type: blob.type })),
    "image/jpeg", 0.95);
}

// ---- what happens when ----

const actions = {
  choose: () => file.click(),
  camera: openCamera,
  shoot,
  cancel: closeCamera,
  part: partByHand,
  whole: wholeByHand,
  remove: () => {
    choose(null);
    find("[data-do=choose]").focus();
  },
};

element.addEventListener("click", (event) => {
  actions[event.target.closest("[data-do]")?.dataset.do]?.();
});
for (const input of [file, shot]) {
  input.addEventListener("change", () => {
    if (input.files[0]) upload(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
}
camera.addEventListener("close", closeCamera);
find("[data-do=camera]").hidden = !isTouch && !canFilm;

stage.addEventListener("pointerdown", grab);
stage.addEventListener("pointermove", pull);
stage.addEventListener("pointerup", drop);
stage.addEventListener("pointercancel", drop);
part.addEventListener("keydown", key);
image.addEventListener("error", () => {
  if (!props.value) return;
  choose(null);
  complain(say("gone"));
});

// Of the whole window: a photograph that misses the box would replace the page.
const listen = (name, heard) => {
  const listener = (event) => {
    if (!element.isConnected) document.removeEventListener(name, listener);
    else if (isVisible()) heard(event);
  };
  document.addEventListener(name, listener);
};
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
listen("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  element.classList.add("dropping");
});
listen("dragleave", (event) => {
  if (!event.relatedTarget) element.classList.remove("dropping");
});
listen("drop", (event) => {
  element.classList.remove("dropping");
  if (!hasFiles(event)) return;
  event.preventDefault();
  upload(firstImage(event.dataTransfer));
});
listen("paste", (event) => {
  const pasted = firstImage(event.clipboardData);
  if (pasted) upload(pasted);
});

watch("value", () => {
  complain("");
  show();
});
show();
