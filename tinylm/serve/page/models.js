// The bundles that the server has, which of them is asked, and the memory that all of it takes.

const STATUS_MS = 4000;
let models = [];

async function loadModels() {
  const { data } = await (await request("/v1/models")).json();
  models = data;
  showModels();
}

function modelOf(id) {
  return models.find((model) => model.id === id);
}

function firstModel() {
  return modelOf(settings.model) ?? models[0];
}

function secondModel() {
  return modelOf(settings.second) ?? models.find((model) => model !== firstModel());
}

function isPaired() {
  return Boolean(settings.pair && models.length > 1);
}

function showModels() {
  for (const [name, chosen] of [["model", firstModel()], ["second", secondModel()]]) {
    $(name).replaceChildren(...models.map(({ id }) => make("option", { selected: id === chosen?.id }, id)));
    $(name).title = chosen?.id ?? "";
  }
  $("second").hidden = !isPaired();
  $("pair").hidden = models.length < 2;
  $("blind").hidden = !isPaired();
  $("pair").ariaPressed = isPaired();
  $("blind").ariaPressed = Boolean(settings.blind);
  document.body.classList.toggle("paired", isPaired());
}

// "2.1 M parameters · int8 · context 256 tokens · en, es"
function aboutModel(model) {
  const facts = model.tinylm;
  return t("about_model", {
    parameters: facts.parameters < 1e6 ? number(facts.parameters) : `${number(facts.parameters / 1e6, 1)} M`,
    scheme: facts.scheme,
    context: number(facts.context_length),
    languages: facts.languages.join(", "),
    filter: facts.filter?.name ?? "–",
  });
}

async function showMemory() {
  if (document.hidden) return;
  const box = $("memory");
  try {
    const status = await (await request("/status", { quiet: true })).json();
    const [words, track] = box.children;
    const limit = status.limit_mb;
    const share = limit ? status.rss_mb / limit : 0;
    words.textContent = `${[status.rss_mb, ...(limit ? [limit] : [])].map((mb) => number(mb)).join(" / ")} MB`;
    box.title = limit ? t("memory_limit", status) : t("memory_hint");
    track.hidden = !limit;
    track.className = `track ${share > 1 ? "over" : share > 0.9 ? "tight" : ""}`;
    track.firstChild.style.width = `${Math.min(100, 100 * share)}%`;
    box.hidden = false;
  } catch {
    box.hidden = true;
  }
}
