// What is kept in this browser, as JSON under `tinylm.`. A store that is forbidden or full loses nothing of what is
// open: it is told, and the page goes on without.

const PREFIX = "tinylm.";
const MAX_CHARACTERS = 2000000; // browsers give about twice as many
let storage = null;
try {
  storage = localStorage;
} catch {}
let storeTrouble = storage ? null : "forbidden"; // or "full"

function storedNames(start) {
  return Object.keys(storage ?? {})
    .filter((key) => key.startsWith(PREFIX + start))
    .map((key) => key.slice(PREFIX.length));
}

function stored(name, otherwise) {
  try {
    return JSON.parse(storage.getItem(PREFIX + name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function keep(name, value) {
  if (!storage) return;
  const text = JSON.stringify(value);
  const others = storedNames("").filter((other) => other !== name);
  const taken = others.reduce((sum, other) => sum + storage.getItem(PREFIX + other).length, text.length);
  try {
    if (taken > MAX_CHARACTERS) throw new Error("full");
    storage.setItem(PREFIX + name, text);
    storeTrouble = null;
  } catch {
    storeTrouble = "full";
  }
}

function forget(name) {
  storage?.removeItem(PREFIX + name);
  if (storeTrouble === "full") storeTrouble = null;
}
