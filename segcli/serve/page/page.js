"use strict";
// The page: an image, a model, prompts, the objects found, and their LabelMe file.

const at = (id) => document.getElementById(id);
const view = new View(at("canvas"), at("stage"));
const fresh = () => ({ box: null, points: [] });
const state = {
  models: [], image: null, name: "", // base64 of the file, and its name
  tool: "point", prompt: fresh(), dragged: null,
  kept: [], found: null, // objects {label, shapes, score}; what answers the prompt that is being made
  requests: 0, token: sessionStorage.getItem("token") || "",
};

const model = () => state.models.find((one) => one.name === at("model").value);
const objects = () => (state.found ? [...state.kept, state.found] : state.kept);

function tell(text, fault = false) {
  at("status").textContent = text;
  at("status").className = fault ? "fault" : "";
}

function redraw() {
  view.draw(objects(), model()?.pipeline === "open_vocabulary_segmentation" ? state.prompt : null, state.dragged);
}

// ---- requests to the service

async function ask(path, body) {
  const headers = state.token ? { Authorization: `Bearer ${state.token}` } : {};
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
  const values = await answer.json();
  if (answer.status === 401) at("token-part").hidden = false;
  if (!answer.ok) throw new Error(values.errorMsg || answer.statusText);
  return values;
}

// Requests masks; the reply is dropped if a later request has been sent.
async function segment(fields) {
  if (!state.image) return tell("Open an image first", true);
  const number = ++state.requests, begin = performance.now();
  tell("Working …");
  try {
    const body = { image: state.image, model: model().name, visualize: false, ...fields };
    const { result } = await ask(model().route, body);
    if (number !== state.requests) return null;
    tell(`Answered in ${((performance.now() - begin) / 1000).toFixed(2)} s`);
    return result;
  } catch (fault) {
    if (number === state.requests) tell(fault.message, true);
    return null;
  }
}

async function answerPrompt() {
  const { box, points } = state.prompt;
  if (!box && !points.some((point) => point[2])) {
    state.found = null;
    state.requests += 1;
    return showObjects();
  }
  const prompt = { ...(box && { box }), ...(points.length && { points }) };
  const result = await segment({ prompts: { objects: [prompt] }, maskFormat: "labelMe" });
  if (!result) return redraw();
  const label = at("name").value || "object";
  state.found = result.masks.length ? { label, shapes: result.masks[0].shapes, score: result.maskInfos[0].score } : null;
  showObjects();
}

async function findText() {
  const text = at("text").value.split(",").map((word) => word.trim()).filter(Boolean);
  if (!text.length) return tell("Enter a text to search for", true);
  const result = await segment({ text, maskFormat: "labelMe" });
  if (!result) return;
  state.kept = state.kept.filter((object) => !text.includes(object.text)); // answers to the same words before
  result.masks.forEach((mask, index) => {
    const { prompt, score } = result.maskInfos[index];
    if (mask.shapes.length) state.kept.push({ label: prompt, text: prompt, shapes: mask.shapes, score });
  });
  const missing = text.filter((word) => !state.kept.some((object) => object.text === word));
  if (missing.length) tell(`Not found: ${missing.join(", ")}`);
  showObjects();
}

async function segmentAll() {
  if (model().pipeline === "instance_segmentation") {
    const result = await segment({ threshold: Number(at("threshold").value), maskFormat: "labelMe" });
    if (!result) return;
    state.kept = result.instances.map(({ categoryName, score, mask }) => (
      { label: categoryName, shapes: mask.shapes, score }));
  } else {
    const result = await segment({ maskFormat: "png", labelMe: true });
    if (!result) return;
    const byClass = new Map();
    for (const shape of result.labelMe.shapes) byClass.set(shape.label, [...(byClass.get(shape.label) || []), shape]);
    state.kept = [...byClass].map(([label, shapes]) => ({ label, shapes, score: null }));
  }
  if (!state.kept.length) tell("Nothing found");
  showObjects();
}

// ---- objects and their file

function showObjects() {
  const list = at("objects");
  list.replaceChildren();
  objects().forEach((object, number) => {
    const row = document.createElement("li"), mark = document.createElement("i");
    const name = document.createElement("input"), score = document.createElement("small");
    const remove = document.createElement("button");
    mark.style.background = colourOf(number);
    name.type = "text";
    name.value = object.label;
    name.setAttribute("aria-label", "Name");
    name.addEventListener("input", () => { object.label = name.value; });
    score.textContent = object.score === null ? "" : object.score.toFixed(2);
    remove.textContent = "×";
    remove.title = "Remove";
    remove.addEventListener("click", () => {
      if (object === state.found) return resetPrompt();
      state.kept.splice(state.kept.indexOf(object), 1);
      showObjects();
    });
    row.append(mark, name, score, remove);
    list.append(row);
  });
  const count = objects().length;
  at("count").textContent = count ? `(${count})` : "";
  at("none").hidden = count > 0;
  at("download").disabled = count === 0;
  redraw();
}

