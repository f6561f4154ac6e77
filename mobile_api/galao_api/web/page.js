// The phone page: take or choose a photo, shrink it here, send it, show the five best answers.

const DEADLINE_MS = 20_000;
const SMALL_DRAWING = 64 * 1024;
const FALLBACK_ADVICE = { short_side: 448, quality: 75, max_picture_bytes: 8 * 1024 * 1024 };
const JPEG_QUALITY = 0.8;

const $ = (id) => document.getElementById(id);
let advice = FALLBACK_ADVICE;
let photo = null; // the file that was chosen last, for "Try again"
let turn = 0; // counts up; an answer to an older photo is dropped

/** What went wrong, in words for a person; `passing` where the same photo may get its answer later. */
class Trouble extends Error {
  constructor(title, detail, passing = true) {
    super(detail);
    this.title = title;
    this.passing = passing;
  }
}

async function readAdvice() {
  const list = await (await fetch("v1/models")).json();
  const model = list.models.find((one) => one.default) ?? list.models[0];
  const card = await (await fetch(`v1/models/${encodeURIComponent(`${model.name}@${model.version}`)}`)).json();
  advice = card.upload;
  $("model").textContent = `${card.name} · ${card.num_output.toLocaleString("en")} kinds`;
}

// --- shrinking: never enlarge, keep the proportions, apply the orientation, drop the metadata ---

async function openPicture(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return openByElement(file); // older browsers do not know the option; <img> turns pictures upright by itself
  }
}

async function openByElement(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    return image;
  } catch {
    return null;
  } finally {
    setTimeout(() => URL.revokeObjectURL(image.src), 60_000);
  }
}

function draw(source, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // under transparent pixels
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(source, 0, 0, width, height);
  return canvas;
}

/** Halve until less than twice the wanted size: some browsers sample only four pixels, whatever the factor. */
function shrinkTo(source, shortSide) {
  let width = source.naturalWidth ?? source.width;
  let height = source.naturalHeight ?? source.height;
  const scale = Math.min(1, shortSide / Math.min(width, height));
  const [wide, high] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  let picture = source;
  while (width >= 2 * wide && height >= 2 * high && width > 2) {
    width = Math.max(wide, Math.floor(width / 2));
    height = Math.max(high, Math.floor(height / 2));
    picture = draw(picture, width, height);
  }
  return draw(picture, wide, high);
}

const encode = (canvas, type, quality) => new Promise((done) => canvas.toBlob(done, type, quality));

async function encodeSmall(canvas) {
  const webp = await encode(canvas, "image/webp", advice.quality / 100);
  if (webp?.type === "image/webp") return webp;
  return encode(canvas, "image/jpeg", JPEG_QUALITY); // Safari hands back PNG when asked for WebP
}

async function shrink(file) {
  if (file.type === "image/png" && file.size <= SMALL_DRAWING) return file;
  const source = await openPicture(file);
  if (source === null) return asItIs(file);
  const blob = await encodeSmall(shrinkTo(source, advice.short_side));
  source.close?.();
  return blob ?? asItIs(file);
}

/** This browser cannot read the file; perhaps the server can. */
function asItIs(file) {
  if (file.size <= advice.max_picture_bytes) return file;
  const limit = Math.round(advice.max_picture_bytes / 2 ** 20);
  throw new Trouble("This file is too large", `Your browser cannot read it, and the server takes ${limit} MB at most.`, false);
}

// --- sending ---

async function ask(blob) {
  const response = await post(blob);
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  throw describe(response, answer);
}

