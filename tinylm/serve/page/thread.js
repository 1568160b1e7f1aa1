// The conversation that is looked at, from its turns.

const bodies = new WeakMap(); // answer -> the element that shows its text
const grown = new Set(); // answers to show anew with the next frame

function showThread() {
  const focused = document.activeElement;
  const focusedPlace = buttonsOfThread().indexOf(focused);
  const { turns, mode } = current;
  const parts = [];
  if (!turns.length) parts.push(emptyThread());
  else if (mode === "chat" && firstModel()?.tinylm.base_model) parts.push(baseNote());
  let before = "";
  for (const [place, turn] of turns.entries()) {
    const last = place === turns.length - 1;
    if (turn.pair) parts.push(pairTurn(turn, place, last));
    else if (mode === "chat") parts.push(turn.answers ? answerTurn(turn, last) : typedTurn(turn, place));
    else parts.push(...textTurn(turn, last, before));
    if (mode === "completion") before = textOf(current, place + 1);
  }
  $("thread").replaceChildren(...joinTexts(parts));
  if (focusedPlace < 0) return;
  const same = buttonsOfThread()[focusedPlace];
  (same?.title === focused.title ? same : $("main")).focus();
}

function buttonsOfThread() {
  return [...$("thread").querySelectorAll("button")];
}

function baseNote() {
  const advice = current.mode === "chat" ? t("text_suits") : "";
  return make("p.caution.turn", `${t("base_model")} ${advice}`);
}

function emptyThread() {
  const model = firstModel();
  const box = make("div.empty");
  if (!model) return box;
  box.append(make("h2", t(`empty_${current.mode}`)));
  if (model.tinylm.base_model) box.append(baseNote());
  box.append(make("p.soft", make("strong", model.id), " ", aboutModel(model)));
  if (current.mode === "completion") {
    const known = LANGUAGES.filter((name) => model.tinylm.languages.includes(name));
    const texts = known.flatMap((name) => [inLanguage(name, "start_1"), inLanguage(name, "start_2")]);
    box.append(make("div.starts", ...texts.map((text) => button(text, () => submit(text)))));
  }
  return box;
}

function typedTurn(turn, place) {
  const edit = place === lastTyped() && !writing ? editButton(place) : null;
  return make("article.turn.mine", { ariaLabel: t("you") }, edit, make("div.said", turn.text));
}

function lastTyped() {
  return current.turns.findLastIndex((turn) => !turn.answers);
}

function answerTurn(turn, last) {
  const answer = answerOf(turn);
  const article = column(answer.model, bodyOf(answer), ...endOf(answer), underOf(turn, answer, last));
  article.className = "turn";
  return article;
}

// Texts that go on stand in one paragraph, what is typed and what is written told apart.
function textTurn(turn, last, before) {
  if (!turn.answers) return [make("span", bordered(before, turn.text))];
  const answer = answerOf(turn);
  return last ? [bodyOf(answer), make("div.turn", ...endOf(answer), underOf(turn, answer, last))] : [bodyOf(answer)];
}

function joinTexts(parts) {
  const joined = [];
  for (const part of parts) {
    if (part.tagName !== "SPAN") joined.push(part);
    else if (joined.at(-1)?.className === "written") joined.at(-1).append(part);
    else joined.push(make("div.written", part));
  }
  return joined;
}

function pairTurn(turn, place, last) {
  const isOpen = writing?.turn === turn;
  const isWhole = turn.answers.every((answer) => answer.text && answer.finish !== "failed");
  const isHidden = turn.blind && turn.vote === null && (isOpen || isWhole);
  const columns = columnsOf(turn.left, (index, letter) => {
    const answer = turn.answers[index];
    if (isHidden) return column(letter, isOpen ? make("p.soft", t("writing")) : bodyOf(answer));
    const goesOn = !isOpen && answer === answerOf(turn);
    const name = [letter, answer.model, ...(goesOn ? [t("goes_on")] : [])].join(" · ");
    const shown = column(name, bodyOf(answer), ...endOf(answer), underOf(turn, answer));
    shown.classList.toggle("won", goesOn);
    return shown;
  });
  const choose = (choice) => {
    addVote(itemOf(current, place), choice, turn.blind);
    changed(turn, { vote: choice });
  };
  const isAsked = !isOpen && isWhole && turn.vote === null && (turn.blind || last);
  const again = last && !isOpen && !isHidden ? make("div.under", againButton()) : null;
  return make("div.turn.beside", columns, isAsked ? voteRow(turn.left, choose) : null, again);
}