function keepObject() {
  if (state.found) state.kept.push(state.found);
  resetPrompt();
}

function resetPrompt() {
  state.prompt = fresh();
  state.found = null;
  state.requests += 1;
  showObjects();
}

function labelMe() {
  const shapes = objects().flatMap(({ label, shapes }, number) => shapes.map((shape) => (
    { ...shape, label: label || "object", group_id: shapes.length > 1 ? number + 1 : null })));
  return {
    version: "5.6.0", flags: {}, shapes, imagePath: state.name, imageData: null,
    imageHeight: view.bitmap.height, imageWidth: view.bitmap.width,
  };
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(labelMe(), null, 1)], { type: "application/json" }));
  link.download = `${state.name.replace(/\.[^.]*$/, "")}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

// ---- opening an image, choosing a model

async function open(file) {
  try {
    view.show(await createImageBitmap(file));
  } catch {
    return tell(`${file.name} is not an image that this browser can show`, true);
  }
  state.image = await new Promise((done) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => done(reader.result.split(",")[1]));
    reader.readAsDataURL(file);
  });
  state.name = file.name;
  state.kept = [];
  at("drop").hidden = true;
  at("stage").classList.add("filled");
  resetPrompt();
  tell(`${file.name}: ${view.bitmap.width} × ${view.bitmap.height} px`);
}

function showModel() {
  const kind = model()?.pipeline;
  at("clicks-part").hidden = kind !== "open_vocabulary_segmentation";
  at("name-part").hidden = kind !== "open_vocabulary_segmentation";
  at("text-part").hidden = kind !== "text_driven_segmentation";
  at("run-part").hidden = !["semantic_segmentation", "instance_segmentation"].includes(kind);
  at("threshold-part").hidden = kind !== "instance_segmentation";
  resetPrompt();
}

async function start() {
  try {
    state.models = await ask("/models");
  } catch (fault) {
    return tell(fault.message, true);
  }
  at("model").replaceChildren(...state.models.map((one) => new Option(`${one.name}`, one.name)));
  at("token-part").hidden = true;
  tell("");
  showModel();
}

// ---- events

function choose(tool) {
  state.tool = tool;
  for (const id of ["point", "box"]) at(id).setAttribute("aria-pressed", String(id === tool));
}

function undo() {
  if (state.prompt.points.length) state.prompt.points.pop();
  else state.prompt.box = null;
  answerPrompt();
}

at("canvas").addEventListener("pointerdown", (event) => {
  if (model()?.pipeline !== "open_vocabulary_segmentation") return;
  const [x, y] = view.place(event);
  if (state.tool === "point") {
    state.prompt.points.push([x, y, event.shiftKey || event.button === 2 ? 0 : 1]);
    redraw();
    answerPrompt();
  } else {
    at("canvas").setPointerCapture(event.pointerId);
    state.dragged = [x, y, x, y];
  }
});
at("canvas").addEventListener("pointermove", (event) => {
  if (!state.dragged) return;
  state.dragged.splice(2, 2, ...view.place(event));
  redraw();
});
at("canvas").addEventListener("pointerup", () => {
  if (!state.dragged) return;
  const [x1, y1, x2, y2] = state.dragged;
  state.dragged = null;
  const box = [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
  if (box[2] - box[0] >= 2 && box[3] - box[1] >= 2) {
    state.prompt.box = box;
    answerPrompt();
  }
  redraw();
});
at("canvas").addEventListener("contextmenu", (event) => event.preventDefault());
at("canvas").addEventListener("redraw", redraw);
at("point").addEventListener("click", () => choose("point"));
at("box").addEventListener("click", () => choose("box"));
at("undo").addEventListener("click", undo);
at("next").addEventListener("click", keepObject);
at("find").addEventListener("click", findText);
at("text").addEventListener("keydown", (event) => { if (event.key === "Enter") findText(); });
at("run").addEventListener("click", segmentAll);
at("threshold").addEventListener("input", () => {
  at("threshold-value").textContent = Number(at("threshold").value).toFixed(2);
});
at("clear").addEventListener("click", () => { state.kept = []; resetPrompt(); });
at("download").addEventListener("click", download);
at("choose").addEventListener("click", () => at("file").click());
at("file").addEventListener("change", () => { if (at("file").files.length) open(at("file").files[0]); });
at("model").addEventListener("change", showModel);
at("use-token").addEventListener("click", () => {
  state.token = at("token").value;
  sessionStorage.setItem("token", state.token);
  start();
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    at("stage").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
  });
}
document.addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLInputElement) return;
  if (event.key === "Enter" && event.target === document.body) keepObject();
  if (event.key === "z" && (event.ctrlKey || event.metaKey)) undo();
});
window.addEventListener("resize", () => { view.fit(); redraw(); });
start();
