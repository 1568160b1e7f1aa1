// Elements, files. Text goes in as text: nothing here, or anywhere on this page, makes HTML of a string.

const $ = (id) => document.getElementById(id);

// `make("p.soft", { title }, ...children)`: an element with classes, properties (which may be left out) and children.
function make(what, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  element.className = classes.join(" ");
  if (children[0]?.constructor === Object) Object.assign(element, children.shift());
  element.append(...children.filter((child) => child != null));
  return element;
}

function icon(name) {
  const svg = $("icon").cloneNode(true);
  svg.removeAttribute("id");
  svg.firstChild.setAttribute("d", ICONS[name]);
  return svg;
}

// A button with words; with an icon instead, the words are its name.
function button(words, onclick, more) {
  return make("button", { type: "button", onclick, ...more }, words);
}

function iconButton(name, words, onclick, more) {
  return button(icon(name), onclick, { className: "icon", ariaLabel: words, title: words, ...more });
}

function copyButton(text) {
  return iconButton("copy", t("copy"), async () => {
    await copy(text);
    announce(t("copied"));
  });
}

// A board is reached without TLS, and there browsers give no clipboard: the old way works everywhere.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea.unseen", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

// Speaks to a screen reader, once: an answer is said when it is whole, not token by token.
function announce(text) {
  $("said").textContent = text;
}

function download(name, text) {
  const address = URL.createObjectURL(new Blob([text]));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

function asJson(value) {
  return JSON.stringify(value, null, 1);
}