function columnsOf(left, part) {
  return make("div.columns", part(left, "A"), part(1 - left, "B"));
}

function column(name, ...parts) {
  return make("article", { ariaLabel: name }, make("div.who", name), ...parts);
}

function voteRow(left, onvote) {
  return make(
    "div.vote",
    { role: "group", ariaLabel: t("vote") },
    button(t("better", { name: "A" }), () => onvote(left)),
    button(t("tie"), () => onvote("tie")),
    button(t("better", { name: "B" }), () => onvote(1 - left)),
  );
}

function bodyOf(answer) {
  const body = current.mode === "chat" ? make("div.body") : make("span.model.written");
  bodies.set(answer, body);
  fillBody(answer);
  return body;
}

function fillBody(answer) {
  const body = bodies.get(answer);
  body.classList.toggle("waiting", Boolean(writing?.answers.includes(answer)) && !answer.finish);
  body.replaceChildren(current.mode === "chat" ? markdown(answer.text) : answer.text);
}

function showGrowth(answer) {
  if (!grown.size) {
    requestAnimationFrame(() => {
      const main = $("main");
      const atEnd = main.scrollHeight - main.scrollTop - main.clientHeight < 80;
      for (const each of grown) if (bodies.get(each)?.isConnected) fillBody(each);
      grown.clear();
      showFigures();
      if (atEnd) scrollDown();
    });
  }
  grown.add(answer);
}

function scrollDown() {
  $("main").scrollTop = $("main").scrollHeight;
}

// What is worth a word about an answer: what it did not see, why it ended.
function endOf(answer) {
  const { finish, failure, dropped } = answer;
  if (writing?.answers.includes(answer)) return [];
  const notes = dropped ? [make("p.soft", t("dropped"))] : [];
  if (failure) return [...notes, make("p.failed", new Failure(failure.kind, failure).words())];
  const key = `finish_${finish ?? "cancelled"}`;
  return finish === "stop" ? notes : [...notes, make("p.soft", t(key in STRINGS ? key : "finish_other"))];
}

function underOf(turn, answer, last) {
  const under = make("div.under");
  if (writing?.answers.includes(answer)) return under;
  const rate = (name, rating) => {
    const ariaPressed = answer.rating === rating;
    return iconButton(name, t(name), () => changed(answer, { rating: ariaPressed ? 0 : rating }), { ariaPressed });
  };
  const go = (name, step) => {
    const shown = turn.shown + step;
    return iconButton(name, t(name), () => changed(turn, { shown }), { disabled: !turn.answers[shown] });
  };
  under.append(rate("up", 1), rate("down", -1), copyButton(answer.text));
  if (last && !writing) {
    under.append(againButton());
    if (current.mode === "completion") under.append(editButton(lastTyped()));
  }
  if (!turn.pair && turn.answers.length > 1 && !writing) {
    under.append(go("back", -1), `${turn.shown + 1}/${turn.answers.length}`, go("next", 1));
  }
  under.append(make("span.figures", figuresOf(answer)));
  return under;
}

function againButton() {
  return iconButton("again", t("again"), regenerate);
}

function editButton(place) {
  return iconButton("edit", t("edit"), () => startEditing(place));
}

function changed(part, values) {
  Object.assign(part, values);
  save(current);
  showThread();
}

function figuresOf(answer) {
  const parts = [];
  if (answer.tokens) parts.push(t("tokens", { count: number(answer.tokens) }));
  if (answer.rate) parts.push(t("rate", { rate: number(answer.rate, answer.rate < 100 ? 1 : 0) }));
  if (answer.first) parts.push(t("first", { ms: number(answer.first) }));
  if (answer.server) parts.push(t("server", { ms: number(answer.server) }));
  return parts.join(" · ");
}
