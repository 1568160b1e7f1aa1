// Where one writes, and what stands around it: mode, sending, stopping, editing what was asked last.

let editing = null; // the place of the turn that is edited

function buildComposer() {
  const text = $("text");
  text.oninput = showComposer;
  text.onkeydown = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit(text.value);
  };
  $("composer").onsubmit = (event) => {
    event.preventDefault();
    if (writing) stop();
    else submit(text.value);
  };
  $("edit-cancel").onclick = () => {
    stopEditing();
    fillComposer("");
    showAll();
  };
  for (const mode of ["chat", "completion"]) $(`mode-${mode}`).onclick = () => setMode(mode);
  $("pair").onclick = () => choose("pair", !isPaired());
  $("blind").onclick = () => choose("blind", !settings.blind);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && writing && !document.querySelector("dialog[open], :popover-open")) stop();
  });
}

function submit(typed) {
  const text = current.mode === "chat" ? typed.trim() : typed;
  if (writing || !models.length || !(text || canGoOn())) return;
  fillComposer("");
  send(text);
}

// A text can go on without a further word.
function canGoOn() {
  return current.mode === "completion" && current.turns.length > 0 && editing === null;
}

function fillComposer(text) {
  $("text").value = text;
  showComposer();
}

function setMode(mode) {
  set("mode", mode);
  if (current.turns.length && current.mode !== mode) openTalk(newTalk(mode));
  current.mode = mode;
  showAll();
}

function startEditing(place) {
  editing = place;
  fillComposer(current.turns[place].text);
  $("text").focus();
}

function stopEditing() {
  editing = null;
  showComposer();
}

function showComposer() {
  const text = $("text");
  const mode = current.mode;
  text.placeholder = $("text-label").textContent = t(canGoOn() ? "hint_go_on" : `hint_${mode}`);
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
  for (const name of ["chat", "completion"]) $(`mode-${name}`).ariaPressed = name === mode;
  const send = $("send");
  send.disabled = !writing && (!models.length || !(text.value.trim() || canGoOn()));
  send.ariaLabel = send.title = t(writing ? "stop" : "send");
  send.replaceChildren(icon(writing ? "stop" : "send"));
  document.body.classList.toggle("writing", Boolean(writing));
  $("editing").hidden = editing === null;
  showFigures();
}

// While it is written, by the page's own clock.
function showFigures() {
  const rates = writing?.answers.map((answer) => answer.rate ?? 0).filter(Boolean) ?? [];
  const total = rates.reduce((sum, rate) => sum + rate, 0);
  $("figures").textContent = total && !writing.turn.blind ? t("rate", { rate: number(total, 1) }) : "";
}

function showBanner(words, { kind = "", retry } = {}) {
  const again = retry && button(t("try_again"), retry);
  $("banner").className = kind;
  $("banner").replaceChildren(make("span", words), make("span", again, iconButton("close", t("close"), hideBanner)));
  $("banner").hidden = false;
}

function hideBanner() {
  $("banner").hidden = true;
}

let toldTrouble = null;

function showStoreTrouble() {
  if (storeTrouble && storeTrouble !== toldTrouble) showBanner(t(`store_${storeTrouble}`), { kind: "mild" });
  toldTrouble = storeTrouble;
}
