// The dialog of votes and thumbs: who won, how far people agree, votes on earlier pairs, and everything as files.

function openVotes() {
  setDrawer(false);
  showVotes();
  $("votes").showModal();
}

function showVotes() {
  const pairs = preferencePairs();
  const today = new Date().toISOString().slice(0, 10);
  const wide = (key, count, onclick) =>
    button(t(key, { count: number(count) }), onclick, { className: "wide", disabled: !count });
  const rater = make("input", { id: "rater", value: settings.rater ?? "", autocomplete: "off", maxLength: 60 });
  rater.onchange = () => set("rater", rater.value.trim());
  $("votes-body").replaceChildren(
    ...(votes.length ? scores() : [t("no_votes")]).map((words) => make("p", words)),
    make("p", agreementWords()),
    make("p", thumbWords()),
    make("label", { htmlFor: "rater" }, t("rater")),
    rater,
    wide("vote_again", votes.length, voteAgain),
    wide("export_votes", votes.length, () =>
      download(`tinylm-votes-${today}.json`, asJson({ schema: "1.0", agreement: agreement(), votes })),
    ),
    wide("export_pairs", pairs.length, () =>
      download(`tinylm-preferences-${today}.jsonl`, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join("")),
    ),
    wide("export_all", talks.size, () => download(`tinylm-conversations-${today}.json`, asJson(byAge()))),
    make("p.soft", t("pairs_hint")),
  );
}

function scores() {
  const found = {};
  for (const { models: names, choice } of votes) {
    names.forEach((name, place) => {
      const score = (found[name] ??= { name, won: 0, tied: 0, lost: 0 });
      score[choice === "tie" ? "tied" : choice === place ? "won" : "lost"] += 1;
    });
  }
  return Object.values(found).map((score) => t("score", score));
}

function agreementWords() {
  const found = agreement();
  if (!found) return t("no_agreement");
  const { items, observed, kappa } = found;
  return t("agreement", { items, share: number(100 * observed), kappa: kappa === null ? "–" : number(kappa, 2) });
}

function thumbWords() {
  const answers = [...talks.values()].flatMap(({ turns }) => turns.flatMap((turn) => turn.answers ?? []));
  const count = (rating) => answers.filter((answer) => answer.rating === rating).length;
  return t("thumbs", { up: count(1), down: count(-1) });
}

// An earlier pair in a new order, its bundles hidden; those come first that have the fewest votes.
function voteAgain() {
  const rater = settings.rater ?? "";
  const [asked] = [...votesByItem().values()]
    .filter((all) => !all.some((vote) => vote.rater === rater))
    .sort((a, b) => a.length - b.length);
  const back = button(t("to_list"), showVotes, { className: "plain" });
  if (!asked) {
    $("votes-body").replaceChildren(make("p", t("nothing_left")), back);
    return;
  }
  const [{ item, prompt, models: names, answers, seed }] = asked;
  const left = leftOf(true);
  const row = voteRow(left, (choice) => {
    addVote({ item, prompt, models: names, answers, seed }, choice, true);
    voteAgain();
  });
  const columns = columnsOf(left, (index, letter) => column(letter, make("div.body", markdown(answers[index]))));
  const question = typeof prompt === "string" ? prompt : prompt.at(-1).content;
  $("votes-body").replaceChildren(make("p.soft", question), columns, row, back);
  row.firstChild.focus();
}
