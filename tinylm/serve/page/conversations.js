// A conversation: {id, title, mode: "chat" | "completion", system, updated, turns}. A turn is what a person wrote,
// {text}, or what models answered, {pair, blind, left, vote, shown, answers}:
//   answers  each {text, model, seed, finish, failure, dropped, tokens, rate, first, server, rating}; of a pair one
//            for each bundle, else one for each time it was asked for, of which `shown` is looked at
//   left     of a pair, which answer stands on the left; vote: 0, 1, "tie", or null while it is open
// Both bundles of a pair are asked the same: the conversation goes on from the answer that was preferred, else the first.

const MAX_TALKS = 200;
const talks = new Map();
let current = null;

function loadTalks() {
  for (const name of storedNames("c.")) {
    const found = stored(name, null);
    if (!isTalk(found)) continue;
    if (found.turns.at(-1)?.answers?.every((answer) => !answer.text)) found.turns.pop(); // left before a word came
    talks.set(found.id, found.id === current?.id ? current : found);
  }
}

function isTalk(found) {
  const isAnswer = (answer) => typeof answer?.text === "string" && typeof answer.model === "string";
  const isTurn = (turn) =>
    typeof turn?.text === "string" ||
    (Array.isArray(turn?.answers) && turn.answers.every(isAnswer) && turn.answers.length > (turn.pair ? 1 : turn.shown));
  return typeof found?.id === "string" && Array.isArray(found.turns) && found.turns.every(isTurn);
}

function newTalk(mode) {
  const id = String(crypto.getRandomValues(new Uint32Array(1))[0]);
  return { id, title: "", mode, system: settings.system ?? "", updated: Date.now(), turns: [] };
}

function byAge() {
  return [...talks.values()].sort((a, b) => b.updated - a.updated);
}

// Kept when something was said. The number is bounded by refusing, not by removing behind a person's back.
function save(talk) {
  if (!talk.turns.length) return;
  if (talks.size >= MAX_TALKS && !talks.has(talk.id)) storeTrouble = "full";
  else keep(`c.${talk.id}`, talk);
  talks.set(talk.id, talk);
  showStoreTrouble();
}

function titleOf(talk) {
  const first = talk.turns[0]?.text?.trim().replace(/\s+/g, " ") ?? "";
  return talk.title || (first.length > 48 ? `${first.slice(0, 48)}…` : first) || t("untitled");
}

function answerOf(turn) {
  if (!turn.pair) return turn.answers[turn.shown];
  const [first, second] = turn.answers;
  const liked = !first.text || (second.rating ?? 0) > (first.rating ?? 0);
  return turn.vote === 1 || (turn.vote === null && liked) ? second : first;
}

// The turns before `end` as the messages of a chat.
function messagesOf(talk, end) {
  const messages = talk.system ? [{ role: "system", content: talk.system }] : [];
  for (const turn of talk.turns.slice(0, end)) {
    if (turn.answers) messages.push({ role: "assistant", content: answerOf(turn).text });
    else messages.push({ role: "user", content: turn.text });
  }
  return messages;
}

// The turns before `end` as one text that goes on.
function textOf(talk, end) {
  let text = "";
  for (const turn of talk.turns.slice(0, end)) {
    text += turn.answers ? answerOf(turn).text : bordered(text, turn.text);
  }
  return text;
}

// What was asked, as it is sent and as it is trained on.
function promptOf(talk, end) {
  return talk.mode === "chat" ? messagesOf(talk, end) : textOf(talk, end);
}

// What a person adds, with a space where none stands at the border.
function bordered(before, text) {
  return before && !/\s$/.test(before) && !/^[\s.,;:!?]/.test(text) ? ` ${text}` : text;
}

function asMarkdown(talk) {
  const lines = [`# ${titleOf(talk)}`, ""];
  if (talk.mode === "completion") return `${lines.join("\n")}\n${textOf(talk)}\n`;
  if (talk.system) lines.push(`**${t("system")}:** ${talk.system}`, "");
  for (const turn of talk.turns) {
    const said = turn.answers
      ? (turn.pair ? turn.answers : [answerOf(turn)]).map((answer) => [answer.model, answer.text])
      : [[t("you"), turn.text]];
    for (const [who, text] of said) lines.push(`**${who}:**`, "", text, "");
  }
  return `${lines.join("\n")}\n`;
}
