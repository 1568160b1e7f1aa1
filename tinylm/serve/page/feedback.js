// What people think of answers: votes between two bundles, blind or not, and thumbs. Both leave as files.

const MAX_VOTES = 1000;
let votes;
loadVotes();

function loadVotes() {
  const found = stored("votes", []);
  votes = Array.isArray(found) ? found : [];
}

// An item is one prompt with its two answers; further votes on it tell how far people agree.
function addVote(item, choice, blind) {
  votes.push({ ...item, choice, blind, rater: settings.rater ?? "", date: new Date().toISOString() });
  votes = votes.slice(-MAX_VOTES);
  keep("votes", votes);
  showStoreTrouble();
}

function itemOf(talk, place) {
  const { answers } = talk.turns[place];
  const item = {
    prompt: promptOf(talk, place),
    models: answers.map((answer) => answer.model),
    answers: answers.map((answer) => answer.text),
    seed: answers[0].seed,
  };
  return { item: hashOf(JSON.stringify(item)), ...item };
}

function votesByItem() {
  const items = new Map();
  for (const vote of votes) items.set(vote.item, [...(items.get(vote.item) ?? []), vote]);
  return items;
}

// Agreement of the votes on the same item: the share of pairs of votes that say the same, and Fleiss' kappa, which
// takes away what chance would give (https://doi.org/10.1037/h0031619, with any number of votes an item).
function agreement() {
  const counts = {};
  let total = 0;
  let agreed = 0;
  let rated = 0;
  for (const item of votesByItem().values()) {
    if (item.length < 2) continue;
    const own = {};
    for (const { choice, models } of item) {
      const name = choice === "tie" ? choice : models[choice];
      own[name] = (own[name] ?? 0) + 1;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    const same = Object.values(own).reduce((sum, n) => sum + n * (n - 1), 0);
    agreed += same / (item.length * (item.length - 1));
    rated += 1;
    total += item.length;
  }
  if (!rated) return null;
  const observed = agreed / rated;
  const chance = Object.values(counts).reduce((sum, n) => sum + (n / total) ** 2, 0);
  return { items: rated, votes: total, observed, kappa: chance < 1 ? (observed - chance) / (1 - chance) : null };
}

// Pairs for preference tuning: a thumb up against a thumb down for the same prompt, and votes that are no tie.
function preferencePairs() {
  const pairs = [];
  const add = (prompt, chosen, rejected) => {
    const said = (text) => (typeof prompt === "string" ? text : [{ role: "assistant", content: text }]);
    if (chosen !== rejected) pairs.push({ prompt, chosen: said(chosen), rejected: said(rejected) });
  };
  for (const talk of talks.values()) {
    talk.turns.forEach((turn, place) => {
      const rated = (rating) => (turn.answers ?? []).filter((answer) => answer.rating === rating);
      for (const up of rated(1)) {
        for (const down of rated(-1)) add(promptOf(talk, place), up.text, down.text);
      }
    });
  }
  for (const { prompt, answers, choice } of votes) {
    if (choice !== "tie") add(prompt, answers[choice], answers[1 - choice]);
  }
  return pairs;
}

// FNV-1a of 64 bits; crypto.subtle is not there without TLS.
function hashOf(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
}
