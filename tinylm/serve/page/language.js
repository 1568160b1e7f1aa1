// English and Spanish. Elements name their words in data-t, and so on.

const LANGUAGES = STRINGS.languages;
const WORDED = { t: "textContent", hint: "placeholder", label: "ariaLabel", title: "title" };
let language = "en";

function t(key, values) {
  return inLanguage(language, key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function inLanguage(name, key) {
  return STRINGS[key][LANGUAGES.indexOf(name)];
}

function number(value, digits = 0) {
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function speak(chosen) {
  language = LANGUAGES.includes(chosen)
    ? chosen
    : (LANGUAGES.find((known) => navigator.language.toLowerCase().startsWith(known)) ?? "en");
  document.documentElement.lang = language;
  for (const [name, property] of Object.entries(WORDED)) {
    for (const element of document.querySelectorAll(`[data-${name}]`)) element[property] = t(element.dataset[name]);
  }
  for (const element of document.querySelectorAll("[data-label]")) element.title = element.ariaLabel;
}
