// The conversations of this browser: open, rename, export, delete.

function buildSidebar() {
  $("new").onclick = () => {
    openTalk(newTalk(current.mode));
    $("text").focus();
  };
  $("side-open").onclick = () => setDrawer(true);
  $("side-close").onclick = $("shade").onclick = () => setDrawer(false);
  $("side").onkeydown = (event) => {
    if (event.key === "Escape" && !document.querySelector(":popover-open")) setDrawer(false);
  };
  $("votes-open").onclick = openVotes;
  $("theme").onclick = switchTheme;
  $("language").onclick = () => choose("language", LANGUAGES.find((other) => other !== language));
}

function setDrawer(open) {
  if (document.body.classList.contains("drawer") === open) return;
  document.body.classList.toggle("drawer", open);
  $("room").inert = open;
  $("side-open").ariaExpanded = open;
  $(open ? "side-close" : "side-open").focus();
}

function openTalk(talk) {
  current = talk;
  set("current", talk.id);
  setDrawer(false);
  stopEditing();
  hideBanner();
  showAll();
  scrollDown();
}

function showSidebar() {
  const items = byAge().map((talk) => {
    const here = talk === current;
    const title = make("span", titleOf(talk));
    const open = button(title, () => openTalk(talk), { className: "open" });
    open.append(make("span.soft", timeOf(talk)));
    if (here) open.ariaCurrent = "true";
    const more = iconButton("more", t("more", { title: titleOf(talk) }), () => openMenu(more, entries(talk)));
    more.ariaHasPopup = "menu";
    return make(here ? "li.here" : "li", open, more);
  });
  $("list").replaceChildren(...items);
  const other = LANGUAGES.find((name) => name !== language);
  $("language").textContent = other.toUpperCase();
  $("language").title = inLanguage(other, "in_this_language");
  $("language").lang = other;
}

// When something was last said: the time of a day is enough for today.
function timeOf({ updated }) {
  const day = (time) => new Date(time).toLocaleDateString(language, { dateStyle: "medium" });
  const time = new Date(updated).toLocaleTimeString(language, { timeStyle: "short" });
  return day(updated) === day(Date.now()) ? time : `${day(updated)}, ${time}`;
}

function entries(talk) {
  const name = `tinylm-${titleOf(talk).replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40)}`;
  return [
    [t("rename"), () => rename(talk)],
    [t("export_markdown"), () => download(`${name}.md`, asMarkdown(talk))],
    [t("export_json"), () => download(`${name}.json`, asJson(talk))],
    [t("delete"), () => remove(talk)],
  ];
}

async function rename(talk) {
  const given = await ask({ title: t("rename"), input: titleOf(talk), yes: t("done") });
  if (given === null) return;
  talk.title = given.trim().slice(0, 100);
  save(talk);
  showSidebar();
}

async function remove(talk) {
  const yes = await ask({ title: t("delete"), text: t("delete_text", { title: titleOf(talk) }), yes: t("delete") });
  if (!yes) return;
  if (writing?.talk === talk) stop();
  talks.delete(talk.id);
  forget(`c.${talk.id}`);
  if (talk === current) openTalk(newTalk(talk.mode));
  else showSidebar();
}