async function post(blob) {
  try {
    return await fetch("v1/predict?top_k=5", {
      method: "POST",
      body: blob,
      headers: { "Content-Type": blob.type || "application/octet-stream" },
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  } catch (error) {
    if (error.name === "TimeoutError") {
      throw new Trouble("This takes too long", `No answer within ${DEADLINE_MS / 1000} seconds. The network may be slow.`);
    }
    throw new Trouble("The server cannot be reached", "Are you in the same network, and is it still running?");
  }
}

const ADVICE = {
  busy: "Many people are asking right now. Wait a moment and try again.",
  draining: "The server is being restarted. Try again in a moment.",
  broken_picture: "The file is damaged. Take the photo again or choose another one.",
  unsupported_picture: "This file is not a photo. JPEG, PNG, WebP and AVIF pictures work.",
  too_many_pixels: "The picture is too large for the server. A normal photo works.",
  too_small: "The picture is too small to see anything in it.",
  picture_too_large: "The file is too large for the server.",
  empty_picture: "The file is empty. Choose it again.",
};

function describe(response, problem) {
  if (!problem?.code) return new Trouble("Something went wrong", `The server answered ${response.status}.`);
  const wait = response.headers.get("Retry-After");
  const detail = ADVICE[problem.code] ?? problem.detail;
  const id = problem.status >= 500 && problem.code === "internal" ? ` (request ${problem.request_id})` : "";
  const passing = problem.status >= 500 || problem.status === 408;
  return new Trouble(problem.title, `${detail}${wait ? ` (${wait} s)` : ""}${id}`, passing);
}

// --- showing ---

const percent = (share) => (share >= 0.9995 ? "100 %" : share < 0.001 ? "< 0.1 %" : `${(share * 100).toFixed(1)} %`);

function row({ name, confidence }) {
  const item = document.createElement("li");
  item.className = "row";
  const [label, share, bar, fill] = ["span", "span", "span", "span"].map((kind) => document.createElement(kind));
  label.className = "name";
  label.textContent = name;
  share.className = "share";
  share.textContent = percent(confidence);
  bar.className = "bar";
  bar.setAttribute("aria-hidden", "true");
  fill.className = "fill";
  fill.style.width = `${(confidence * 100).toFixed(2)}%`; // set by script, not as an attribute: the policy allows it
  bar.append(fill);
  item.append(label, share, bar);
  return item;
}

function showAnswer(answer) {
  const [best] = answer.predictions;
  $("main").dataset.state = "done";
  $("answer-heading").textContent = "Answer";
  $("status").textContent = `Most likely ${best.name}, ${percent(best.confidence)}`;
  $("results").replaceChildren(...answer.predictions.map(row));
  $("note").hidden = answer.calibrated;
  $("note").textContent = "These shares come straight from the net, uncalibrated: a high one may still be wrong.";
  $("main").querySelector(".answer").scrollIntoView({ block: "nearest" });
}

function showTrouble(error) {
  $("main").dataset.state = "trouble";
  $("answer-heading").textContent = "No answer";
  $("status").textContent = "";
  $("again").hidden = error.passing === false;
  $("error-title").textContent = error.title ?? "Something went wrong";
  $("error-detail").textContent = error.message;
  $("error").hidden = false;
}

function showBusy(text) {
  $("main").dataset.state = "busy";
  $("answer-heading").textContent = "Answer";
  $("status").textContent = text;
  $("error").hidden = true;
  $("note").hidden = true;
  $("sent").textContent = "";
  $("results").replaceChildren();
}

function showPreview(blob) {
  const preview = $("preview");
  if (preview.src) URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(blob);
  preview.hidden = false;
  preview.onerror = () => { preview.hidden = true; };
  $("hint").hidden = true;
}

const kilobytes = (bytes) => (bytes < 100_000 ? `${(bytes / 1000).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`);

async function go(file) {
  const mine = ++turn;
  photo = file;
  const current = () => mine === turn;
  showBusy("Making the photo small …");
  showPreview(file);
  try {
    const blob = await shrink(file);
    if (!current()) return;
    if (blob !== file) showPreview(blob);
    showBusy("Asking …");
    const started = performance.now();
    const answer = await ask(blob);
    if (!current()) return;
    const ms = Math.round(performance.now() - started);
    $("sent").textContent = `Sent ${kilobytes(blob.size)} instead of ${kilobytes(file.size)}; answered in ${ms} ms.`;
    if (blob === file) $("sent").textContent = `Sent ${kilobytes(file.size)}; answered in ${ms} ms.`;
    showAnswer(answer);
  } catch (error) {
    if (current()) showTrouble(error);
  }
}

function takeFrom(input) {
  const [file] = input.files;
  input.value = ""; // choosing the same file again is a new question
  if (file) go(file);
}

function dropOn(frame) {
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => { event.preventDefault(); frame.classList.add("over"); });
  }
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) frame.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    frame.classList.remove("over");
    if (event.dataTransfer.files.length) go(event.dataTransfer.files[0]);
  });
}

for (const input of [$("take"), $("choose")]) input.addEventListener("change", () => takeFrom(input));
$("again").addEventListener("click", () => { if (photo) go(photo); });
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) go(event.clipboardData.files[0]);
});
dropOn($("frame"));
readAdvice().catch(() => {}); // the page works without it, with the usual advice
