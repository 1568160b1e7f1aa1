// Answers are written here: a turn at a time, of one bundle or of two at once, and stopped.

let writing = null; // {talk, turn, answers, controller} while something is written

function newAnswer(model, seed) {
  return { text: "", model: model.id, seed, finish: null, tokens: 0, rating: 0 };
}

function newTurn() {
  const seed = nextSeed(0);
  const pair = isPaired();
  const asked = pair ? [firstModel(), secondModel()] : [firstModel()];
  const blind = Boolean(pair && settings.blind);
  const answers = asked.map((model) => newAnswer(model, seed));
  return { pair, blind, left: leftOf(blind), vote: null, shown: 0, answers };
}

// Which of two answers stands on the left: nobody can tell before a vote.
function leftOf(blind) {
  return blind && Math.random() < 0.5 ? 1 : 0;
}

// Asks what a person typed. What fails before a word is written leaves the conversation as it was: the text comes back.
async function send(typed) {
  const talk = current;
  const before = [...talk.turns];
  if (editing !== null) talk.turns.length = editing;
  stopEditing();
  if (typed) talk.turns.push({ text: typed });
  set("current", talk.id);
  const turn = newTurn();
  talk.turns.push(turn);
  if (await write(talk, turn, turn.answers)) return;
  talk.turns = before;
  if (talk === current && !$("text").value) fillComposer(typed);
  showAll();
}

async function regenerate() {
  const talk = current;
  const turn = talk.turns.at(-1);
  const before = { ...turn };
  const { answers } = turn;
  const seed = nextSeed(turn.pair ? 1 : answers.length);
  const again = (turn.pair ? answers : [firstModel()]).map(({ id, model }) => newAnswer({ id: id ?? model }, seed));
  turn.answers = turn.pair ? again : [...answers, ...again];
  Object.assign(turn, { shown: turn.answers.length - 1, left: leftOf(turn.blind), vote: null });
  if (await write(talk, turn, again)) return;
  Object.assign(turn, before);
  showAll();
}

// Whether anything was written. Failures of a part stay with their answer; one of all of it stands in the banner.
async function write(talk, turn, answers) {
  const controller = new AbortController();
  const prompt = promptOf(talk, talk.turns.indexOf(turn));
  writing = { talk, turn, answers, controller };
  hideBanner();
  showAll();
  scrollDown();
  const saving = setInterval(() => save(talk), 1000);
  const failures = await Promise.all(answers.map((answer) => writeOne(talk.mode, prompt, answer, controller.signal)));
  clearInterval(saving);
  writing = null;
  talk.updated = Date.now();
  const written = answers.some((answer) => answer.text || answer.finish === "stop");
  if (written) {
    save(talk);
    showAll();
    announce(turn.blind ? t("both_written") : answers.map((answer) => `${answer.model}: ${answer.text}`).join("\n"));
  } else if (failures[0]) showBanner(failures[0].words());
  return written;
}

// null, or what went wrong. Of a text that no longer fits the context, the newer half is enough to go on from.
async function writeOne(mode, prompt, answer, signal) {
  try {
    await receive(mode, prompt, answer, signal);
  } catch (error) {
    answer.finish = error.name === "AbortError" ? "cancelled" : "failed";
    if (answer.finish === "cancelled") return null;
    const failed = error instanceof Failure ? error : new Failure("server", { said: error.message });
    if (failed.kind === "too_long" && mode === "completion" && prompt.length > 1) {
      Object.assign(answer, { finish: null, dropped: true });
      const letters = [...prompt];
      return writeOne(mode, letters.slice(letters.length / 2).join(""), answer, signal);
    }
    answer.failure = { ...failed };
    return failed;
  }
  return null;
}

async function receive(mode, prompt, answer, signal) {
  const { model, seed } = answer;
  const [path, what] = mode === "chat" ? ["/v1/chat/completions", "messages"] : ["/v1/completions", "prompt"];
  const body = { model, seed, [what]: prompt, stream: true, stream_options: { include_usage: true }, ...sampling(model) };
  const sent = performance.now();
  let firstAt = 0;
  for await (const event of events(await request(path, { body, signal }))) {
    const choice = event.choices?.[0];
    const text = choice?.delta?.content ?? choice?.text ?? "";
    const now = performance.now();
    if (text) {
      firstAt ||= now;
      answer.text += text;
      answer.tokens += 1; // about: until the server has counted
      answer.first = firstAt - sent;
      answer.rate = answer.tokens > 1 ? ((answer.tokens - 1) * 1000) / (now - firstAt) : 0;
      showGrowth(answer);
    }
    if (choice?.finish_reason) answer.finish = choice.finish_reason;
    if (event.usage) answer.tokens = event.usage.completion_tokens;
    if (event.timings) addTimings(answer, event.timings);
    if (event.tinylm?.dropped_messages) answer.dropped = true;
  }
  if (!answer.finish) throw new Failure("cut");
  if (!answer.text && answer.finish === "content_filter") throw new Failure("filtered");
}

function addTimings(answer, { tokens_per_second: rate, ttft_ms: server, timeout }) {
  answer.rate = rate ?? answer.rate;
  answer.server = server;
  if (timeout) answer.finish = "timeout";
}

function stop() {
  writing?.controller.abort();
}
