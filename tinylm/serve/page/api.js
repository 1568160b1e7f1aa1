// The server, by fetch. What goes wrong is a Failure, whose kind has words of its own in strings.json.

class Failure extends Error {
  // kind: network, cut, token, busy, stopping, refused, filtered, too_long, server
  constructor(kind, { said = "", seconds = 0 } = {}) {
    super(said);
    Object.assign(this, { kind, said, seconds });
  }

  words() {
    const said = this.said.replace(/\x60/g, "");
    const [, name] = said.match(/\(category ([^)]+)\)/) ?? [];
    const words = t(`failed_${this.kind}`, { seconds: this.seconds, category: name ? t("category", { name }) : "" });
    return said && this.kind !== "filtered" ? `${words} ${said}` : words;
  }
}

let token = takeToken();
let tokenAsked = null; // one question for all requests that wait for it

// From the address's fragment, which no server sees, and out of the address bar; else what this tab was told before.
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  try {
    if (given) sessionStorage.setItem("tinylm.token", given);
    return given ?? sessionStorage.getItem("tinylm.token");
  } catch {
    return given;
  } finally {
    if (given) history.replaceState(null, "", location.pathname + location.search);
  }
}

addEventListener("hashchange", () => {
  token = takeToken() ?? token;
  start();
});

async function request(path, { body, signal, quiet } = {}) {
  for (;;) {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    if (body) headers["Content-Type"] = "application/json";
    let response;
    try {
      const method = body ? "POST" : "GET";
      response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal, cache: "no-store" });
    } catch (error) {
      throw error.name === "AbortError" ? error : new Failure("network");
    }
    if (response.ok) return response;
    const { error } = response.status === 401 ? {} : await response.json().catch(() => ({}));
    if (response.status !== 401) throw failure(error, response.status, response.headers.get("Retry-After"));
    if (quiet) throw new Failure("token");
    tokenAsked ??= askToken().finally(() => (tokenAsked = null));
    await tokenAsked;
  }
}

async function askToken() {
  const text = t(token ? "token_wrong" : "token_text");
  const given = await ask({ title: t("token"), text, input: "", secret: true, yes: t("go_on") });
  if (!given) throw new Failure("token");
  token = given.trim();
  try {
    sessionStorage.setItem("tinylm.token", token);
  } catch {} // then for as long as the page is open
}

const CODES = { content_filter: "filtered", context_length_exceeded: "too_long", shutting_down: "stopping" };

// An error of the server, {message, code}, that came with a status or inside a stream.
function failure(error, status, seconds) {
  const said = String(error?.message ?? "").slice(0, 500);
  const byStatus = status === 429 ? "busy" : status === 503 ? "stopping" : status < 500 ? "refused" : "server";
  return new Failure(CODES[error?.code] ?? byStatus, { said, seconds: Number(seconds) || 1 });
}

// The events of a stream, parsed, until `[DONE]`. A stream that ends without it was cut.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw error.name === "AbortError" ? error : new Failure("cut");
    });
    if (done) throw new Failure("cut");
    const lines = (waiting + value).split(/\r?\n/);
    waiting = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      const event = JSON.parse(data);
      if (event.error) throw failure(event.error);
      yield event;
    }
  }
}
