// What a person set: {language, theme, model, second, pair, blind, mode, rater, system, seed, temperature, ...}. What
// was not set is the bundle's own, and is not sent.

const settings = stored("settings", {});
const FIELDS = [
  ["temperature", 0, 2, 0.05], // least, most, step
  ["top_p", 0.05, 1, 0.05],
  ["top_k", 0, 200, 1],
  ["repetition_penalty", 1, 2, 0.05],
  ["max_tokens", 1, 1024, 1],
];
const MAX_SEED = 1e15; // below it, a number of the browser is the number that was typed
const dark = matchMedia("(prefers-color-scheme: dark)");

function set(name, value) {
  settings[name] = value;
  keep("settings", settings);
}

function choose(name, value) {
  set(name, value);
  showAll();
}

// What was set, for a request to a bundle, whose context may be shorter than another's.
function sampling(id) {
  const chosen = Object.fromEntries(FIELDS.filter(([name]) => name in settings).map(([name]) => [name, settings[name]]));
  if (chosen.max_tokens) chosen.max_tokens = Math.min(chosen.max_tokens, modelOf(id)?.tinylm.context_length ?? Infinity);
  return chosen;
}

// A seed is always sent, so that an answer can be had again, and two bundles get the same.
function nextSeed(answersBefore) {
  return settings.seed == null ? Math.floor(Math.random() * 2 ** 31) : settings.seed + answersBefore;
}

function showTheme() {
  document.documentElement.dataset.theme = settings.theme ?? (dark.matches ? "dark" : "light");
}

// Back to what the device says where that is the same, so that the page follows it again.
function switchTheme() {
  const other = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  choose("theme", (other === "dark") === dark.matches ? null : other);
}

function buildSettings() {
  for (const [name, min, max, step] of FIELDS) {
    const input = make("input", { type: "range", id: name, min, max, step });
    input.oninput = () => {
      set(name, Number(input.value));
      showSettings();
    };
    const label = make("label", { htmlFor: name });
    label.dataset.t = name;
    $("fields").append(make("div.field", label, make("output", { htmlFor: name }), input));
  }
  $("seed").oninput = checkSeed;
  $("seed").onchange = () => {
    const given = $("seed").value.trim();
    if (checkSeed()) choose("seed", given ? Number(given) : null);
  };
  $("seed").form.onsubmit = (event) => {
    if (checkSeed()) return;
    event.preventDefault();
    $("seed").focus();
  };
  $("system").onchange = () => setSystem($("system").value);
  $("reset").onclick = () => {
    for (const [name] of [...FIELDS, ["seed"]]) delete settings[name];
    $("seed").value = "";
    setSystem("");
  };
}

// What is no seed stays in its field, with words beside it, and the dialog open.
function checkSeed() {
  const seed = Number($("seed").value);
  const isSeed = Number.isInteger(seed) && Math.abs(seed) < MAX_SEED;
  $("seed").ariaInvalid = !isSeed;
  $("seed-note").hidden = isSeed;
  return isSeed;
}

function setSystem(text) {
  current.system = text;
  save(current);
  choose("system", text);
}

function showSettings() {
  const own = firstModel()?.tinylm;
  for (const [name, , most, step] of FIELDS) {
    const input = $(name);
    if (name === "max_tokens" && own) input.max = own.context_length;
    input.value = settings[name] ?? own?.generation[name] ?? most;
    const shown = number(Number(input.value), step < 1 ? 2 : 0);
    input.previousElementSibling.textContent = name in settings ? shown : t("own", { value: shown });
  }
  if (checkSeed()) $("seed").value = settings.seed ?? "";
  $("system").value = current.system;
}
