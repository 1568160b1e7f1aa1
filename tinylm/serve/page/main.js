// Puts it together, and begins.

function showAll() {
  showTheme();
  speak(settings.language);
  showModels();
  showSidebar();
  showThread();
  showComposer();
  showSettings();
}

async function start() {
  try {
    await loadModels();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    showBanner(error.words(), { retry: start });
    return;
  }
  hideBanner();
  if (!current.turns.length) current.mode = settings.mode ?? (firstModel()?.tinylm.base_model ? "completion" : "chat");
  showAll();
  showStoreTrouble();
  showMemory();
}

for (const element of document.querySelectorAll("[data-icon]")) element.prepend(icon(element.dataset.icon));
loadTalks();
current = talks.get(settings.current) ?? newTalk(settings.mode ?? "chat");
buildSettings();
buildComposer();
buildSidebar();
$("settings-open").onclick = () => {
  showSettings();
  $("settings").showModal();
};
for (const name of ["model", "second"]) $(name).onchange = () => choose(name, $(name).value);
dark.onchange = showTheme;
fillComposer(stored("draft", ""));
showAll();
start();
setInterval(showMemory, STATUS_MS);
document.addEventListener("visibilitychange", showMemory);
addEventListener("pagehide", () => {
  save(current);
  keep("draft", $("text").value);
});
// Another tab kept something. What is looked at here stays; the tab that writes last to a conversation wins.
addEventListener("storage", ({ key, newValue }) => {
  if (newValue === null) talks.delete(key?.split(".")[2]);
  loadTalks();
  loadVotes();
  showSidebar();
});
// An on-screen keyboard takes room; what one writes stays above it.
visualViewport?.addEventListener("resize", () => {
  if (visualViewport.scale === 1) document.body.style.height = `${visualViewport.height}px`;
});
